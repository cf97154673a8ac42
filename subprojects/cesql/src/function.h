/* The functions of the specification (3.5, and the casts of 3.7). */
#pragma once
#include "value.h"

enum cesql_function {
	CESQL_FUNCTION_LENGTH,
	CESQL_FUNCTION_LOWER,
	CESQL_FUNCTION_UPPER,
	CESQL_FUNCTION_TRIM,
	CESQL_FUNCTION_LEFT,
	CESQL_FUNCTION_RIGHT,
	CESQL_FUNCTION_SUBSTRING_FROM, /* two arguments */
	CESQL_FUNCTION_SUBSTRING,      /* three */
	CESQL_FUNCTION_ABS,
	CESQL_FUNCTION_INT,
	CESQL_FUNCTION_BOOL,
	CESQL_FUNCTION_STRING,
	CESQL_FUNCTION_CONCAT, /* these two take any number: cesql_append() */
	CESQL_FUNCTION_CONCAT_WS,
	CESQL_FUNCTION_MISSING
};

/* By name, in any case, and number of arguments; MISSING when there is none such. */
enum cesql_function cesql_function_find(struct cesql_text name, size_t arguments_n);
/* For messages: how many arguments the function of this name takes, or NULL. */
const char *cesql_function_arity(struct cesql_text name);
enum cesql_type cesql_function_type(enum cesql_function function);
size_t cesql_function_arguments_n(enum cesql_function function);

/* Calls one with a fixed number of arguments; they are converted in place. `out_value` is set even
 * for an error; it may be one of the arguments. */
enum cesql_error cesql_function_call(enum cesql_function function, struct cesql_value *arguments,
	struct cesql_scratch *scratch, struct cesql_value *out_value);
/* Appends `delimiter` and `piece` to `whole`, a string at the end of what the scratch held when it
 * was empty; what the scratch got since then may be overwritten. */
enum cesql_error cesql_append(struct cesql_value *whole, struct cesql_text delimiter,
	const struct cesql_value *piece, struct cesql_scratch *scratch);
