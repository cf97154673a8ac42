/* A lane's kind: how the parked deliveries of a subscription are filed and claimed, by what its
 * owner wishes. Plain lanes serve retries beside the fast lane; strict ones serve everything, are
 * claimed whole, and by one worker at a time in the whole system. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/limits.h"
#include "core/text.h"

struct bud_event;               /* event/event.h */
struct bud_hash_key;            /* core/hash.h */
struct bud_push_config;         /* subscription/push_config.h */
struct bud_subscription_status; /* subscription/status.h */

enum bud_lane_kind {
	BUD_LANE_KIND_PLAIN,
	BUD_LANE_KIND_LIMITED, /* rate_per_s, or max_in_flight that workers could not share */
	BUD_LANE_KIND_ORDERED, /* a lane for each key of the partition */
	BUD_LANE_KIND_BATCH,
};

/* `sharers`: workers of all nodes. */
enum bud_lane_kind bud_lane_kind_of(const struct bud_push_config *config,
	const struct bud_subscription_status *status, unsigned sharers);
/* Attempts per second that its owner and its receiver allow; 0: no bound. */
double bud_lane_rate(
	const struct bud_push_config *config, const struct bud_subscription_status *status);

/* "<sub>", "<sub>/<key>" or "<sub>~replay": no subscription's id has "/" or "~". */
#define BUD_LANE_REPLAY     "~replay"
#define BUD_LANE_NAME_BYTES (BUD_SUBSCRIPTION_ID_MAX + 18)

struct bud_lane_name {
	char subscription[BUD_SUBSCRIPTION_ID_MAX + 1];
	bool is_replay;
	bool has_key;
};

/* False: no lane of ours. */
bool bud_lane_name_parse(struct bud_span text, struct bud_lane_name *out_name);
/* The lane of an ordered subscription that an event belongs to: by partitionkey, else subject, else
 * source and id, so that events of one lane stand in one partition. */
void bud_lane_name_write_ordered(const char *subscription, const struct bud_event *event,
	const struct bud_hash_key *key, char out[BUD_LANE_NAME_BYTES]);
