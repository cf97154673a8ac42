/* Claims. claiming (claim and, behind it, subs:version are under way) -> barrier -> running ->
 * gone. What cannot start goes back with its attempt not counted. Of a plain lane several may be
 * under way: the newest stands for it. */
#include "dispatch/claim.h"

#include <assert.h>
#include <stdlib.h>

#include "config/config.h"
#include "core/clock.h"
#include "core/limits.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/random.h"
#include "dispatch/claim_run.h"
#include "dispatch/desk.h"
#include "dispatch/gate.h"
#include "dispatch/receiver.h"
#include "dispatch/resolve.h"
#include "event/event.h"
#include "store/lane.h"
#include "store/lane_rows.h"
#include "store/registry.h"
#include "store/store.h"

/* What has not ended by then may hang. */
#define LONG_MS 1000

struct bud_claims *bud_claims_create(const struct bud_desk *desk, struct bud_resolves *resolves)
{
	struct bud_claims *claims = bud_new(struct bud_claims);

	claims->desk = desk;
	claims->resolves = resolves;
	bud_list_init(&claims->waiting);
	bud_list_init(&claims->ripe);
	return claims;
}

void bud_claims_destroy(struct bud_claims *claims)
{
	struct bud_claim_run *claim;
	struct bud_claim_run *after;

	if (!claims)
		return;
	/* Their leases end by themselves. */
	bud_list_each_safe (claim, after, &claims->waiting, link)
		bud_claim_run_finish(claim);
	assert(claims->by_lane.n == 0 && claims->n == 0);
	bud_map_finish(&claims->by_lane);
	free(claims);
}

bool bud_claims_has(const struct bud_claims *claims, struct bud_span lane)
{
	return bud_map_get(&claims->by_lane, lane) != NULL;
}

bool bud_claims_is_long(const struct bud_claims *claims, struct bud_span lane, int64_t mono_ms)
{
	const struct bud_claim_run *claim = bud_map_get(&claims->by_lane, lane);

	return claim && claim->state == BUD_CLAIM_STATE_RUNNING &&
	       mono_ms - claim->sent_mono_ms >= LONG_MS;
}

size_t bud_claims_count(const struct bud_claims *claims)
{
	return claims->by_lane.n;
}

bool bud_claims_is_empty(const struct bud_claims *claims)
{
	return claims->n == 0;
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

bool bud_claims_is_ripe(const struct bud_claims *claims)
{
	return !bud_list_is_empty(&claims->ripe);
}

bool bud_claims_take_ripe(struct bud_claims *claims, struct bud_span *out_lane)
{
	struct bud_claim_run *claim;

	if (bud_list_is_empty(&claims->ripe))
		return false;
	claim = bud_list_first(&claims->ripe, struct bud_claim_run, link);
	bud_list_remove(&claim->link);
	*out_lane = bud_span(claim->lane);
	return true;
}

static struct bud_claim_run *create(struct bud_claims *claims, struct bud_span lane, size_t asked)
{
	struct bud_claim_run *claim = bud_alloc_zero(sizeof(*claim) + lane.len + 1);
	struct bud_claim_run *before;

	memcpy(claim->lane, lane.at, lane.len);
	claim->claims = claims;
	claim->asked = asked;
	claim->sent_mono_ms = bud_clock_mono_ms();
	bud_list_init(&claim->link);
	before = bud_map_put(&claims->by_lane, (struct bud_span){claim->lane, lane.len}, claim);
	if (before)
		before->is_followed = true;
	claims->n++;
	claims->n_deliveries += asked;
	return claim;
}

static void forget(struct bud_claim_run *claim, const struct bud_claimed *claimed)
{
	struct bud_resolution resolution = {
		.id = claimed->id,
		.verb = BUD_RESOLVE_FORGET,
		.lease = claimed->lease,
		.attempt = claimed->attempt,
	};

	bud_resolves_add(claim->claims->resolves, &(struct bud_lane_use){claim->lane, &claim->plan},
		&resolution);
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
static void try_start(struct bud_claim_run *claim, int64_t mono_ms)
{
	if (table_has(claim->claims->desk, claim->version) ||
		mono_ms - claim->sent_mono_ms >= BUD_LEASE_START_MS)
		bud_claim_run_start(claim, mono_ms);
}

void bud_claims_tick(struct bud_claims *claims, int64_t mono_ms)
{
	struct bud_claim_run *claim;
	struct bud_claim_run *after;

	bud_list_each_safe (claim, after, &claims->waiting, link)
		try_start(claim, mono_ms);
}

static void on_answer(struct bud_claim_run *claim)
{
	if (--claim->n_replies > 0)
		return;
	if (claim->n == 0) {
		bud_claim_run_finish(claim);
		return;
	}
	claim->state = BUD_CLAIM_STATE_BARRIER;
	bud_list_append(&claim->claims->waiting, &claim->link);
	try_start(claim, bud_clock_mono_ms());
}

static void on_version(void *owner, int err, struct bud_member version)
{
	struct bud_claim_run *claim = owner;

	if (err == 0)
		claim->version = (struct bud_table_version){version.ms, version.seq};
	on_answer(claim);
}

static void add_item(struct bud_claim_run *claim, const struct bud_claimed *claimed)
{
	struct bud_metrics *metrics = claim->claims->desk->metrics;
	struct bud_claim_item *item = &claim->items[claim->n];
	struct bud_event *event = NULL;

	if (claimed->bytes.at)
		event = bud_event_create(claimed->owner, claimed->bytes);
	if (!event) {
		bud_metrics_add(metrics, BUD_COUNTER_EVENTS_LOST, 1);
		bud_log_error("the content of a parked event is gone: it is lost", "subscription",
			claim->lane);
		forget(claim, claimed);
		return;
	}
	bud_delivery_init(&item->delivery, claim->receiver, event, claimed->attempt);
	item->delivery.published_ms = (int64_t)claimed->id.ms;
	item->delivery.is_replay = bud_lane_is_replay(bud_span(claim->lane));
	item->claim = claim;
	item->id = claimed->id;
	item->lease = claimed->lease;
	claim->n++;
	bud_event_unref(event);
}

/* How many to ask for next: few, unless there are more than were asked for. */
static void learn(struct bud_claim_run *claim, size_t n)
{
	size_t *claim_n = &claim->receiver->claim_n;

	claim->is_full = n == claim->asked;
	if (!claim->is_full)
		*claim_n = 1;
	else if (*claim_n < 2 * n)
		*claim_n = 2 * n;
	if (*claim_n > BUD_ENDPOINT_WINDOW_MAX)
		*claim_n = BUD_ENDPOINT_WINDOW_MAX;
}

static void on_claimed(
	void *owner, int err, int64_t now_ms, const struct bud_claimed *claimed, size_t n)
{
	struct bud_claim_run *claim = owner;
	struct bud_metrics *metrics = claim->claims->desk->metrics;

	if (err < 0) {
		on_answer(claim);
		return;
	}
	claim->claimed_ms = now_ms;
	bud_metrics_add(metrics, BUD_COUNTER_DELIVERIES_CLAIMED, n);
	bud_metrics_time(
		metrics, BUD_HISTOGRAM_CLAIM, (bud_clock_mono_ms() - claim->sent_mono_ms) * 1000);
	claim->items = bud_alloc_zero((n + 1) * sizeof(*claim->items));
	if (claim->plan.mode == BUD_CLAIM_BATCH)
		claim->batch.members = bud_alloc_zero((n + 1) * sizeof(*claim->batch.members));
	for (size_t i = 0; i < n; i++)
		add_item(claim, &claimed[i]);
	claim->is_held = n > 0 && claim->token[0] != '\0';
	learn(claim, n);
	if (claim->n < claim->slots.n)
		bud_claim_run_keep_slots(claim, claim->n);
	claim->claims->n_deliveries -= claim->asked - claim->n;
	claim->asked = claim->n;
	on_answer(claim);
}

void bud_claims_start(struct bud_claims *claims, struct bud_span lane,
	struct bud_receiver *receiver, const struct bud_lane_plan *plan,
	const struct bud_slots *slots)
{
	struct bud_claim_run *claim = create(claims, lane, plan->limit);
	bool is_lighter = receiver->batch_bytes > 0 && receiver->batch_bytes < plan->bytes_max;
	struct bud_claim command = {
		.lane = bud_span(claim->lane),
		.limit = plan->limit,
		.lease_ms = receiver->timeout_ms + BUD_LEASE_SPARE_MS,
		.mode = plan->mode,
		.hold_ms = receiver->timeout_ms + BUD_LEASE_SPARE_MS,
		.fill = plan->fill,
		.wait_ms = plan->wait_ms,
		.bytes_max = is_lighter ? receiver->batch_bytes : plan->bytes_max,
	};

	claim->plan = *plan;
	if (plan->mode != BUD_CLAIM_PLAIN)
		bud_random_hex(claim->token, 16);
	command.token = bud_span(claim->token);
	(void)bud_lane_partition(claims->desk->commands->shard, lane, &command.partition);

	claim->receiver = bud_receiver_ref(receiver);
	claim->slots = *slots;
	claim->n_replies = 1;
	/* Without an answer nothing starts: this version is never reached. */
	claim->version = (struct bud_table_version){UINT64_MAX, UINT64_MAX};
	if (bud_lane_claim(claims->desk->commands, &command, on_claimed, claim) < 0) {
		bud_claim_run_finish(claim);
		return;
	}
	/* Behind the claim, so that no record is older than the claim. */
	if (bud_registry_version(claims->desk->commands, on_version, claim) == 0)
		claim->n_replies++;
}

/* What a deleted subscription left: listed -> forgotten -> the next ones, until nothing is. It goes
 * whenever it is due, since its owner may want the memory. What runs elsewhere ends with nothing to
 * do. */

static void on_forgotten(void *owner, int err, int64_t n);

static void on_parked(void *owner, int err, const struct bud_member *ids, size_t n)
{
	struct bud_claim_run *claim = owner;
	struct bud_span lane = bud_span(claim->lane);
	struct bud_resolution resolutions[BUD_CLAIM_MAX];
	struct bud_lane_resolve resolve = {.lane = lane,
		.subscription = bud_lane_subscription(lane),
		.resolutions = resolutions,
		.n = n};

	for (size_t i = 0; i < n; i++)
		resolutions[i] = (struct bud_resolution){.id = ids[i], .verb = BUD_RESOLVE_FORGET};
	/* Of none, too: an empty lane leaves `due`. */
	if (err < 0 ||
		bud_lane_resolve(claim->claims->desk->commands, &resolve, on_forgotten, claim) < 0)
		bud_claim_run_finish(claim);
}

static void forget_some(struct bud_claim_run *claim)
{
	if (bud_lane_parked(
		    claim->claims->desk->commands, bud_span(claim->lane), on_parked, claim) < 0)
		bud_claim_run_finish(claim);
}

static void on_forgotten(void *owner, int err, int64_t n)
{
	struct bud_claim_run *claim = owner;
	const struct bud_desk *desk = claim->claims->desk;

	if (err == 0 && n > 0) {
		bud_metrics_add(desk->metrics, BUD_COUNTER_DELIVERIES_CANCELLED, (uint64_t)n);
		forget_some(claim);
		return;
	}
	if (err == 0)
		(void)bud_lane_drop_hold(desk->commands, bud_span(claim->lane));
	bud_claim_run_finish(claim);
}

void bud_claims_start_forgetting(struct bud_claims *claims, struct bud_span lane)
{
	forget_some(create(claims, lane, BUD_CLAIM_MAX));
}

static void on_postponed(
	void *owner, int err, int64_t now_ms, const struct bud_claimed *claimed, size_t n)
{
	(void)err;
	(void)now_ms;
	(void)claimed;
	(void)n;
	bud_claim_run_finish(owner);
}

void bud_claims_postpone(struct bud_claims *claims, struct bud_span lane, int64_t wait_ms)
{
	struct bud_claim_run *claim = create(claims, lane, 0);
	struct bud_claim command = {.lane = bud_span(claim->lane), .look_again_ms = wait_ms};

	if (bud_lane_claim(claims->desk->commands, &command, on_postponed, claim) < 0)
		bud_claim_run_finish(claim);
}
