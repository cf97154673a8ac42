/* Retry-After: how long a receiver asks us to leave it alone. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "core/text.h"

/* However long a receiver asks for, it is looked at again after a day. */
#define BUD_RETRY_AFTER_MAX_MS (24 * 3600 * INT64_C(1000))

/* Seconds, or an HTTP date in any of its three forms (RFC 9110, 5.6.7); 0 for a date that has
 * passed, BUD_RETRY_AFTER_MAX_MS at most. False for everything else, which is then to be ignored:
 * empty, a sign, a fraction, words, a day that no month has. */
bool bud_retry_after_parse(struct bud_span value, int64_t now_wall_ms, int64_t *out_wait_ms);
