/* Parkings: what a settle is told of deliveries that are not done: which lane, when to look, why it
 * died. For a subscription that holds up what its owner may park nothing more is parked: what is
 * owed to it goes to the dead letters at once, without a copy of the event. */
#pragma once
#include <stdbool.h>
#include "core/limits.h"
#include "core/text.h"
#include "dispatch/delivery.h"
#include "store/settle.h"

struct bud_desk;         /* dispatch/desk.h */
struct bud_lane_plan;    /* dispatch/lane_plan.h */
struct bud_quota;        /* auth/quota.h */
struct bud_shard;        /* store/store.h */
struct bud_subscription; /* subscription/subscription.h */

/* Large, so nothing of it is zeroed before it is used; what `list` points to lives here and in the
 * deliveries. */
struct bud_parkings {
	const struct bud_shard *shard;
	struct bud_quota *quota;
	struct bud_parking list[BUD_BROADCAST_CHUNK];
	/* Of the last ones: a lane's name, or why and note of a dead letter. */
	struct bud_buffer texts[BUD_BROADCAST_CHUNK];
	size_t n;
	size_t refused_n; /* not parked for their owners' quotas */
};

void bud_parkings_init(struct bud_parkings *parkings, const struct bud_desk *desk);
void bud_parkings_finish(struct bud_parkings *parkings);

/* The whole event, which nobody can match. */
void bud_parkings_add_poison(struct bud_parkings *parkings);

/* A delivery whose attempts are over for now, and that is owed still. */
void bud_parkings_add_ended(struct bud_parkings *parkings, const struct bud_delivery *delivery,
	const struct bud_member *id);
/* One that runs: its lease ends in `lease_ms`. */
void bud_parkings_add_running(
	struct bud_parkings *parkings, const struct bud_delivery *delivery, int64_t lease_ms);
/* One of a broadcast, never offered: only the subscription is known. Borrows nothing of it. */
void bud_parkings_add_unseen(struct bud_parkings *parkings,
	const struct bud_subscription *subscription, const struct bud_lane_plan *plan,
	const struct bud_event *event, const struct bud_member *id);
