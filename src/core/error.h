/* An error for people: what is wrong, where, and what would be right. */
#pragma once
#include <stddef.h>

#define BUD_ERROR_TEXT_MAX   400
#define BUD_ERROR_MEMBER_MAX 120

/* Filled only on failure. `member` names the part of the input at fault, "" when there is none. */
struct bud_error {
	char text[BUD_ERROR_TEXT_MAX];
	char member[BUD_ERROR_MEMBER_MAX];
};

/* Writes the text (cut to fit, control characters replaced) and returns -EINVAL, so that a parser
 * may `return bud_error_set(...)`. `member` may be NULL; `error` may be NULL. */
__attribute__((format(printf, 3, 4))) int bud_error_set(
	struct bud_error *error, const char *member, const char *format, ...);
