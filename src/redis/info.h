/* Whether a Redis may carry events, judged by its answer to INFO. */
#pragma once
#include <stdbool.h>
#include "core/alloc.h"
#include "core/text.h"

struct bud_error; /* core/error.h */

/* The value of a line `name:value`; false when there is none. */
bool bud_redis_info_find(struct bud_span info, const char *name, struct bud_span *out_value);
/* 0: a master of a version we know, loaded, that never evicts a key. Else `error` says what is
 * wrong and what would be right. */
BUD_MUST_CHECK int bud_redis_info_check(struct bud_span info, struct bud_error *error);
