/* What a lane is called, and which rule it is claimed by. "<sub>": the parked deliveries of a
 * subscription; "<sub>~replay": those somebody revived; "<sub>/<16 hex digits>": an ordered one's
 * of one key. */
#pragma once
#include "core/limits.h"
#include "store/member.h"
#include "store/store.h"

enum bud_claim_mode {
	BUD_CLAIM_PLAIN,        /* by anybody, several at a time; the rest are claimed whole */
	BUD_CLAIM_STRICT,       /* what is due */
	BUD_CLAIM_ORDERED_WAIT, /* one by one in the order of publishing; a retry holds all up */
	BUD_CLAIM_ORDERED_SKIP, /* the same, but what waits for its retry is passed by */
	BUD_CLAIM_BATCH,        /* once enough wait, or one has waited long enough */
};

#define BUD_LANE_REPLAY "~replay"
/* With the NUL. */
#define BUD_LANE_TEXT_BYTES (BUD_SUBSCRIPTION_ID_MAX + 1 + 16 + 1)

/* The lane of an ordered subscription for this event. `order` is its partitionkey, else its
 * subject; an event with neither has a lane of its own. */
void bud_lane_ordered_write(const struct bud_shard *shard, struct bud_span subscription,
	struct bud_span order, const struct bud_member *id, char out[BUD_LANE_TEXT_BYTES]);
void bud_lane_replay_write(struct bud_span subscription, char out[BUD_LANE_TEXT_BYTES]);

/* The subscription's id: the part before '/' or '~'. */
struct bud_span bud_lane_subscription(struct bud_span lane);
bool bud_lane_is_replay(struct bud_span lane);
/* Where the events of an ordered lane come from; false when it is none. */
bool bud_lane_partition(
	const struct bud_shard *shard, struct bud_span lane, unsigned *out_partition);
