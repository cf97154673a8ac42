/* Results of attempts on parked deliveries, on their way to Redis: a script call per lane and tick.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "core/list.h"
#include "store/lane.h"

struct bud_desk; /* dispatch/desk.h */

/* Embedded in its owner. */
struct bud_resolves {
	const struct bud_desk *desk;
	struct bud_list queue; /* struct result */
	size_t n_sent;         /* calls under way */
	int64_t retry_mono_ms;
};

void bud_resolves_init(struct bud_resolves *resolves, const struct bud_desk *desk);
void bud_resolves_finish(struct bud_resolves *resolves);
/* Copies both. */
void bud_resolves_add(
	struct bud_resolves *resolves, const char *lane, const struct bud_resolution *resolution);
/* Sends what is queued. */
void bud_resolves_flush(struct bud_resolves *resolves, int64_t mono_ms);
bool bud_resolves_is_empty(const struct bud_resolves *resolves);
