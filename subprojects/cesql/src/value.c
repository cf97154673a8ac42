#include "value.h"

#include <limits.h>
#include <string.h>

struct cesql_value cesql_zero(enum cesql_type type)
{
	if (type == CESQL_TYPE_STRING)
		return cesql_string_value((struct cesql_text){"", 0});
	return type == CESQL_TYPE_INTEGER ? cesql_integer_value(0) : cesql_boolean_value(false);
}

bool cesql_text_to_integer(struct cesql_text text, int32_t *out_integer)
{
	bool is_negative = text.len > 0 && text.at[0] == '-';
	size_t i = text.len > 0 && (text.at[0] == '-' || text.at[0] == '+');
	int64_t sum = 0;

	if (i == text.len)
		return false;
	for (; i < text.len; i++) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return false;
		sum = sum * 10 + (text.at[i] - '0');
		if (sum > (int64_t)INT32_MAX + 1)
			return false;
	}
	sum = is_negative ? -sum : sum;
	if (sum > INT32_MAX)
		return false;
	*out_integer = (int32_t)sum;
	return true;
}

static bool is_word(struct cesql_text text, const char *word)
{
	if (text.len != strlen(word))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];
		if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != word[i])
			return false;
	}
	return true;
}

bool cesql_text_to_boolean(struct cesql_text text, bool *out_boolean)
{
	if (is_word(text, "true"))
		*out_boolean = true;
	else if (is_word(text, "false"))
		*out_boolean = false;
	else
		return false;
	return true;
}

enum cesql_error cesql_to_integer(const struct cesql_value *value, int32_t *out_integer)
{
	*out_integer = 0;
	if (value->type == CESQL_TYPE_INTEGER)
		*out_integer = value->integer;
	else if (value->type == CESQL_TYPE_BOOLEAN)
		*out_integer = value->boolean;
	else if (!cesql_text_to_integer(value->string, out_integer))
		return CESQL_ERROR_CAST;
	return CESQL_ERROR_NONE;
}

enum cesql_error cesql_to_boolean(const struct cesql_value *value, bool *out_boolean)
{
	*out_boolean = false;
	if (value->type == CESQL_TYPE_BOOLEAN)
		*out_boolean = value->boolean;
	else if (value->type == CESQL_TYPE_INTEGER)
		*out_boolean = value->integer != 0;
	else if (!cesql_text_to_boolean(value->string, out_boolean))
		return CESQL_ERROR_CAST;
	return CESQL_ERROR_NONE;
}

/* By hand: snprintf() is ten times slower. */
static struct cesql_text write_integer(int32_t integer, char *buffer)
{
	char *at = buffer + CESQL_INTEGER_BYTES;
	uint32_t rest = integer < 0 ? 0u - (uint32_t)integer : (uint32_t)integer;

	do {
		*--at = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	if (integer < 0)
		*--at = '-';
	return (struct cesql_text){at, (size_t)(buffer + CESQL_INTEGER_BYTES - at)};
}

struct cesql_text cesql_to_text(
	const struct cesql_value *value, char buffer[static CESQL_INTEGER_BYTES])
{
	if (value->type == CESQL_TYPE_STRING)
		return value->string;
	if (value->type == CESQL_TYPE_INTEGER)
		return write_integer(value->integer, buffer);
	return value->boolean ? (struct cesql_text){"true", 4} : (struct cesql_text){"false", 5};
}

enum cesql_error cesql_convert(
	struct cesql_value *value, enum cesql_type type, struct cesql_scratch *scratch)
{
	char buffer[CESQL_INTEGER_BYTES];
	enum cesql_error error = CESQL_ERROR_NONE;
	struct cesql_text text;

	if (value->type == type)
		return CESQL_ERROR_NONE;
	if (type == CESQL_TYPE_INTEGER) {
		int32_t integer;
		error = cesql_to_integer(value, &integer);
		*value = cesql_integer_value(integer);
		return error;
	}
	if (type == CESQL_TYPE_BOOLEAN) {
		bool boolean;
		error = cesql_to_boolean(value, &boolean);
		*value = cesql_boolean_value(boolean);
		return error;
	}
	text = cesql_to_text(value, buffer);
	if (value->type == CESQL_TYPE_INTEGER) {
		if (scratch->len - scratch->used < text.len) {
			*value = cesql_zero(CESQL_TYPE_STRING);
			return CESQL_ERROR_GENERIC;
		}
		text.at = memcpy(scratch->at + scratch->used, text.at, text.len);
		scratch->used += text.len;
	}
	*value = cesql_string_value(text);
	return CESQL_ERROR_NONE;
}

/* `left` as the type of `right`: 3.7, the rule for ambiguous binary operators. */
static enum cesql_error is_equal(
	const struct cesql_value *left, const struct cesql_value *right, bool *out_is)
{
	char buffer[CESQL_INTEGER_BYTES];
	enum cesql_error error = CESQL_ERROR_NONE;

	if (right->type == CESQL_TYPE_STRING) {
		*out_is = cesql_text_equals(cesql_to_text(left, buffer), right->string);
	} else if (right->type == CESQL_TYPE_INTEGER) {
		int32_t integer;
		error = cesql_to_integer(left, &integer);
		*out_is = integer == right->integer;
	} else {
		bool boolean;
		error = cesql_to_boolean(left, &boolean);
		*out_is = boolean == right->boolean;
	}
	return error;
}

enum cesql_error cesql_is_element(
	const struct cesql_value *left, const struct cesql_value *element, bool *out_is)
{
	return is_equal(element, left, out_is);
}

enum cesql_type cesql_operator_type(enum cesql_operator how)
{
	return how >= CESQL_OPERATOR_ADD ? CESQL_TYPE_INTEGER : CESQL_TYPE_BOOLEAN;
}

static enum cesql_error operate_logic(enum cesql_operator how, const struct cesql_value *left,
	const struct cesql_value *right, bool *out_is)
{
	bool a;
	bool b;

	if (cesql_to_boolean(left, &a) != CESQL_ERROR_NONE ||
		cesql_to_boolean(right, &b) != CESQL_ERROR_NONE)
		return CESQL_ERROR_CAST;
	if (how == CESQL_OPERATOR_XOR)
		*out_is = a != b;
	else
		*out_is = how == CESQL_OPERATOR_AND ? a && b : a || b;
	return CESQL_ERROR_NONE;
}

static bool is_ordered(enum cesql_operator how, int32_t a, int32_t b)
{
	switch (how) {
	case CESQL_OPERATOR_LESS:
		return a < b;
	case CESQL_OPERATOR_LESS_EQUAL:
		return a <= b;
	case CESQL_OPERATOR_GREATER:
		return a > b;
	default:
		return a >= b;
	}
}

/* In 64 bits, so that nothing overflows; what does not fit into 32 is an error of mathematics, as
 * in ABS (3.5.2): the specification has no other word for it. */
static enum cesql_error calculate(enum cesql_operator how, int64_t a, int64_t b, int32_t *out)
{
	int64_t result;

	*out = 0;
	if (b == 0 && (how == CESQL_OPERATOR_DIVIDE || how == CESQL_OPERATOR_REMAINDER))
		return CESQL_ERROR_MATH;
	if (how == CESQL_OPERATOR_ADD)
		result = a + b;
	else if (how == CESQL_OPERATOR_SUBTRACT)
		result = a - b;
	else if (how == CESQL_OPERATOR_MULTIPLY)
		result = a * b;
	else
		result = how == CESQL_OPERATOR_DIVIDE ? a / b : a % b;
	if (result < INT32_MIN || result > INT32_MAX)
		return CESQL_ERROR_MATH;
	*out = (int32_t)result;
	return CESQL_ERROR_NONE;
}

/* `result` is the zero of its type. */
static enum cesql_error operate(enum cesql_operator how, const struct cesql_value *left,
	const struct cesql_value *right, struct cesql_value *result)
{
	enum cesql_error error;
	bool is = false;
	int32_t a;
	int32_t b;

	if (how <= CESQL_OPERATOR_XOR)
		return operate_logic(how, left, right, &result->boolean);
	if (how <= CESQL_OPERATOR_NOT_EQUAL) {
		error = is_equal(left, right, &is);
		if (error == CESQL_ERROR_NONE)
			result->boolean = is == (how == CESQL_OPERATOR_EQUAL);
		return error;
	}
	error = cesql_to_integer(left, &a);
	if (error == CESQL_ERROR_NONE)
		error = cesql_to_integer(right, &b);
	if (error != CESQL_ERROR_NONE)
		return error;
	if (how >= CESQL_OPERATOR_ADD)
		return calculate(how, a, b, &result->integer);
	result->boolean = is_ordered(how, a, b);
	return CESQL_ERROR_NONE;
}

enum cesql_error cesql_operate(enum cesql_operator how, const struct cesql_value *left,
	const struct cesql_value *right, struct cesql_value *out_value)
{
	struct cesql_value result = cesql_zero(cesql_operator_type(how));
	enum cesql_error error = operate(how, left, right, &result);

	*out_value = result;
	return error;
}

enum cesql_error cesql_negate(const struct cesql_value *value, struct cesql_value *out_value)
{
	struct cesql_value zero = cesql_integer_value(0);

	return cesql_operate(CESQL_OPERATOR_SUBTRACT, &zero, value, out_value);
}
