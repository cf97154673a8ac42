#include "reference.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const reference_attributes[REFERENCE_ATTRIBUTES] = {
	"a", "b", "c", "d1", "e", "subject"};
const char *const reference_operators[REFERENCE_OPERATORS] = {
	"AND", "OR", "XOR", "=", "!=", "<>", "<", "<=", ">", ">=", "+", "-", "*", "/", "%"};
const char *const reference_functions[REFERENCE_FUNCTIONS] = {"LENGTH", "LOWER", "UPPER", "TRIM",
	"LEFT", "RIGHT", "SUBSTRING", "ABS", "INT", "BOOL", "STRING", "CONCAT", "CONCAT_WS", "FOO",
	"FOO_BAR"};

static void set(struct reference_value *value, enum cesql_type type, int32_t number)
{
	value->type = type;
	value->number = number;
	value->string.n = 0;
}

static void fail(struct reference_value *value, enum cesql_type type, enum cesql_error error)
{
	set(value, type, 0);
	value->error = error;
}

static void to_string(struct reference_value *value)
{
	char text[16];

	if (value->type == CESQL_TYPE_STRING)
		return;
	if (value->type == CESQL_TYPE_INTEGER)
		snprintf(text, sizeof(text), "%d", value->number);
	else
		strcpy(text, value->number ? "true" : "false");
	set(value, CESQL_TYPE_STRING, 0);
	for (const char *at = text; *at; at++)
		value->string.at[value->string.n++] = (unsigned char)*at;
}

/* The string in ASCII; what is not becomes `?`. */
static void to_ascii(const struct reference_string *string, char *to)
{
	for (size_t i = 0; i < string->n; i++)
		*to++ = string->at[i] && string->at[i] < 128 ? (char)string->at[i] : '?';
	*to = '\0';
}

static bool to_number(struct reference_value *value)
{
	char text[REFERENCE_STRING_MAX + 1];
	char *end;
	long long number;

	if (value->type != CESQL_TYPE_STRING) {
		value->type = CESQL_TYPE_INTEGER;
		return true;
	}
	to_ascii(&value->string, text);
	if (strcspn(text, "0123456789+-") > 0 || !strpbrk(text, "0123456789"))
		return false;
	number = strtoll(text, &end, 10);
	if (*end || number < INT32_MIN || number > INT32_MAX)
		return false;
	set(value, CESQL_TYPE_INTEGER, (int32_t)number);
	return true;
}

static bool to_boolean(struct reference_value *value)
{
	char text[REFERENCE_STRING_MAX + 1];

	if (value->type == CESQL_TYPE_STRING) {
		to_ascii(&value->string, text);
		if (strcasecmp(text, "true") != 0 && strcasecmp(text, "false") != 0)
			return false;
		set(value, CESQL_TYPE_BOOLEAN, strcasecmp(text, "true") == 0);
		return true;
	}
	set(value, CESQL_TYPE_BOOLEAN, value->number != 0);
	return true;
}

static bool cast(struct reference_value *value, enum cesql_type type)
{
	if (type == CESQL_TYPE_INTEGER)
		return to_number(value);
	if (type == CESQL_TYPE_BOOLEAN)
		return to_boolean(value);
	to_string(value);
	return true;
}

static bool is_same(const struct reference_value *a, const struct reference_value *b)
{
	if (a->type == CESQL_TYPE_STRING)
		return a->string.n == b->string.n &&
		       memcmp(a->string.at, b->string.at, a->string.n * sizeof(uint32_t)) == 0;
	return a->number == b->number;
}

/* Whether the pattern from `p` fits the text from `t`: every way is tried. */
static bool is_like(
	const struct reference_string *text, size_t t, const uint32_t *pattern, size_t n)
{
	if (n == 0)
		return t == text->n;
	if (pattern[0] == '%') {
		for (size_t i = t; i <= text->n; i++) {
			if (is_like(text, i, pattern + 1, n - 1))
				return true;
		}
		return false;
	}
	if (t == text->n)
		return false;
	if (pattern[0] == '_')
		return is_like(text, t + 1, pattern + 1, n - 1);
	if (pattern[0] == '\\' && n > 1 && (pattern[1] == '%' || pattern[1] == '_')) {
		pattern++;
		n--;
	}
	return text->at[t] == pattern[0] && is_like(text, t + 1, pattern + 1, n - 1);
}

/* The numbers of reference_operators. */
enum {
	AND,
	OR,
	XOR,
	EQUAL,
	NOT_EQUAL,
	DIAMOND,
	LESS,
	LESS_EQUAL,
	MORE,
	MORE_EQUAL,
	ADD,
	SUBTRACT,
	MULTIPLY,
	DIVIDE,
	REMAINDER
};

static long long calculate(int how, long long a, long long b)
{
	switch (how) {
	case LESS:
		return a < b;
	case LESS_EQUAL:
		return a <= b;
	case MORE:
		return a > b;
	case MORE_EQUAL:
		return a >= b;
	case ADD:
		return a + b;
	case SUBTRACT:
		return a - b;
	case MULTIPLY:
		return a * b;
	case DIVIDE:
		return b ? a / b : INT64_MAX;
	default:
		return b ? a % b : INT64_MAX;
	}
}

/* Both sides are there, and have no error. */
static void combine(
	int how, enum cesql_type type, struct reference_value *left, struct reference_value *right)
{
	long long result;

	if (how <= XOR) {
		if (!to_boolean(left) || !to_boolean(right))
			fail(left, type, CESQL_ERROR_CAST);
		else if (how == XOR)
			set(left, type, left->number != right->number);
		else
			set(left, type, right->number); /* the left one did not decide */
		return;
	}
	if (how <= DIAMOND) {
		if (!cast(left, right->type))
			fail(left, type, CESQL_ERROR_CAST);
		else
			set(left, type, is_same(left, right) == (how == EQUAL));
		return;
	}
	if (!to_number(left) || !to_number(right)) {
		fail(left, type, CESQL_ERROR_CAST);
		return;
	}
	result = calculate(how, left->number, right->number);
	if (result < INT32_MIN || result > INT32_MAX)
		fail(left, type, CESQL_ERROR_MATH);
	else
		set(left, type, (int32_t)result);
}

static void evaluate_binary(const struct reference_node *node, const struct reference_event *event,
	struct reference_value *left)
{
	enum cesql_type type = node->name >= ADD ? CESQL_TYPE_INTEGER : CESQL_TYPE_BOOLEAN;
	struct reference_value *right;

	reference_evaluate(node->children[0], event, left);
	if (left->error != CESQL_ERROR_NONE) {
		fail(left, type, left->error);
		return;
	}
	if (node->name == AND || node->name == OR) {
		if (!to_boolean(left)) {
			fail(left, type, CESQL_ERROR_CAST);
			return;
		}
		if (left->number == (node->name == OR))
			return;
	}
	right = malloc(sizeof(*right));
	reference_evaluate(node->children[1], event, right);
	if (right->error != CESQL_ERROR_NONE)
		fail(left, type, right->error);
	else
		combine(node->name, type, left, right);
	free(right);
}

static void evaluate_set(const struct reference_node *node, const struct reference_event *event,
	struct reference_value *left)
{
	struct reference_value *element;
	bool is_element = false;

	reference_evaluate(node->children[0], event, left);
	if (left->error != CESQL_ERROR_NONE) {
		fail(left, CESQL_TYPE_BOOLEAN, left->error);
		return;
	}
	element = malloc(sizeof(*element));
	for (size_t i = 1; i < node->n && !is_element; i++) {
		reference_evaluate(node->children[i], event, element);
		if (element->error == CESQL_ERROR_NONE && !cast(element, left->type))
			element->error = CESQL_ERROR_CAST;
		if (element->error != CESQL_ERROR_NONE) {
			fail(left, CESQL_TYPE_BOOLEAN, element->error);
			free(element);
			return;
		}
		is_element = is_same(left, element);
	}
	free(element);
	set(left, CESQL_TYPE_BOOLEAN, is_element == (node->kind == REFERENCE_IN));
}

static void evaluate_unary(const struct reference_node *node, const struct reference_event *event,
	struct reference_value *value)
{
	bool is_minus = node->kind == REFERENCE_MINUS;
	enum cesql_type type = is_minus ? CESQL_TYPE_INTEGER : CESQL_TYPE_BOOLEAN;
	bool is_match;

	reference_evaluate(node->children[0], event, value);
	if (value->error != CESQL_ERROR_NONE) {
		fail(value, type, value->error);
	} else if (node->kind == REFERENCE_LIKE || node->kind == REFERENCE_NOT_LIKE) {
		to_string(value);
		is_match = is_like(&value->string, 0, node->string, node->string_n);
		set(value, type, is_match == (node->kind == REFERENCE_LIKE));
	} else if (!cast(value, type)) {
		fail(value, type, CESQL_ERROR_CAST);
	} else if (is_minus && value->number == INT32_MIN) {
		fail(value, type, CESQL_ERROR_MATH);
	} else {
		value->number = is_minus ? -value->number : !value->number;
	}
}

/* The numbers of reference_functions. */
enum {
	LENGTH,
	LOWER,
	UPPER,
	TRIM,
	LEFT,
	RIGHT,
	SUBSTRING,
	ABS,
	INT,
	BOOL,
	STRING,
	CONCAT,
	CONCAT_WS,
	FOO,
	FOO_BAR
};

static const enum cesql_type function_types[] = {CESQL_TYPE_INTEGER, CESQL_TYPE_STRING,
	CESQL_TYPE_STRING, CESQL_TYPE_STRING, CESQL_TYPE_STRING, CESQL_TYPE_STRING,
	CESQL_TYPE_STRING, CESQL_TYPE_INTEGER, CESQL_TYPE_INTEGER, CESQL_TYPE_BOOLEAN,
	CESQL_TYPE_STRING, CESQL_TYPE_STRING, CESQL_TYPE_STRING, CESQL_TYPE_BOOLEAN,
	CESQL_TYPE_BOOLEAN};

static bool has_function(int name, size_t n)
{
	if (name == CONCAT)
		return true;
	if (name == CONCAT_WS)
		return n > 0;
	if (name == LEFT || name == RIGHT)
		return n == 2;
	if (name == SUBSTRING)
		return n == 2 || n == 3;
	return name < FOO && n == 1;
}

static enum cesql_type parameter_type(int name, size_t i)
{
	if (i > 0 && name < CONCAT)
		return CESQL_TYPE_INTEGER;
	return name == ABS || name == INT ? CESQL_TYPE_INTEGER
	       : name == BOOL             ? CESQL_TYPE_BOOLEAN
					  : CESQL_TYPE_STRING;
}

/* Of the letters that the test uses. */
static uint32_t in_case(uint32_t c, bool is_upper)
{
	bool is_lower_letter = (c >= 'a' && c <= 'z') || c == 0xE6 || c == 0xF8;
	bool is_upper_letter = (c >= 'A' && c <= 'Z') || c == 0xC6 || c == 0xD8;

	if (is_upper)
		return is_lower_letter ? c - 32 : c;
	return is_upper_letter ? c + 32 : c;
}

static void cut(struct reference_string *string, size_t from, size_t n)
{
	memmove(string->at, string->at + from, n * sizeof(uint32_t));
	string->n = n;
}

/* 3.5.1 to the letter. */
static void substring(struct reference_value *result, long long position, long long len)
{
	long long length = (long long)result->string.n;

	if (position > length || position < -length || len < 0) {
		fail(result, CESQL_TYPE_STRING, CESQL_ERROR_FUNCTION_EVALUATION);
		return;
	}
	if (position == 0) {
		result->string.n = 0;
		return;
	}
	position = position > 0 ? position - 1 : length + position;
	if (len > length - position)
		len = length - position;
	cut(&result->string, (size_t)position, (size_t)len);
}

static void trim(struct reference_string *string)
{
	size_t from = 0;

	while (string->n > 0 &&
		(string->at[string->n - 1] == ' ' || string->at[string->n - 1] == 0x3000))
		string->n--;
	while (from < string->n && (string->at[from] == ' ' || string->at[from] == 0x3000))
		from++;
	cut(string, from, string->n - from);
}

static void append(struct reference_string *to, const struct reference_string *string)
{
	assert(to->n + string->n <= REFERENCE_STRING_MAX);
	memcpy(to->at + to->n, string->at, string->n * sizeof(uint32_t));
	to->n += string->n;
}

static void concat(struct reference_value *result, struct reference_value *arguments, size_t n,
	bool has_delimiter)
{
	set(result, CESQL_TYPE_STRING, 0);
	for (size_t i = has_delimiter; i < n; i++) {
		if (has_delimiter && i > 1)
			append(&result->string, &arguments[0].string);
		append(&result->string, &arguments[i].string);
	}
}

/* `result` is the first argument as well; all have their types. */
static void call(
	int name, struct reference_value *result, struct reference_value *arguments, size_t n)
{
	int32_t number = n > 1 ? arguments[1].number : 0;
	size_t length = result->string.n;

	if (name == LENGTH) {
		set(result, CESQL_TYPE_INTEGER, (int32_t)length);
	} else if (name == LOWER || name == UPPER) {
		for (size_t i = 0; i < length; i++)
			result->string.at[i] = in_case(result->string.at[i], name == UPPER);
	} else if (name == TRIM) {
		trim(&result->string);
	} else if ((name == LEFT || name == RIGHT) && number < 0) {
		result->error = CESQL_ERROR_FUNCTION_EVALUATION;
	} else if (name == LEFT && (size_t)number < length) {
		cut(&result->string, 0, (size_t)number);
	} else if (name == RIGHT && (size_t)number < length) {
		cut(&result->string, length - (size_t)number, (size_t)number);
	} else if (name == SUBSTRING) {
		substring(result, number, n == 3 ? arguments[2].number : INT32_MAX);
	} else if (name == ABS && result->number == INT32_MIN) {
		result->number = INT32_MAX;
		result->error = CESQL_ERROR_MATH;
	} else if (name == ABS && result->number < 0) {
		result->number = -result->number;
	}
}

static void evaluate_call(const struct reference_node *node, const struct reference_event *event,
	struct reference_value *result)
{
	enum cesql_type type = function_types[node->name];
	struct reference_value *arguments;

	result->error = CESQL_ERROR_NONE;
	if (!has_function(node->name, node->n)) {
		fail(result, CESQL_TYPE_BOOLEAN, CESQL_ERROR_MISSING_FUNCTION);
		return;
	}
	arguments = malloc((node->n + 1) * sizeof(*arguments));
	set(result, type, 0);
	for (size_t i = 0; i < node->n && result->error == CESQL_ERROR_NONE; i++) {
		reference_evaluate(node->children[i], event, &arguments[i]);
		result->error = arguments[i].error;
	}
	for (size_t i = 0; i < node->n && result->error == CESQL_ERROR_NONE; i++) {
		if (!cast(&arguments[i], parameter_type(node->name, i)))
			result->error = CESQL_ERROR_CAST;
	}
	if (result->error == CESQL_ERROR_NONE && node->name >= CONCAT) {
		concat(result, arguments, node->n, node->name == CONCAT_WS);
	} else if (result->error == CESQL_ERROR_NONE) {
		*result = arguments[0];
		call(node->name, result, arguments, node->n);
	}
	free(arguments);
}

void reference_evaluate(const struct reference_node *node, const struct reference_event *event,
	struct reference_value *out_value)
{
	out_value->error = CESQL_ERROR_NONE;
	switch (node->kind) {
	case REFERENCE_LITERAL:
		set(out_value, node->type, node->number);
		memcpy(out_value->string.at, node->string, node->string_n * sizeof(uint32_t));
		out_value->string.n = node->string_n;
		break;
	case REFERENCE_ATTRIBUTE:
		if (event->exists[node->name])
			*out_value = event->values[node->name];
		else
			fail(out_value, CESQL_TYPE_BOOLEAN, CESQL_ERROR_MISSING_ATTRIBUTE);
		break;
	case REFERENCE_EXISTS:
		set(out_value, CESQL_TYPE_BOOLEAN, event->exists[node->name]);
		break;
	case REFERENCE_BINARY:
		evaluate_binary(node, event, out_value);
		break;
	case REFERENCE_IN:
	case REFERENCE_NOT_IN:
		evaluate_set(node, event, out_value);
		break;
	case REFERENCE_CALL:
		evaluate_call(node, event, out_value);
		break;
	default:
		evaluate_unary(node, event, out_value);
	}
}
