/* A lane plan: how the deliveries of a subscription are parked and claimed, by what its owner
 * wishes and its receiver granted. A plain lane serves what the fast lane could not deliver; the
 * others serve everything: the deliveries never go out from hand. Pure. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "store/lane_name.h"

struct bud_push_config;         /* subscription/push_config.h */
struct bud_subscription_status; /* subscription/status.h */

struct bud_lane_plan {
	enum bud_claim_mode mode;
	unsigned limit;    /* most deliveries of one claim; 0: as many as have room */
	double rate_per_s; /* STRICT: 0: no bound */
	unsigned fill;     /* BATCH */
	unsigned wait_ms;
	size_t bytes_max;
};

/* `sharers`: workers of all nodes; so few at a time that they could not share them make a lane
 * strict. */
struct bud_lane_plan bud_lane_plan_of(const struct bud_push_config *config,
	const struct bud_subscription_status *status, unsigned sharers);
/* How long a lane rests after `n` attempts of a claim that was sent `since_ms` ago. */
int64_t bud_lane_plan_rest_ms(const struct bud_lane_plan *plan, size_t n, int64_t since_ms);
