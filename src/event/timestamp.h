/* Timestamps as CloudEvents writes them (RFC 3339). */
#pragma once
#include <stdint.h>
#include "core/alloc.h"
#include "core/text.h"

/* The wall clock's milliseconds since 1970 UTC; what is finer is cut off, and second 60 is the
 * first of the next minute. -EINVAL when `rfc3339` is none (an offset is needed). */
BUD_MUST_CHECK int bud_time_parse(struct bud_span rfc3339, int64_t *out_wall_ms);
