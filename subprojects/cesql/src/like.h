/* LIKE: patterns in a form without escapes, and the matching of a text against one. */
#pragma once
#include <stdbool.h>

#include "cesql.h"

/* Stand for % and _ in a compiled pattern; UTF-8 has neither byte. */
#define CESQL_LIKE_ANY '\xFF'
#define CESQL_LIKE_ONE '\xFE'
/* Bytes of a part between two % that has a _: more would cost time in proportion to its length for
 * each byte of the text. */
#define CESQL_LIKE_PART_MAX 256u

/* Writes `pattern` as the specification has it (3.4.3: \% and \_ mean themselves, any other
 * backslash is one) to `to`, which has room for as many bytes. Several % in a row become one.
 * Returns how many bytes, or 0 with *out_offset set when a part is too long; an empty pattern is 0
 * without. */
size_t cesql_like_compile(struct cesql_text pattern, char *to, size_t *out_offset);
/* The bytes before the first % or _. */
size_t cesql_like_literal(struct cesql_text compiled);
/* Whether the whole of `text` fits. Time: in proportion to the length of the text (times that of
 * the longest part with a _, in units of 64 bytes), plus that of the pattern. */
bool cesql_like_match(struct cesql_text compiled, struct cesql_text text);
