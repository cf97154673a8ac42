/* Claims: deliveries taken from a lane under a lease, from the claim to their last result. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/text.h"

struct bud_claims;    /* opaque; one per worker */
struct bud_desk;      /* dispatch/desk.h */
struct bud_lane_plan; /* dispatch/lane_plan.h */
struct bud_receiver;  /* dispatch/receiver.h */
struct bud_slots;     /* dispatch/endpoint.h */
struct bud_resolves;  /* dispatch/resolve.h */

/* Borrows all. */
struct bud_claims *bud_claims_create(const struct bud_desk *desk, struct bud_resolves *resolves);
/* None is under way. */
void bud_claims_destroy(struct bud_claims *claims);

/* A claim of this lane is under way, and nothing else need look at it. */
bool bud_claims_has(const struct bud_claims *claims, struct bud_span lane);
/* What was claimed of this lane last has been running for long: what became due since need not wait
 * for it. */
bool bud_claims_is_long(const struct bud_claims *claims, struct bud_span lane, int64_t mono_ms);
/* Lanes of which a claim is under way. */
size_t bud_claims_count(const struct bud_claims *claims);
bool bud_claims_is_empty(const struct bud_claims *claims);
/* Deliveries asked for or in hand. */
size_t bud_claims_deliveries(const struct bud_claims *claims);
/* A claim ended that had got all it asked for: its lane may have more. Told once. */
bool bud_claims_has_more(struct bud_claims *claims);
/* Claims that got all they asked for, and of which half has ended: what is free may be claimed
 * beside the rest. */
bool bud_claims_is_ripe(const struct bud_claims *claims);
/* The lane of one, which is off the list then; lent until the loop goes on. */
bool bud_claims_take_ripe(struct bud_claims *claims, struct bud_span *out_lane);

/* Claims up to `plan->limit` deliveries; uses or gives back `slots` reserved ones of the receiver's
 * gate: one for each delivery, or one for a batch. Takes a reference on the receiver. */
void bud_claims_start(struct bud_claims *claims, struct bud_span lane,
	struct bud_receiver *receiver, const struct bud_lane_plan *plan,
	const struct bud_slots *slots);
/* Forgets all that a deleted subscription left in the lane. */
void bud_claims_start_forgetting(struct bud_claims *claims, struct bud_span lane);
/* Only moves the lane on in `due`. */
void bud_claims_postpone(struct bud_claims *claims, struct bud_span lane, int64_t wait_ms);
/* Starts what waited for the table. */
void bud_claims_tick(struct bud_claims *claims, int64_t mono_ms);
