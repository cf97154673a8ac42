/* A second evaluator, as plain as can be, that the library is compared with: random trees, what
 * they give by the words of the specification, and how they are written. Strings are arrays of
 * characters here, so nothing of UTF-8 is shared. */
#pragma once
#include "cesql.h"

#define REFERENCE_STRING_MAX   4096u
#define REFERENCE_CHILDREN_MAX 5u

enum reference_kind {
	REFERENCE_LITERAL,
	REFERENCE_ATTRIBUTE,
	REFERENCE_EXISTS,
	REFERENCE_NOT,
	REFERENCE_MINUS,
	REFERENCE_LIKE,
	REFERENCE_NOT_LIKE,
	REFERENCE_IN,
	REFERENCE_NOT_IN,
	REFERENCE_BINARY,
	REFERENCE_CALL
};
struct reference_string {
	size_t n;
	uint32_t at[REFERENCE_STRING_MAX];
};
struct reference_value {
	enum cesql_type type;
	enum cesql_error error;
	int32_t number; /* of an integer or a boolean */
	struct reference_string string;
};
struct reference_node {
	enum reference_kind kind;
	int name; /* of an attribute, a binary operator or a function: an index of its table */
	size_t n;
	struct reference_node *children[REFERENCE_CHILDREN_MAX];
	enum cesql_type type; /* of a literal */
	int32_t number;
	size_t string_n;
	uint32_t string[12]; /* of a literal, or the pattern */
};

#define REFERENCE_ATTRIBUTES 6
#define REFERENCE_OPERATORS  15
#define REFERENCE_FUNCTIONS  15
extern const char *const reference_attributes[REFERENCE_ATTRIBUTES];
extern const char *const reference_operators[REFERENCE_OPERATORS];
extern const char *const reference_functions[REFERENCE_FUNCTIONS];

struct reference_event {
	bool exists[REFERENCE_ATTRIBUTES];
	struct reference_value values[REFERENCE_ATTRIBUTES];
};

void reference_evaluate(const struct reference_node *node, const struct reference_event *event,
	struct reference_value *out_value);
