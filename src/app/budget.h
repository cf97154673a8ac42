/* The memory that events may take, looked at when Redis is reached for the first time. */
#pragma once
#include <stdint.h>
#include "core/alloc.h"

struct bud_config; /* config/config.h */
struct bud_error;  /* core/error.h */

/* `limit` is what Redis may use, 0: no limit. -EINVAL: the configuration wants more than there is;
 * `error` says so. Logs how many events it makes. */
BUD_MUST_CHECK int bud_budget_check(
	const struct bud_config *config, uint64_t limit, struct bud_error *error);
/* What of the events is indexed: 1u << enum bud_index_kind. */
unsigned bud_budget_index_kinds(const struct bud_config *config);
