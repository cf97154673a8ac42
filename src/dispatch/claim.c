/* Claims. claiming (claim and, behind it, subs:version are under way) -> barrier -> running ->
 * gone. What cannot start goes back with its attempt not counted. */
#include "dispatch/claim.h"

#include <assert.h>
#include <stdlib.h>

#include "auth/authorize.h"
#include "config/config.h"
#include "core/clock.h"
#include "core/limits.h"
#include "core/list.h"
#include "core/log.h"
#include "core/map.h"
#include "core/metrics.h"
#include "core/random.h"
#include "dispatch/delivery.h"
#include "dispatch/desk.h"
#include "dispatch/gate.h"
#include "dispatch/lane_plan.h"
#include "dispatch/receiver.h"
#include "dispatch/resolve.h"
#include "event/event.h"
#include "store/following.h"
#include "store/lane.h"
#include "store/registry.h"
#include "store/store.h"
#include "subscription/table.h"

/* A lease outlives the attempt's time-out by this much; an attempt starts only in its first half.
 */
#define LEASE_SPARE_MS  10000
#define START_WITHIN_MS (LEASE_SPARE_MS / 2)
#define FORGET_LEASE_MS 60000
#define LATER_MS        10000

enum claim_state {
	CLAIM_CLAIMING,
	CLAIM_BARRIER,
	CLAIM_RUNNING,
};

struct item {
	struct bud_delivery delivery;
	struct claim *claim;
	struct bud_member id;
	int64_t lease;
};

struct claim {
	struct bud_list link; /* bud_claims::waiting while in BARRIER */
	struct bud_claims *claims;
	enum claim_state state;
	unsigned n_replies;            /* still to come */
	bool is_full;                  /* got all it asked for */
	struct bud_receiver *receiver; /* NULL: forgetting */
	struct bud_lane_plan plan;
	char token[33];  /* "": the lane is not held */
	bool is_held;    /* by this claim, until its release */
	size_t attempts; /* made under it */
	size_t slots;    /* reserved and not used yet */
	size_t asked;
	int64_t sent_mono_ms;
	struct bud_table_version version;
	size_t n;
	size_t n_open;
	struct item *items;
	char lane[];
};

struct bud_claims {
	const struct bud_desk *desk;
	struct bud_resolves *resolves;
	struct bud_map by_lane;
	struct bud_list waiting; /* claim::link */
	size_t n_deliveries;
	bool has_more;
};

struct bud_claims *bud_claims_create(const struct bud_desk *desk, struct bud_resolves *resolves)
{
	struct bud_claims *claims = bud_new(struct bud_claims);

	claims->desk = desk;
	claims->resolves = resolves;
	bud_list_init(&claims->waiting);
	return claims;
}

static void finish(struct claim *claim);

void bud_claims_destroy(struct bud_claims *claims)
{
	struct claim *claim;
	struct claim *after;

	if (!claims)
		return;
	/* Their leases end by themselves. */
	bud_list_each_safe (claim, after, &claims->waiting, link)
		finish(claim);
	assert(claims->by_lane.n == 0);
	bud_map_finish(&claims->by_lane);
	free(claims);
}

bool bud_claims_has(const struct bud_claims *claims, struct bud_span lane)
{
	return bud_map_get(&claims->by_lane, lane) != NULL;
}

size_t bud_claims_count(const struct bud_claims *claims)
{
	return claims->by_lane.n;
}

size_t bud_claims_deliveries(const struct bud_claims *claims)
{
	return claims->n_deliveries;
}

bool bud_claims_has_more(struct bud_claims *claims)
{
	bool has_more = claims->has_more;

	claims->has_more = false;
	return has_more;
}

static struct claim *create(struct bud_claims *claims, struct bud_span lane, size_t asked)
{
	struct claim *claim = bud_alloc_zero(sizeof(*claim) + lane.len + 1);

	memcpy(claim->lane, lane.at, lane.len);
	claim->claims = claims;
	claim->asked = asked;
	claim->sent_mono_ms = bud_clock_mono_ms();
	bud_list_init(&claim->link);
	bud_map_put(&claims->by_lane, (struct bud_span){claim->lane, lane.len}, claim);
	claims->n_deliveries += asked;
	return claim;
}

static enum bud_share share_of(const struct claim *claim)
{
	return bud_lane_is_replay(bud_span(claim->lane)) ? BUD_SHARE_REPLAY : BUD_SHARE_RETRY;
}

/* Keeps so many of the reserved slots, and at once: others may wait for the rest. */
static void keep_slots(struct claim *claim, size_t n)
{
	assert(n <= claim->slots);
	if (claim->receiver)
		bud_gate_give_back(claim->receiver->gate, share_of(claim), claim->slots - n,
			bud_clock_mono_ms());
	claim->slots = n;
}

/* Gives the slots back and everything up. */
static void finish(struct claim *claim)
{
	struct bud_claims *claims = claim->claims;

	assert(claim->n_open == 0);
	keep_slots(claim, 0);
	if (claim->is_held)
		bud_resolves_release(claims->resolves,
			&(struct bud_lane_use){claim->lane, &claim->plan}, claim->token,
			bud_lane_plan_rest_ms(&claim->plan, claim->attempts,
				bud_clock_mono_ms() - claim->sent_mono_ms));
	bud_map_remove(&claims->by_lane, bud_span(claim->lane));
	bud_list_remove(&claim->link);
	claims->n_deliveries -= claim->asked;
	claims->has_more = claims->has_more || claim->is_full;
	for (size_t i = 0; i < claim->n; i++)
		if (claim->items[i].delivery.receiver)
			bud_delivery_finish(&claim->items[i].delivery);
	free(claim->items);
	bud_receiver_unref(claim->receiver);
	free(claim);
}

static void resolve(struct claim *claim, const struct bud_claimed *claimed, enum bud_resolve verb,
	int64_t delay_ms)
{
	struct bud_resolution resolution = {
		.id = claimed->id,
		.verb = verb,
		.lease = claimed->lease,
		.delay_ms = delay_ms,
		.attempt = verb == BUD_RESOLVE_AGAIN ? claimed->attempt - 1 : claimed->attempt,
	};

	if (verb == BUD_RESOLVE_DEAD)
		resolution.why = bud_span("{\"reason\":\"retention\"}");
	bud_resolves_add(claim->claims->resolves, &(struct bud_lane_use){claim->lane, &claim->plan},
		&resolution);
}

static void resolve_attempt(const struct item *item)
{
	const struct claim *claim = item->claim;

	bud_resolves_add_attempt(claim->claims->resolves,
		&(struct bud_lane_use){claim->lane, &claim->plan}, &item->delivery, &item->id,
		item->lease);
}

static void on_end(struct bud_delivery *delivery)
{
	struct item *item = bud_container(delivery, struct item, delivery);
	struct claim *claim = item->claim;

	if (delivery->end == BUD_DELIVERY_END_DELIVERED)
		bud_metrics_add(claim->claims->desk->metrics, BUD_COUNTER_DELIVERIES_DELIVERED, 1);
	if (delivery->end == BUD_DELIVERY_END_EXPIRED)
		bud_metrics_add(claim->claims->desk->metrics, BUD_COUNTER_DELIVERIES_EXPIRED, 1);
	claim->attempts += delivery->end != BUD_DELIVERY_END_BLOCKED;
	resolve_attempt(item);
	assert(claim->n_open > 0);
	if (--claim->n_open == 0)
		finish(claim);
}

/* Ends an item without an attempt: BLOCKED goes back, CANCELLED is forgotten. */
static void end_unsent(struct item *item, enum bud_delivery_end end, int64_t wait_ms)
{
	item->delivery.state = BUD_DELIVERY_ENDED;
	item->delivery.end = end;
	item->delivery.wait_ms = wait_ms;
	resolve_attempt(item);
}

static void start_item(struct claim *claim, struct item *item, int64_t mono_ms)
{
	struct bud_receiver *receiver = claim->receiver;
	int64_t wait_ms = 0;

	assert(claim->slots > 0);
	claim->slots--;
	if (bud_gate_start(receiver->gate, &item->delivery, mono_ms, &wait_ms) == BUD_OFFER_TAKEN)
		claim->n_open++;
	else
		end_unsent(item, BUD_DELIVERY_END_BLOCKED, wait_ms);
}

/* The table is new enough. The claim's own count is held up so that no on_end can end it here. */
static void start_all(struct claim *claim, int64_t mono_ms)
{
	const struct bud_desk *desk = claim->claims->desk;
	enum bud_receiver_state state = bud_receiver_check(claim->receiver, desk);
	bool may_start = state == BUD_RECEIVER_CURRENT &&
			 mono_ms - claim->sent_mono_ms < START_WITHIN_MS &&
			 bud_following_is_fresh(desk->following, mono_ms);

	int64_t now_ms = bud_clock_wall_ms();

	claim->state = CLAIM_RUNNING;
	bud_list_remove(&claim->link);
	claim->n_open = 1;
	for (size_t i = 0; i < claim->n; i++) {
		struct item *item = &claim->items[i];
		enum bud_decision decision = bud_authorize_delivery(
			item->delivery.event->owner, bud_span(claim->receiver->owner));
		if (state == BUD_RECEIVER_DELETED) {
			bud_metrics_add(desk->metrics, BUD_COUNTER_DELIVERIES_CANCELLED, 1);
			end_unsent(item, BUD_DELIVERY_END_CANCELLED, 0);
		} else if (decision == BUD_DECISION_DENY) {
			bud_metrics_add(desk->metrics, BUD_COUNTER_DELIVERIES_DENIED, 1);
			end_unsent(item, BUD_DELIVERY_END_CANCELLED, 0);
		} else if (now_ms >= item->delivery.event->expires_wall_ms) {
			bud_metrics_add(desk->metrics, BUD_COUNTER_DELIVERIES_EXPIRED, 1);
			end_unsent(item, BUD_DELIVERY_END_EXPIRED, 0);
		} else if (decision == BUD_DECISION_LATER) {
			end_unsent(item, BUD_DELIVERY_END_BLOCKED, LATER_MS);
		} else if (!may_start) {
			end_unsent(item, BUD_DELIVERY_END_BLOCKED, 100);
		} else {
			start_item(claim, item, mono_ms);
		}
	}
	keep_slots(claim, 0);
	if (--claim->n_open == 0)
		finish(claim);
}

static bool table_has(const struct bud_desk *desk, struct bud_table_version wanted)
{
	struct bud_table_version version;

	bud_table_lock(desk->table, desk->table_reader);
	version = bud_table_version(desk->table);
	bud_table_unlock(desk->table, desk->table_reader);
	return version.ms != wanted.ms ? version.ms > wanted.ms : version.seq >= wanted.seq;
}

/* Starts as soon as the table is there; when its lease is half gone everything goes back. */
static void try_start(struct claim *claim, int64_t mono_ms)
{
	if (table_has(claim->claims->desk, claim->version) ||
		mono_ms - claim->sent_mono_ms >= START_WITHIN_MS)
		start_all(claim, mono_ms);
}

void bud_claims_tick(struct bud_claims *claims, int64_t mono_ms)
{
	struct claim *claim;
	struct claim *after;

	bud_list_each_safe (claim, after, &claims->waiting, link)
		try_start(claim, mono_ms);
}

static void on_answer(struct claim *claim)
{
	if (--claim->n_replies > 0)
		return;
	if (claim->n == 0) {
		finish(claim);
		return;
	}
	claim->state = CLAIM_BARRIER;
	bud_list_append(&claim->claims->waiting, &claim->link);
	try_start(claim, bud_clock_mono_ms());
}

static void on_version(void *owner, int err, struct bud_member version)
{
	struct claim *claim = owner;

	if (err == 0)
		claim->version = (struct bud_table_version){version.ms, version.seq};
	on_answer(claim);
}

/* An event is past retention when it was stored so long ago: it has no more attempts. */
static bool is_too_old(const struct claim *claim, const struct bud_claimed *claimed, int64_t now_ms)
{
	int64_t age_ms = claim->claims->desk->config->retention.age_s * 1000;

	return age_ms > 0 && now_ms - (int64_t)claimed->id.ms > age_ms;
}

static void add_item(struct claim *claim, const struct bud_claimed *claimed, int64_t now_ms)
{
	struct bud_metrics *metrics = claim->claims->desk->metrics;
	struct item *item = &claim->items[claim->n];
	struct bud_event *event = NULL;

	if (claimed->bytes.at)
		event = bud_event_create(claimed->owner, claimed->bytes);
	if (!event) {
		bud_metrics_add(metrics, BUD_COUNTER_EVENTS_LOST, 1);
		bud_log_error("the content of a parked event is gone: it is lost", "subscription",
			claim->lane);
		resolve(claim, claimed, BUD_RESOLVE_FORGET, 0);
		return;
	}
	if (is_too_old(claim, claimed, now_ms)) {
		resolve(claim, claimed, BUD_RESOLVE_DEAD, 0);
	} else {
		bud_delivery_init(&item->delivery, claim->receiver, event, claimed->attempt);
		item->delivery.published_ms = (int64_t)claimed->id.ms;
		item->delivery.is_replay = bud_lane_is_replay(bud_span(claim->lane));
		item->delivery.on_end = on_end;
		item->claim = claim;
		item->id = claimed->id;
		item->lease = claimed->lease;
		claim->n++;
	}
	bud_event_unref(event);
}

static void on_claimed(
	void *owner, int err, int64_t now_ms, const struct bud_claimed *claimed, size_t n)
{
	struct claim *claim = owner;
	struct bud_metrics *metrics = claim->claims->desk->metrics;

	if (err < 0) {
		on_answer(claim);
		return;
	}
	bud_metrics_add(metrics, BUD_COUNTER_DELIVERIES_CLAIMED, n);
	bud_metrics_time(
		metrics, BUD_HISTOGRAM_CLAIM, (bud_clock_mono_ms() - claim->sent_mono_ms) * 1000);
	claim->items = bud_alloc_zero((n + 1) * sizeof(*claim->items));
	for (size_t i = 0; i < n; i++)
		add_item(claim, &claimed[i], now_ms);
	claim->is_held = n > 0 && claim->token[0] != '\0';
	claim->is_full = n == claim->asked;
	claim->receiver->claim_n = claim->is_full ? 2 * n : 1;
	if (claim->receiver->claim_n > BUD_ENDPOINT_WINDOW)
		claim->receiver->claim_n = BUD_ENDPOINT_WINDOW;
	keep_slots(claim, claim->n);
	claim->claims->n_deliveries -= claim->asked - claim->n;
	claim->asked = claim->n;
	on_answer(claim);
}

void bud_claims_start(struct bud_claims *claims, struct bud_span lane,
	struct bud_receiver *receiver, const struct bud_lane_plan *plan, size_t slots)
{
	struct claim *claim = create(claims, lane, plan->limit);
	struct bud_claim command = {
		.lane = bud_span(claim->lane),
		.limit = plan->limit,
		.lease_ms = receiver->timeout_ms + LEASE_SPARE_MS,
		.mode = plan->mode,
		.hold_ms = receiver->timeout_ms + LEASE_SPARE_MS,
		.fill = plan->fill,
		.wait_ms = plan->wait_ms,
		.bytes_max = plan->bytes_max,
	};

	claim->plan = *plan;
	if (plan->mode != BUD_CLAIM_PLAIN)
		bud_random_hex(claim->token, 16);
	command.token = bud_span(claim->token);
	(void)bud_lane_partition(claims->desk->commands->shard, lane, &command.partition);

	claim->receiver = bud_receiver_ref(receiver);
	claim->slots = slots;
	claim->n_replies = 1;
	/* Without an answer nothing starts: this version is never reached. */
	claim->version = (struct bud_table_version){UINT64_MAX, UINT64_MAX};
	if (bud_lane_claim(claims->desk->commands, &command, on_claimed, claim) < 0) {
		finish(claim);
		return;
	}
	/* Behind the claim, so that no record is older than the claim. */
	if (bud_registry_version(claims->desk->commands, on_version, claim) == 0)
		claim->n_replies++;
}

static void on_forgotten(
	void *owner, int err, int64_t now_ms, const struct bud_claimed *claimed, size_t n)
{
	struct claim *claim = owner;

	(void)now_ms;
	claim->is_full = n == claim->asked;
	for (size_t i = 0; err == 0 && i < n; i++)
		resolve(claim, &claimed[i], BUD_RESOLVE_FORGET, 0);
	bud_metrics_add(claim->claims->desk->metrics, BUD_COUNTER_DELIVERIES_CANCELLED, n);
	finish(claim);
}

void bud_claims_start_forgetting(struct bud_claims *claims, struct bud_span lane)
{
	struct claim *claim = create(claims, lane, BUD_CLAIM_MAX);
	struct bud_claim command = {
		.lane = bud_span(claim->lane),
		.limit = BUD_CLAIM_MAX,
		.lease_ms = FORGET_LEASE_MS,
	};

	if (bud_lane_claim(claims->desk->commands, &command, on_forgotten, claim) < 0)
		finish(claim);
}

static void on_postponed(
	void *owner, int err, int64_t now_ms, const struct bud_claimed *claimed, size_t n)
{
	(void)err;
	(void)now_ms;
	(void)claimed;
	(void)n;
	finish(owner);
}

void bud_claims_postpone(struct bud_claims *claims, struct bud_span lane, int64_t wait_ms)
{
	struct claim *claim = create(claims, lane, 0);
	struct bud_claim command = {.lane = bud_span(claim->lane), .look_again_ms = wait_ms};

	if (bud_lane_claim(claims->desk->commands, &command, on_postponed, claim) < 0)
		finish(claim);
}
