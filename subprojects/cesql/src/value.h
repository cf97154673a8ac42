/* Values: what they are as another type, and what the operators make of two. */
#pragma once
#include <string.h>

#include "cesql.h"

/* Memory for texts that an evaluation makes; it grows from the start. */
struct cesql_scratch {
	char *at;
	size_t len;
	size_t used;
};

/* Digits of an int32_t with its sign. */
#define CESQL_INTEGER_BYTES 11

enum cesql_operator {
	CESQL_OPERATOR_AND,
	CESQL_OPERATOR_OR,
	CESQL_OPERATOR_XOR,
	CESQL_OPERATOR_EQUAL,
	CESQL_OPERATOR_NOT_EQUAL,
	CESQL_OPERATOR_LESS,
	CESQL_OPERATOR_LESS_EQUAL,
	CESQL_OPERATOR_GREATER,
	CESQL_OPERATOR_GREATER_EQUAL,
	CESQL_OPERATOR_ADD,
	CESQL_OPERATOR_SUBTRACT,
	CESQL_OPERATOR_MULTIPLY,
	CESQL_OPERATOR_DIVIDE,
	CESQL_OPERATOR_REMAINDER,
	CESQL_OPERATOR_NONE
};

static inline bool cesql_text_equals(struct cesql_text a, struct cesql_text b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static inline struct cesql_value cesql_string_value(struct cesql_text text)
{
	return (struct cesql_value){.type = CESQL_TYPE_STRING, .string = text};
}

static inline struct cesql_value cesql_integer_value(int32_t integer)
{
	return (struct cesql_value){.type = CESQL_TYPE_INTEGER, .integer = integer};
}

static inline struct cesql_value cesql_boolean_value(bool boolean)
{
	return (struct cesql_value){.type = CESQL_TYPE_BOOLEAN, .boolean = boolean};
}

/* 3.1: "", 0, false. */
struct cesql_value cesql_zero(enum cesql_type type);
/* 3.7: a sign or none, then digits alone, within 32 bits. */
bool cesql_text_to_integer(struct cesql_text text, int32_t *out_integer);
bool cesql_text_to_boolean(struct cesql_text text, bool *out_boolean);

/* Each of these sets `out` even for an error: to zero, but for what 3.5 says otherwise. */
enum cesql_error cesql_to_integer(const struct cesql_value *value, int32_t *out_integer);
enum cesql_error cesql_to_boolean(const struct cesql_value *value, bool *out_boolean);
/* Never fails; `buffer` holds the text of an integer. */
struct cesql_text cesql_to_text(
	const struct cesql_value *value, char buffer[static CESQL_INTEGER_BYTES]);
/* Converts in place. Only a string can need scratch: then GENERIC when there is none left. */
enum cesql_error cesql_convert(
	struct cesql_value *value, enum cesql_type type, struct cesql_scratch *scratch);

/* What `how`, which is not NONE, makes of two values; `out_value` may be one of them. */
enum cesql_error cesql_operate(enum cesql_operator how, const struct cesql_value *left,
	const struct cesql_value *right, struct cesql_value *out_value);
/* The type that it gives. */
enum cesql_type cesql_operator_type(enum cesql_operator how);
/* 3.4.5: `element` as the type of `left`. */
enum cesql_error cesql_is_element(
	const struct cesql_value *left, const struct cesql_value *element, bool *out_is);
enum cesql_error cesql_negate(const struct cesql_value *value, struct cesql_value *out_value);
