#include "function.h"

#include <limits.h>
#include <string.h>

#include "utf8.h"

static const struct function {
	const char *name;
	const char *arity; /* for messages */
	unsigned char arguments_n, is_variadic;
	unsigned char type;          /* of the result */
	unsigned char parameters[3]; /* types */
} functions[] = {
	[CESQL_FUNCTION_LENGTH] = {"LENGTH", "1", 1, 0, CESQL_TYPE_INTEGER, {CESQL_TYPE_STRING}},
	[CESQL_FUNCTION_LOWER] = {"LOWER", "1", 1, 0, CESQL_TYPE_STRING, {CESQL_TYPE_STRING}},
	[CESQL_FUNCTION_UPPER] = {"UPPER", "1", 1, 0, CESQL_TYPE_STRING, {CESQL_TYPE_STRING}},
	[CESQL_FUNCTION_TRIM] = {"TRIM", "1", 1, 0, CESQL_TYPE_STRING, {CESQL_TYPE_STRING}},
	[CESQL_FUNCTION_LEFT] = {"LEFT", "2", 2, 0, CESQL_TYPE_STRING,
		{CESQL_TYPE_STRING, CESQL_TYPE_INTEGER}},
	[CESQL_FUNCTION_RIGHT] = {"RIGHT", "2", 2, 0, CESQL_TYPE_STRING,
		{CESQL_TYPE_STRING, CESQL_TYPE_INTEGER}},
	[CESQL_FUNCTION_SUBSTRING_FROM] = {"SUBSTRING", "2 or 3", 2, 0, CESQL_TYPE_STRING,
		{CESQL_TYPE_STRING, CESQL_TYPE_INTEGER}},
	[CESQL_FUNCTION_SUBSTRING] = {"SUBSTRING", "2 or 3", 3, 0, CESQL_TYPE_STRING,
		{CESQL_TYPE_STRING, CESQL_TYPE_INTEGER, CESQL_TYPE_INTEGER}},
	[CESQL_FUNCTION_ABS] = {"ABS", "1", 1, 0, CESQL_TYPE_INTEGER, {CESQL_TYPE_INTEGER}},
	[CESQL_FUNCTION_INT] = {"INT", "1", 1, 0, CESQL_TYPE_INTEGER, {CESQL_TYPE_INTEGER}},
	[CESQL_FUNCTION_BOOL] = {"BOOL", "1", 1, 0, CESQL_TYPE_BOOLEAN, {CESQL_TYPE_BOOLEAN}},
	[CESQL_FUNCTION_STRING] = {"STRING", "1", 1, 0, CESQL_TYPE_STRING, {CESQL_TYPE_STRING}},
	[CESQL_FUNCTION_CONCAT] = {"CONCAT", "any number of", 0, 1, CESQL_TYPE_STRING, {0}},
	[CESQL_FUNCTION_CONCAT_WS] = {"CONCAT_WS", "1 or more", 1, 1, CESQL_TYPE_STRING, {0}},
};

static bool is_named(struct cesql_text name, const char *upper)
{
	if (name.len != strlen(upper))
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.at[i];
		if ((c >= 'a' && c <= 'z' ? c - 32 : c) != upper[i])
			return false;
	}
	return true;
}

enum cesql_function cesql_function_find(struct cesql_text name, size_t arguments_n)
{
	for (size_t i = 0; i < CESQL_FUNCTION_MISSING; i++) {
		const struct function *function = &functions[i];
		if (is_named(name, function->name) &&
			(arguments_n == function->arguments_n ||
				(function->is_variadic && arguments_n > function->arguments_n)))
			return (enum cesql_function)i;
	}
	return CESQL_FUNCTION_MISSING;
}

const char *cesql_function_arity(struct cesql_text name)
{
	for (size_t i = 0; i < CESQL_FUNCTION_MISSING; i++) {
		if (is_named(name, functions[i].name))
			return functions[i].arity;
	}
	return NULL;
}

enum cesql_type cesql_function_type(enum cesql_function function)
{
	if (function == CESQL_FUNCTION_MISSING)
		return CESQL_TYPE_BOOLEAN; /* 3.3: false */
	return (enum cesql_type)functions[function].type;
}

size_t cesql_function_arguments_n(enum cesql_function function)
{
	return functions[function].arguments_n;
}

static enum cesql_error map_case(struct cesql_text text, bool is_upper,
	struct cesql_scratch *scratch, struct cesql_text *out)
{
	char *to = scratch->at + scratch->used;
	size_t len = cesql_utf8_map(text, is_upper, to, scratch->len - scratch->used);

	if (len == SIZE_MAX)
		return CESQL_ERROR_GENERIC;
	scratch->used += len;
	*out = (struct cesql_text){to, len};
	return CESQL_ERROR_NONE;
}

static enum cesql_error cut_end(
	struct cesql_text text, int32_t n, bool is_right, struct cesql_text *out)
{
	size_t len;

	*out = text;
	if (n < 0)
		return CESQL_ERROR_FUNCTION_EVALUATION;
	if (is_right) {
		len = cesql_utf8_last(text, (size_t)n);
		out->at += text.len - len;
	} else {
		len = cesql_utf8_first(text, (size_t)n);
	}
	out->len = len;
	return CESQL_ERROR_NONE;
}

/* 3.5.1: `position` counts from 1, a negative one from the end. `out` is "" before. */
static enum cesql_error cut_middle(
	struct cesql_text text, int64_t position, int64_t len, struct cesql_text *out)
{
	int64_t length = (int64_t)cesql_utf8_count(text);

	if (position > length || position < -length || len < 0)
		return CESQL_ERROR_FUNCTION_EVALUATION;
	if (position == 0)
		return CESQL_ERROR_NONE;
	if (position > 0) {
		size_t before = cesql_utf8_first(text, (size_t)position - 1);
		text = (struct cesql_text){text.at + before, text.len - before};
	} else {
		size_t rest = cesql_utf8_last(text, (size_t)-position);
		text = (struct cesql_text){text.at + text.len - rest, rest};
	}
	text.len = cesql_utf8_first(text, (size_t)len);
	*out = text;
	return CESQL_ERROR_NONE;
}

static enum cesql_error absolute(int32_t integer, int32_t *out)
{
	*out = integer == INT32_MIN ? INT32_MAX : integer < 0 ? -integer : integer;
	return integer == INT32_MIN ? CESQL_ERROR_MATH : CESQL_ERROR_NONE;
}

/* The arguments have their types; `out_value` is the zero of the result's. */
static enum cesql_error call(enum cesql_function function, const struct cesql_value *arguments,
	struct cesql_scratch *scratch, struct cesql_value *out_value)
{
	struct cesql_text text = arguments[0].string;
	size_t length;

	switch (function) {
	case CESQL_FUNCTION_LENGTH:
		length = cesql_utf8_count(text);
		out_value->integer = length > INT32_MAX ? INT32_MAX : (int32_t)length;
		return CESQL_ERROR_NONE;
	case CESQL_FUNCTION_LOWER:
	case CESQL_FUNCTION_UPPER:
		return map_case(
			text, function == CESQL_FUNCTION_UPPER, scratch, &out_value->string);
	case CESQL_FUNCTION_TRIM:
		out_value->string = cesql_utf8_trim(text);
		return CESQL_ERROR_NONE;
	case CESQL_FUNCTION_LEFT:
	case CESQL_FUNCTION_RIGHT:
		return cut_end(text, arguments[1].integer, function == CESQL_FUNCTION_RIGHT,
			&out_value->string);
	case CESQL_FUNCTION_SUBSTRING_FROM:
		return cut_middle(text, arguments[1].integer, INT32_MAX, &out_value->string);
	case CESQL_FUNCTION_SUBSTRING:
		return cut_middle(
			text, arguments[1].integer, arguments[2].integer, &out_value->string);
	case CESQL_FUNCTION_ABS:
		return absolute(arguments[0].integer, &out_value->integer);
	default: /* a cast: the argument has been converted */
		*out_value = arguments[0];
		return CESQL_ERROR_NONE;
	}
}

enum cesql_error cesql_function_call(enum cesql_function function, struct cesql_value *arguments,
	struct cesql_scratch *scratch, struct cesql_value *out_value)
{
	struct cesql_value result = cesql_zero(cesql_function_type(function));
	enum cesql_error error = CESQL_ERROR_NONE;

	for (size_t i = 0; i < functions[function].arguments_n && error == CESQL_ERROR_NONE; i++)
		error = cesql_convert(
			&arguments[i], (enum cesql_type)functions[function].parameters[i], scratch);
	if (error == CESQL_ERROR_NONE)
		error = call(function, arguments, scratch, &result);
	*out_value = result;
	return error;
}

enum cesql_error cesql_append(struct cesql_value *whole, struct cesql_text delimiter,
	const struct cesql_value *piece, struct cesql_scratch *scratch)
{
	char buffer[CESQL_INTEGER_BYTES];
	struct cesql_text text = cesql_to_text(piece, buffer);
	size_t begin = (size_t)(whole->string.at - scratch->at);
	size_t end = begin + whole->string.len;

	if (scratch->len - end < delimiter.len || scratch->len - end - delimiter.len < text.len) {
		*whole = cesql_zero(CESQL_TYPE_STRING);
		return CESQL_ERROR_GENERIC;
	}
	/* The piece may lie where it goes, or just behind; the delimiter never does. */
	if (text.len > 0)
		memmove(scratch->at + end + delimiter.len, text.at, text.len);
	if (delimiter.len > 0)
		memcpy(scratch->at + end, delimiter.at, delimiter.len);
	whole->string.len += delimiter.len + text.len;
	scratch->used = begin + whole->string.len;
	return CESQL_ERROR_NONE;
}
