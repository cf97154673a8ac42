/* UTF-8: stepping, checking, counting, and the case of characters. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "cesql.h"

static inline bool cesql_is_continuation(char byte)
{
	return ((unsigned char)byte & 0xC0) == 0x80;
}

/* Bytes of the character at the start of `text`, which is not empty: as many as follow, if there
 * are fewer than its first byte says. */
size_t cesql_utf8_step(struct cesql_text text);
/* Bytes before the first one that is not UTF-8 (RFC 3629: no surrogates, nothing longer than it
 * must be); all of them when it is. */
size_t cesql_utf8_check(struct cesql_text text);
/* Characters. */
size_t cesql_utf8_count(struct cesql_text text);
/* Bytes of the first `n` characters, or of all. */
size_t cesql_utf8_first(struct cesql_text text, size_t n);
/* Bytes of the last `n` characters, or of all. */
size_t cesql_utf8_last(struct cesql_text text, size_t n);
/* Without the White_Space of Unicode at both ends. */
struct cesql_text cesql_utf8_trim(struct cesql_text text);

/* Writes `text` in upper or lower case, character by character (the simple mapping of Unicode,
 * which knows no language), to at most `room` bytes. Returns how many, or SIZE_MAX when there is no
 * room. `to` is not inside `text`. */
size_t cesql_utf8_map(struct cesql_text text, bool is_upper, char *to, size_t room);
