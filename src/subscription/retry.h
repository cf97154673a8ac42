/* A retry wish, `config.retry` of a record: when to try again, for how long, and what an answer
 * means to this receiver. */
#pragma once
#include <stdbool.h>
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"

struct bud_retry; /* subscription/push_config.h */
struct json_t;    /* jansson */

/* Fills `retry`, which holds the defaults. -EINVAL: `error` names the member and its range. Of the
 * rules for statuses the one for the fewest statuses comes first, so that "404" beats "4xx". */
BUD_MUST_CHECK int bud_retry_parse(
	const struct json_t *json, struct bud_retry *retry, struct bud_error *error);
/* Appends an object of what differs from the defaults; all of it when `is_whole`. */
void bud_retry_write(const struct bud_retry *retry, bool is_whole, struct bud_buffer *out);
