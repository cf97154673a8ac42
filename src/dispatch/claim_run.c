/* A claim's run. start (what may not start goes back or is forgotten) -> on_end ... -> finish: the
 * slots are given back, and a lane that was held is free. */
#include "dispatch/claim_run.h"

#include <assert.h>
#include <stdlib.h>

#include "config/config.h"
#include "core/clock.h"
#include "core/metrics.h"
#include "dispatch/desk.h"
#include "dispatch/gate.h"
#include "dispatch/permit.h"
#include "dispatch/receiver.h"
#include "dispatch/units.h"
#include "dispatch/resolve.h"
#include "event/event.h"
#include "store/following.h"

/* Keeps so many of the reserved slots, and at once: others may wait for the rest. */
void bud_claim_run_keep_slots(struct bud_claim_run *claim, size_t n)
{
	struct bud_slots rest = claim->slots;

	assert(n <= claim->slots.n);
	rest.n -= n;
	if (claim->receiver)
		bud_gate_give_back(claim->receiver->gate, &rest, bud_clock_mono_ms());
	claim->slots.n = n;
}

/* Gives the slots back and everything up. */
void bud_claim_run_finish(struct bud_claim_run *claim)
{
	struct bud_claims *claims = claim->claims;

	assert(claim->n_open == 0);
	bud_claim_run_keep_slots(claim, 0);
	if (claim->is_held)
		bud_resolves_release(claims->resolves,
			&(struct bud_lane_use){claim->lane, &claim->plan}, claim->token,
			bud_lane_plan_rest_ms(&claim->plan, claim->attempts,
				bud_clock_mono_ms() - claim->sent_mono_ms));
	if (!claim->is_followed) {
		bud_map_remove(&claims->by_lane, bud_span(claim->lane));
		claims->has_more = claims->has_more || claim->is_full;
	}
	bud_list_remove(&claim->link);
	claims->n--;
	claims->n_deliveries -= claim->asked;
	for (size_t i = 0; i < claim->n; i++)
		if (claim->items[i].delivery.receiver)
			bud_delivery_finish(&claim->items[i].delivery);
	free(claim->items);
	free(claim->batch.members);
	bud_receiver_unref(claim->receiver);
	free(claim);
}

static void resolve_attempt(const struct bud_claim_item *item)
{
	const struct bud_claim_run *claim = item->claim;

	bud_resolves_add_attempt(claim->claims->resolves,
		&(struct bud_lane_use){claim->lane, &claim->plan}, &item->delivery, &item->id,
		item->lease);
}

/* A slow attempt does not keep its lane: the slots of those that have ended are for the next claim.
 * A lane that is claimed whole waits for the last one. */
static void count_ended(struct bud_claim_run *claim)
{
	struct bud_claims *claims = claim->claims;

	assert(claim->n_open > 0 && claim->asked > 0);
	claim->asked--;
	claims->n_deliveries--;
	if (--claim->n_open == 0)
		bud_claim_run_finish(claim);
	else if (claim->is_full && !claim->is_followed && claim->plan.mode == BUD_CLAIM_PLAIN &&
		 2 * claim->n_open <= claim->n && bud_list_is_empty(&claim->link))
		bud_list_append(&claims->ripe, &claim->link);
}

static void on_end(struct bud_delivery *delivery)
{
	struct bud_claim_item *item = bud_container(delivery, struct bud_claim_item, delivery);
	struct bud_claim_run *claim = item->claim;

	if (delivery->end == BUD_DELIVERY_END_DELIVERED)
		bud_metrics_add(claim->claims->desk->metrics, BUD_COUNTER_DELIVERIES_DELIVERED, 1);
	if (delivery->end == BUD_DELIVERY_END_EXPIRED)
		bud_metrics_add(claim->claims->desk->metrics, BUD_COUNTER_DELIVERIES_EXPIRED, 1);
	claim->attempts += delivery->end != BUD_DELIVERY_END_BLOCKED || delivery->status > 0;
	resolve_attempt(item);
	/* Its content need not wait for the others; members of a batch are read until its end. */
	if (claim->plan.mode != BUD_CLAIM_BATCH)
		bud_delivery_finish(delivery);
	count_ended(claim);
}

/* Ends an item without an attempt: BLOCKED goes back, CANCELLED is forgotten. */
static void end_unsent(struct bud_claim_item *item, enum bud_delivery_end end, int64_t wait_ms)
{
	item->delivery.state = BUD_DELIVERY_ENDED;
	item->delivery.end = end;
	item->delivery.wait_ms = wait_ms;
	resolve_attempt(item);
}

/* Why it has no more attempts, or NULL. A replay is wanted whatever the age of its event. */
static const char *too_old(const struct bud_claim_item *item)
{
	const struct bud_claim_run *claim = item->claim;
	int64_t retention_s = claim->claims->desk->config->retention.age_s;
	int64_t max_age_s = item->delivery.is_replay ? 0 : claim->receiver->retry.max_age_s;
	int64_t age_ms = claim->claimed_ms - item->delivery.published_ms;

	if (retention_s > 0 && age_ms > retention_s * 1000)
		return "retention";
	return max_age_s > 0 && age_ms > max_age_s * 1000 ? "age" : NULL;
}

/* Without the attempt that it was claimed for. */
static void bury(struct bud_claim_item *item, const char *reason, bool is_permitted)
{
	item->delivery.reason = reason;
	item->delivery.attempt--;
	item->delivery.is_untold = !is_permitted;
	end_unsent(item, BUD_DELIVERY_END_DEAD, 0);
}

static void start_item(struct bud_claim_run *claim, struct bud_claim_item *item, int64_t mono_ms)
{
	struct bud_receiver *receiver = claim->receiver;
	int64_t wait_ms = 0;

	assert(claim->slots.n > 0);
	claim->slots.n--;
	item->delivery.is_probe = claim->slots.is_probe;
	if (bud_gate_start(receiver->gate, &item->delivery, mono_ms, &wait_ms) == BUD_OFFER_TAKEN)
		claim->n_open++;
	else
		end_unsent(item, BUD_DELIVERY_END_BLOCKED, wait_ms);
}

/* All in one request, by one slot. */
static void start_batch(struct bud_claim_run *claim, int64_t mono_ms)
{
	struct bud_batch *batch = &claim->batch;
	int64_t wait_ms = 0;

	if (batch->n == 0)
		return;
	assert(claim->slots.n > 0);
	claim->slots.n--;
	batch->members[0]->batch = batch;
	batch->members[0]->is_probe = claim->slots.is_probe;
	if (bud_gate_start(claim->receiver->gate, batch->members[0], mono_ms, &wait_ms) ==
		BUD_OFFER_TAKEN) {
		claim->n_open += batch->n;
		return;
	}
	for (size_t i = 0; i < batch->n; i++)
		end_unsent(bud_container(batch->members[i], struct bud_claim_item, delivery),
			BUD_DELIVERY_END_BLOCKED, wait_ms);
}

/* The table is new enough. The claim's own count is held up so that no on_end can end it here. */
void bud_claim_run_start(struct bud_claim_run *claim, int64_t mono_ms)
{
	const struct bud_desk *desk = claim->claims->desk;
	enum bud_receiver_state state = bud_receiver_check(claim->receiver, desk);
	bool may_start = state == BUD_RECEIVER_CURRENT &&
			 mono_ms - claim->sent_mono_ms < BUD_LEASE_START_MS &&
			 bud_following_is_fresh(desk->following, mono_ms);

	int64_t now_ms = bud_clock_wall_ms();

	claim->state = BUD_CLAIM_STATE_RUNNING;
	bud_list_remove(&claim->link);
	claim->n_open = 1;
	for (size_t i = 0; i < claim->n; i++) {
		struct bud_claim_item *item = &claim->items[i];
		const char *why_old = too_old(item);
		uint64_t asked;
		enum bud_decision decision = bud_permit(
			desk, item->delivery.event, claim->receiver->owner, now_ms, &asked);
		if (decision == BUD_DECISION_PERMIT)
			decision = bud_units_permit(
				desk, item->delivery.event, claim->receiver->id, now_ms);
		item->delivery.on_end = on_end;
		if (state == BUD_RECEIVER_DELETED) {
			bud_metrics_add(desk->metrics, BUD_COUNTER_DELIVERIES_CANCELLED, 1);
			end_unsent(item, BUD_DELIVERY_END_CANCELLED, 0);
		} else if (decision == BUD_DECISION_DENY) {
			bud_metrics_add(desk->metrics, BUD_COUNTER_DELIVERIES_DENIED, 1);
			end_unsent(item, BUD_DELIVERY_END_CANCELLED, 0);
		} else if (now_ms >= item->delivery.event->expires_wall_ms) {
			bud_metrics_add(desk->metrics, BUD_COUNTER_DELIVERIES_EXPIRED, 1);
			end_unsent(item, BUD_DELIVERY_END_EXPIRED, 0);
		} else if (why_old) {
			bury(item, why_old, decision == BUD_DECISION_PERMIT);
		} else if (decision == BUD_DECISION_LATER) {
			item->delivery.is_alone = true;
			end_unsent(item, BUD_DELIVERY_END_BLOCKED, bud_permit_wait_ms(asked));
		} else if (!may_start) {
			end_unsent(item, BUD_DELIVERY_END_BLOCKED, 100);
		} else if (claim->plan.mode == BUD_CLAIM_BATCH) {
			claim->batch.members[claim->batch.n++] = &item->delivery;
		} else {
			start_item(claim, item, mono_ms);
		}
	}
	start_batch(claim, mono_ms);
	bud_claim_run_keep_slots(claim, 0);
	if (--claim->n_open == 0)
		bud_claim_run_finish(claim);
}
