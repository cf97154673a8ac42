/* Where one event stands with each of some subscriptions, and what holds a lane. */
#pragma once
#include <stdbool.h>
#include "store/member.h"
#include "store/store.h"

/* Most subscriptions of one question. */
#define BUD_LANE_STATES_MAX 64

struct bud_lane_asked {
	struct bud_span subscription;
	struct bud_span lane; /* its own, or an ordered one's lane for this event */
};

struct bud_lane_spot {
	bool is_there;
	int64_t at_ms; /* due (0: waits for its turn), or died */
	unsigned attempt;
};

struct bud_lane_state {
	struct bud_lane_spot parked;
	struct bud_lane_spot replay; /* revived */
	struct bud_lane_spot dead;
};

/* `states` has an element for each that was asked for, in the same order. */
typedef void (*bud_lane_states_fn)(
	void *owner, int err, const struct bud_lane_state *states, size_t n);

struct bud_lane_states_ask {
	struct bud_member id;
	const struct bud_lane_asked *asked;
	size_t n;
};
BUD_MUST_CHECK int bud_lane_states(struct bud_store *store, const struct bud_lane_states_ask *ask,
	bud_lane_states_fn fn, void *owner);

/* Until when nobody may claim a lane that is claimed whole (0: it is free), and whether it rests,
 * for its rate, or waits for what was claimed. */
typedef void (*bud_lane_hold_fn)(void *owner, int err, int64_t until_ms, bool is_rest);
BUD_MUST_CHECK int bud_lane_hold(
	struct bud_store *store, struct bud_span lane, bud_lane_hold_fn fn, void *owner);
