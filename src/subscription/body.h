/* The body of an API call: a JSON object whose members are looked up, checked and named when wrong.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"

struct json_t; /* jansson */

/* A JSON object without duplicate names, at most BUD_JSON_DEPTH_MAX deep. The caller json_decref()s
 * it. -EINVAL: `error` says where it is wrong, without quoting values. */
BUD_MUST_CHECK int bud_body_parse(
	struct bud_span json, struct json_t **out_object, struct bud_error *error);
/* -EINVAL when `value`, found at `path` ("" at the top), is no object or has a member whose name is
 * not in `known`, which ends with NULL. Names all of them. */
BUD_MUST_CHECK int bud_body_check(const struct json_t *value, const char *path,
	const char *const *known, struct bud_error *error);
/* What a member's text must be: its place for errors, and at most `max` bytes. */
struct bud_body_text {
	const char *path;
	size_t max;
};
/* A copy of a text that is not empty and has no control characters; free() it. An absent or null
 * `value` leaves *out_text as it is. */
BUD_MUST_CHECK int bud_body_text(const struct json_t *value, const struct bud_body_text *rule,
	char **out_text, struct bud_error *error);
/* An integer of `min` to `max`, found at `path`. */
struct bud_body_integer {
	const char *path;
	int64_t min;
	int64_t max;
};
/* An absent or null `value` leaves *out as it is, here and below. */
BUD_MUST_CHECK int bud_body_integer(const struct json_t *value, const struct bud_body_integer *rule,
	int64_t *out, struct bud_error *error);
/* The same of a number with or without a fraction. */
struct bud_body_number {
	const char *path;
	double min;
	double max;
};
BUD_MUST_CHECK int bud_body_number(const struct json_t *value, const struct bud_body_number *rule,
	double *out, struct bud_error *error);
BUD_MUST_CHECK int bud_body_truth(
	const struct json_t *value, const char *path, bool *out, struct bud_error *error);
/* The place of a text among `words`, which end with NULL. */
BUD_MUST_CHECK int bud_body_word(const struct json_t *value, const char *path,
	const char *const *words, size_t *out, struct bud_error *error);
/* RFC 7396: what becomes of `target` by `patch`, both as bud_body_parse() gave them; changes
 * `target`, borrows `patch`. */
void bud_body_merge(struct json_t *target, const struct json_t *patch);
