/* Results of attempts on parked deliveries, on their way to Redis: a script call per lane and tick.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "core/list.h"
#include "store/lane.h"

struct bud_delivery;  /* dispatch/delivery.h */
struct bud_desk;      /* dispatch/desk.h */
struct bud_lane_plan; /* dispatch/lane_plan.h */

/* Embedded in its owner. */
struct bud_resolves {
	const struct bud_desk *desk;
	struct bud_list queue; /* struct result */
	size_t n_sent;         /* calls under way */
	int64_t retry_mono_ms;
};

void bud_resolves_init(struct bud_resolves *resolves, const struct bud_desk *desk);
void bud_resolves_finish(struct bud_resolves *resolves);

/* The lane that a claim was made on, and how. */
struct bud_lane_use {
	const char *lane;
	const struct bud_lane_plan *plan;
};

/* Copies everything. */
void bud_resolves_add(struct bud_resolves *resolves, const struct bud_lane_use *use,
	const struct bud_resolution *resolution);
/* What became of an attempt that ran under `lease` (0: not known, then only a success counts). */
void bud_resolves_add_attempt(struct bud_resolves *resolves, const struct bud_lane_use *use,
	const struct bud_delivery *delivery, const struct bud_member *id, int64_t lease);
/* The claim with this token has no more results: its lane is free after so many ms. Goes with the
 * last of them. */
void bud_resolves_release(struct bud_resolves *resolves, const struct bud_lane_use *use,
	const char *token, int64_t rest_ms);
/* Sends what is queued. */
void bud_resolves_flush(struct bud_resolves *resolves, int64_t mono_ms);
bool bud_resolves_is_empty(const struct bud_resolves *resolves);
