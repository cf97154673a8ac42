/* The parked lane. tick -> due? -> claim (slots of the endpoint are reserved first) -> barrier ->
 * start all -> on_end ... -> resolve. Nothing is claimed that cannot start at once. A lane that has
 * more is claimed again as soon as half of a claim has ended, without a look at `due`, or at its
 * turn there when a claim runs for long, while there is room for the others; one that was refused a
 * slot of the same endpoint goes before it. */
#include "dispatch/lane.h"

#include <assert.h>
#include <stdlib.h>

#include "auth/authorize.h"
#include "core/clock.h"
#include "core/limits.h"
#include "core/log.h"
#include "core/map.h"
#include "core/metrics.h"
#include "dispatch/claim.h"
#include "dispatch/desk.h"
#include "dispatch/gate.h"
#include "dispatch/lane_plan.h"
#include "dispatch/receiver.h"
#include "dispatch/resolve.h"
#include "store/following.h"
#include "store/lane.h"
#include "store/store.h"
#include "subscription/subscription.h"
#include "subscription/table.h"

#define POLL_MS      100
#define LANES_A_POLL 64 /* beside those of which a claim is under way */
#define CLAIMED_MAX  512
/* With more in hand, lanes go by their turns in `due` only. */
#define FOLLOWED_MAX (CLAIMED_MAX / 2)
/* Results make their lanes due at the time that Redis writes them, which is after we look: the look
 * behind them is for what is due by then. */
#define AHEAD_MS       20
#define UNKNOWN_MS     10000
#define NOT_ALLOWED_MS 60000
/* A first token pulls its lanes; an owner's new one does not. */
#define NO_CREDENTIAL_MS 10000
/* A resume pulls its lanes; a pull that came too early or was lost costs no more than this. */
#define INACTIVE_MS 60000

struct bud_lanes {
	const struct bud_desk *desk;
	struct bud_receivers *receivers;
	struct bud_claims *claims;
	struct bud_resolves *resolves;
	bool is_polling;
	bool is_stopped;
	bool look_again; /* the last look or a claim got all it asked for: look again at once */
	size_t asked;    /* by the last look */
	int64_t polled_mono_ms;
};

struct bud_lanes *bud_lanes_create(
	const struct bud_desk *desk, struct bud_receivers *receivers, struct bud_resolves *resolves)
{
	struct bud_lanes *lanes = bud_new(struct bud_lanes);

	lanes->desk = desk;
	lanes->receivers = receivers;
	lanes->resolves = resolves;
	lanes->claims = bud_claims_create(desk, resolves);
	return lanes;
}

void bud_lanes_destroy(struct bud_lanes *lanes)
{
	if (!lanes)
		return;
	bud_claims_destroy(lanes->claims);
	free(lanes);
}

void bud_lanes_stop(struct bud_lanes *lanes)
{
	lanes->is_stopped = true;
}

bool bud_lanes_is_idle(const struct bud_lanes *lanes)
{
	return !lanes->is_polling && bud_claims_is_empty(lanes->claims) &&
	       bud_resolves_is_empty(lanes->resolves);
}

/* Nothing can start for this lane now: it goes on in `due`, so that others get their turn. */
static void postpone(struct bud_lanes *lanes, struct bud_span lane, int64_t wait_ms)
{
	bud_claims_postpone(lanes->claims, lane, wait_ms);
}

/* What the lane's name says comes first: it was written by the plan of then. */
static struct bud_lane_plan plan_for(
	const struct bud_desk *desk, struct bud_span lane, const struct bud_receiver *receiver)
{
	struct bud_lane_plan plan = receiver->plan;
	bool is_ordered =
		plan.mode == BUD_CLAIM_ORDERED_WAIT || plan.mode == BUD_CLAIM_ORDERED_SKIP;
	unsigned partition;

	if (bud_lane_partition(desk->commands->shard, lane, &partition)) {
		if (!is_ordered)
			plan = (struct bud_lane_plan){.mode = BUD_CLAIM_ORDERED_WAIT, .limit = 1};
	} else if (is_ordered && !bud_lane_is_replay(lane)) {
		plan = (struct bud_lane_plan){.mode = BUD_CLAIM_PLAIN};
	}
	return plan;
}

/* Slots for the next claim of this lane. */
static struct bud_slots reserve(const struct bud_receiver *receiver, struct bud_span lane,
	const struct bud_lane_plan *plan, int64_t mono_ms, int64_t *out_wait_ms)
{
	struct bud_slots slots = {
		.share = bud_lane_is_replay(lane) ? BUD_SHARE_REPLAY : BUD_SHARE_RETRY};
	size_t want = plan->limit > 0 ? plan->limit : receiver->claim_n;

	bud_gate_reserve(receiver->gate, &slots, plan->mode == BUD_CLAIM_BATCH ? 1 : want, mono_ms,
		out_wait_ms);
	return slots;
}

static void claim(struct bud_lanes *lanes, struct bud_span lane, struct bud_receiver *receiver,
	struct bud_lane_plan *plan, const struct bud_slots *slots)
{
	if (plan->mode != BUD_CLAIM_BATCH)
		plan->limit = (unsigned)slots->n;
	bud_claims_start(lanes->claims, lane, receiver, plan, slots);
}

static void visit(struct bud_lanes *lanes, struct bud_span lane, bool is_followed, int64_t mono_ms);

/* The turn of another lane that found no slot at this endpoint. */
static void visit_refused(struct bud_lanes *lanes, struct bud_span refused, int64_t mono_ms)
{
	bud_auto(buffer) struct bud_buffer lane = {0};

	bud_buffer_span(&lane, refused); /* the gate's own changes meanwhile */
	if (!bud_claims_has(lanes->claims, refused))
		visit(lanes, bud_buffer_as_span(&lane), false, mono_ms);
}

/* Its turn has come in `due`. */
static void claim_for(struct bud_lanes *lanes, struct bud_span lane, struct bud_receiver *receiver,
	int64_t mono_ms)
{
	struct bud_lane_plan plan = plan_for(lanes->desk, lane, receiver);
	struct bud_span refused = bud_gate_refused_lane(receiver->gate, mono_ms);
	int64_t wait_ms = 0;
	struct bud_slots slots;

	if (!receiver->is_active) {
		postpone(lanes, lane, INACTIVE_MS);
		return;
	}
	if (bud_clock_wall_ms() >= receiver->credential_until_ms) {
		postpone(lanes, lane, NO_CREDENTIAL_MS);
		return;
	}
	if (!receiver->target) {
		postpone(lanes, lane, NOT_ALLOWED_MS);
		return;
	}
	if (refused.len > 0 && !bud_span_equals(refused, lane))
		visit_refused(lanes, refused, mono_ms);
	slots = reserve(receiver, lane, &plan, mono_ms, &wait_ms);
	bud_gate_note_lane(receiver->gate, lane, slots.n == 0, mono_ms);
	if (slots.n == 0)
		postpone(lanes, lane, wait_ms);
	else
		claim(lanes, lane, receiver, &plan, &slots);
}

/* Beside a claim that is under way. Where this is not for now, the lane waits for its turn. */
static void follow_for(struct bud_lanes *lanes, struct bud_span lane, struct bud_receiver *receiver,
	int64_t mono_ms)
{
	struct bud_lane_plan plan = plan_for(lanes->desk, lane, receiver);
	struct bud_span refused = bud_gate_refused_lane(receiver->gate, mono_ms);
	int64_t wait_ms = 0;
	struct bud_slots slots;

	if (refused.len > 0) {
		visit_refused(lanes, refused, mono_ms);
		return;
	}
	if (plan.mode != BUD_CLAIM_PLAIN || !receiver->is_active || !receiver->target ||
		bud_clock_wall_ms() >= receiver->credential_until_ms)
		return;
	slots = reserve(receiver, lane, &plan, mono_ms, &wait_ms);
	if (slots.n > 0)
		claim(lanes, lane, receiver, &plan, &slots);
}

static void visit(struct bud_lanes *lanes, struct bud_span lane, bool is_followed, int64_t mono_ms)
{
	const struct bud_desk *desk = lanes->desk;
	const struct bud_subscription *subscription = NULL;
	struct bud_receiver *receiver = NULL;
	struct bud_span name = bud_lane_subscription(lane);
	char id[BUD_SUBSCRIPTION_ID_MAX + 1];
	enum bud_table_state state;

	if (name.len >= sizeof(id))
		return;
	memcpy(id, name.at, name.len);
	id[name.len] = '\0';
	bud_table_lock(desk->table, desk->table_reader);
	state = bud_table_find(desk->table, id, &subscription);
	if (state == BUD_TABLE_LIVE)
		receiver = bud_receiver_ref(
			bud_receivers_get(lanes->receivers, subscription, mono_ms));
	bud_table_unlock(desk->table, desk->table_reader);
	if (receiver)
		bud_receivers_wire(lanes->receivers, receiver, mono_ms);
	if (state == BUD_TABLE_LIVE && is_followed)
		follow_for(lanes, lane, receiver, mono_ms);
	else if (state == BUD_TABLE_LIVE)
		claim_for(lanes, lane, receiver, mono_ms);
	else if (state == BUD_TABLE_DELETED && !is_followed)
		bud_claims_start_forgetting(lanes->claims, lane);
	else if (!is_followed)
		postpone(lanes, lane, UNKNOWN_MS);
	bud_receiver_unref(receiver);
}

/* Where nothing of it is under way, or beside what may hang. */
static void look_at(struct bud_lanes *lanes, struct bud_span lane, int64_t mono_ms)
{
	if (!bud_claims_has(lanes->claims, lane))
		visit(lanes, lane, false, mono_ms);
	else if (bud_claims_is_long(lanes->claims, lane, mono_ms) &&
		 bud_claims_deliveries(lanes->claims) < FOLLOWED_MAX)
		visit(lanes, lane, true, mono_ms);
}

static void on_lanes(void *owner, int err, const struct bud_span *due, size_t n)
{
	struct bud_lanes *lanes = owner;
	int64_t mono_ms = bud_clock_mono_ms();

	lanes->is_polling = false;
	lanes->look_again = lanes->look_again || n == lanes->asked;
	for (size_t i = 0; err == 0 && i < n && !lanes->is_stopped; i++)
		look_at(lanes, due[i], mono_ms);
}

static void poll_due(struct bud_lanes *lanes, int64_t mono_ms, int64_t ahead_ms)
{
	bool is_time = lanes->look_again || mono_ms - lanes->polled_mono_ms >= POLL_MS;

	if (lanes->is_stopped || lanes->is_polling || !is_time ||
		bud_claims_deliveries(lanes->claims) >= CLAIMED_MAX ||
		!bud_following_is_fresh(lanes->desk->following, mono_ms))
		return;
	lanes->polled_mono_ms = mono_ms;
	lanes->look_again = false;
	/* A lane that has more than was claimed of it stays due. Were as many as a look asks for
	 * all with receivers that hang, nobody behind them would get a turn. */
	lanes->asked = LANES_A_POLL + bud_claims_count(lanes->claims);
	if (lanes->asked > BUD_LANES_MAX)
		lanes->asked = BUD_LANES_MAX;
	lanes->is_polling =
		bud_lane_due(lanes->desk->commands, ahead_ms, lanes->asked, on_lanes, lanes) == 0;
}

void bud_lanes_tick(struct bud_lanes *lanes, int64_t mono_ms)
{
	bud_claims_tick(lanes->claims, mono_ms);
	bud_resolves_flush(lanes->resolves, mono_ms);
	poll_due(lanes, mono_ms, 0);
}

/* Takes all from the list, whether or not they may go on now. */
static void follow(struct bud_lanes *lanes)
{
	int64_t mono_ms = bud_clock_mono_ms();
	bool may = !lanes->is_stopped && bud_following_is_fresh(lanes->desk->following, mono_ms);
	struct bud_span lane;

	while (bud_claims_take_ripe(lanes->claims, &lane))
		if (may && bud_claims_deliveries(lanes->claims) < FOLLOWED_MAX)
			visit(lanes, lane, true, mono_ms);
}

void bud_lanes_turn(struct bud_lanes *lanes)
{
	int64_t mono_ms;

	if (bud_claims_is_ripe(lanes->claims))
		follow(lanes);
	if (!bud_claims_has_more(lanes->claims))
		return;
	lanes->look_again = true;
	mono_ms = bud_clock_mono_ms();
	bud_resolves_flush(lanes->resolves, mono_ms);
	poll_due(lanes, mono_ms, AHEAD_MS);
}
