/* Settling events in hand: acks in batches when all is delivered, else one settle that parks what
 * is not; both are sent again until Redis answers. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "auth/authorize.h"
#include "core/clock.h"
#include "core/limits.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/random.h"
#include "dispatch/desk.h"
#include "dispatch/gate.h"
#include "dispatch/hand.h"
#include "dispatch/lane_plan.h"
#include "dispatch/parking.h"
#include "dispatch/permit.h"
#include "dispatch/receiver.h"
#include "dispatch/resolve.h"
#include "event/event.h"
#include "store/keys.h"
#include "store/lane.h"
#include "store/partition.h"
#include "store/settle.h"
#include "subscription/subscription.h"
#include "subscription/table.h"

#define RETRY_MS 200
/* Redis refused what we sent: it may do so for ever. */
#define REFUSED_RETRY_MS 10000
/* A lease outlives its attempt by this much, so that only a crash lets it end by itself. */
#define LEASE_SPARE_MS 10000
/* What waited in a queue for too long is due again soon, spread. */
#define QUEUED_MS 500
#define ACK_BATCH 256

void bud_hand_finish_sending(struct bud_hand *hand)
{
	for (size_t i = 0; i < hand->n; i++) {
		if (bud_delivery_is_owed(&hand->deliveries[i].delivery)) {
			bud_hand_settle(hand);
			return;
		}
	}
	bud_hand_set_state(hand, BUD_HAND_UNACKED);
	if (hand->hands->n_unacked >= ACK_BATCH)
		bud_hands_flush_acks(hand->hands);
}

/* What is not delivered is parked. */
static void park(
	struct bud_hand *hand, struct bud_hand_delivery *item, struct bud_parkings *parkings)
{
	struct bud_delivery *delivery = &item->delivery;

	item->is_leased = false;
	if (item->is_undecided) {
		item->is_undecided = false;
		delivery->state = BUD_DELIVERY_ENDED;
		delivery->end = BUD_DELIVERY_END_BLOCKED;
		delivery->wait_ms = bud_permit_wait_ms(hand->asked);
		hand->n_open--;
	}
	if (delivery->state == BUD_DELIVERY_WAITING) {
		bud_gate_withdraw(delivery->receiver->gate, delivery);
		delivery->state = BUD_DELIVERY_ENDED;
		delivery->end = BUD_DELIVERY_END_BLOCKED;
		delivery->wait_ms = QUEUED_MS + (int64_t)bud_random_below(QUEUED_MS);
		hand->n_open--;
	}
	if (delivery->state == BUD_DELIVERY_RUNNING) {
		int64_t ran_ms = bud_clock_mono_ms() - delivery->started_mono_ms;
		item->is_leased = true;
		item->was_leased = true;
		item->lease_delay_ms = delivery->receiver->timeout_ms - ran_ms + LEASE_SPARE_MS;
		bud_parkings_add_running(parkings, delivery, item->lease_delay_ms);
	} else if (bud_delivery_is_owed(delivery)) {
		bud_parkings_add_ended(parkings, delivery, &hand->id);
	}
}

static void on_settled(void *owner, int err, int64_t now_ms);

static void retry_later(struct bud_hand *hand, int err)
{
	hand->retry_mono_ms = bud_clock_mono_ms() + RETRY_MS;
	if (err == -EPROTO) {
		char member[BUD_MEMBER_TEXT_BYTES];
		bud_member_write(&hand->id, member);
		bud_log_error("Redis refused to settle an event", "event", member);
		hand->retry_mono_ms += REFUSED_RETRY_MS;
	}
	bud_hand_set_state(hand, BUD_HAND_UNSETTLED);
}

static void send_settle(struct bud_hand *hand, struct bud_settle *settle)
{
	struct bud_hands *hands = hand->hands;
	int r;

	settle->id = hand->id;
	settle->consumer = hands->desk->node;
	hand->settle_us = bud_clock_mono_us();
	r = bud_settle(hands->desk->commands, settle, on_settled, hand);
	if (r == 0) {
		bud_hand_set_state(hand, BUD_HAND_SETTLING);
		return;
	}
	retry_later(hand, r);
}

/* The next chunk of a broadcast: no receivers are needed. */
static void settle_chunk(struct bud_hand *hand)
{
	const struct bud_desk *desk = hand->hands->desk;
	const struct bud_subscription *found[BUD_BROADCAST_CHUNK];
	struct bud_parkings parkings;
	struct bud_match match = {
		.event = hand->event,
		.after_serial = hand->cursor,
		.now_ms = bud_clock_wall_ms(),
		.found = found,
		.max = BUD_BROADCAST_CHUNK,
	};
	struct bud_settle settle = {.parkings = parkings.list};
	size_t n;

	bud_parkings_init(&parkings, desk);
	bud_table_lock(desk->table, desk->table_reader);
	n = bud_table_match(desk->table, &match);
	for (size_t i = 0; i < n; i++) {
		struct bud_lane_plan plan = bud_lane_plan_of(
			found[i]->config, &found[i]->status, bud_desk_sharers(desk));
		if (bud_authorize_delivery(desk->authority, hand->event, bud_span(found[i]->owner),
			    match.now_ms) == BUD_DECISION_DENY)
			bud_metrics_add(desk->metrics, BUD_COUNTER_DELIVERIES_DENIED, 1);
		else
			bud_parkings_add_unseen(&parkings, found[i], &plan, hand->event, &hand->id);
	}
	hand->chunk_end = n > 0 ? found[n - 1]->serial : hand->cursor;
	bud_table_unlock(desk->table, desk->table_reader);
	hand->chunk_is_last = !match.more;
	settle.n = parkings.n;
	settle.ack = hand->chunk_is_last;
	settle.cursor = hand->chunk_end;
	hand->refused_n = parkings.refused_n;
	bud_metrics_add(desk->metrics, BUD_COUNTER_DELIVERIES_MATCHED, settle.n);
	send_settle(hand, &settle);
	bud_parkings_finish(&parkings);
}

void bud_hand_settle(struct bud_hand *hand)
{
	struct bud_parkings parkings;
	struct bud_settle settle = {.parkings = parkings.list, .ack = true};

	if (hand->is_broadcast) {
		settle_chunk(hand);
		return;
	}
	bud_parkings_init(&parkings, hand->hands->desk);
	if (hand->is_poison)
		bud_parkings_add_poison(&parkings);
	for (size_t i = 0; i < hand->n; i++)
		park(hand, &hand->deliveries[i], &parkings);
	settle.n = parkings.n;
	hand->refused_n = parkings.refused_n;
	send_settle(hand, &settle);
	bud_parkings_finish(&parkings);
}

void bud_hand_resolve_leased(struct bud_hand *hand, struct bud_hand_delivery *item)
{
	static const struct bud_lane_plan plain = {.mode = BUD_CLAIM_PLAIN};
	const struct bud_delivery *delivery = &item->delivery;

	bud_resolves_add_attempt(hand->hands->resolves,
		&(struct bud_lane_use){delivery->receiver->id, &plain}, delivery, &hand->id,
		item->lease);
}

/* Leases are known now: attempts that ended meanwhile are resolved, the others go on. With now_ms 0
 * an earlier settle may have parked them: no lease is known, and a success needs none. */
static void resolve_ended(struct bud_hand *hand, int64_t now_ms)
{
	for (size_t i = 0; i < hand->n; i++) {
		struct bud_hand_delivery *item = &hand->deliveries[i];
		if (now_ms > 0 ? !item->is_leased : !item->was_leased)
			continue;
		if (now_ms > 0)
			item->lease = (now_ms + item->lease_delay_ms) * 64 + item->delivery.attempt;
		if (item->delivery.state == BUD_DELIVERY_ENDED)
			bud_hand_resolve_leased(hand, item);
	}
}

static void count_settled(struct bud_hand *hand)
{
	struct bud_metrics *metrics = hand->hands->desk->metrics;
	size_t n_parked = 0;
	size_t n_dead = 0;

	for (size_t i = 0; i < hand->n; i++) {
		const struct bud_hand_delivery *item = &hand->deliveries[i];
		if (item->is_leased)
			n_parked++; /* however it ended since: resolve counts that */
		else if (bud_delivery_is_owed(&item->delivery) &&
			 item->delivery.end == BUD_DELIVERY_END_DEAD)
			n_dead++;
		else
			n_parked += bud_delivery_is_owed(&item->delivery);
	}
	if (!hand->is_broadcast) {
		n_parked -= hand->refused_n;
		n_dead += hand->refused_n;
	}
	bud_metrics_add(metrics, BUD_COUNTER_DELIVERIES_PARKED, n_parked);
	bud_metrics_add(metrics, BUD_COUNTER_DELIVERIES_DEAD, n_dead);
	bud_metrics_add(metrics, BUD_COUNTER_EVENTS_ACKED, 1);
	if (hand->is_poison) {
		char member[BUD_MEMBER_TEXT_BYTES];
		bud_member_write(&hand->id, member);
		bud_metrics_add(metrics, BUD_COUNTER_EVENTS_POISONED, 1);
		bud_log_error(
			"an event was given up: handling it failed each time", "event", member);
	}
}

static void on_settled(void *owner, int err, int64_t now_ms)
{
	struct bud_hand *hand = owner;
	struct bud_metrics *metrics = hand->hands->desk->metrics;

	if (err < 0) {
		retry_later(hand, err);
		return;
	}
	bud_metrics_time(metrics, BUD_HISTOGRAM_SETTLE, bud_clock_mono_us() - hand->settle_us);
	if (now_ms < 0) {
		bud_metrics_add(metrics, BUD_COUNTER_EVENTS_LOST, 1);
		bud_log_error("the content of an event in hand is gone: what it owes is lost");
		bud_hand_set_state(hand, BUD_HAND_UNACKED);
		return;
	}
	if (now_ms > 0)
		bud_metrics_add(metrics, BUD_COUNTER_QUOTA_DELIVERIES, hand->refused_n);
	if (now_ms > 0 && hand->is_broadcast) {
		hand->cursor = hand->chunk_end;
		if (!hand->chunk_is_last) {
			settle_chunk(hand);
			return;
		}
	}
	if (now_ms > 0)
		count_settled(hand);
	else
		bud_metrics_add(metrics, BUD_COUNTER_FENCE_REJECTS, 1);
	resolve_ended(hand, now_ms);
	bud_hand_leave(hand);
}

/* One XACK under way. */
struct ack {
	struct bud_hands *hands;
	struct bud_list acking; /* bud_hand::link */
	int64_t sent_us;
};

static void on_acked(void *owner, int err, int64_t number)
{
	struct ack *ack = owner;
	struct bud_hands *hands = ack->hands;
	uint64_t n = 0;

	(void)number;
	while (!bud_list_is_empty(&ack->acking)) {
		struct bud_hand *hand = bud_list_first(&ack->acking, struct bud_hand, link);
		bud_list_remove(&hand->link);
		n++;
		if (err < 0)
			bud_hand_set_state(hand, BUD_HAND_UNACKED);
		else
			bud_hand_leave(hand);
	}
	if (err == 0) {
		bud_metrics_add(hands->desk->metrics, BUD_COUNTER_EVENTS_ACKED, n);
		bud_metrics_time(hands->desk->metrics, BUD_HISTOGRAM_SETTLE,
			bud_clock_mono_us() - ack->sent_us);
	}
	free(ack);
}

/* Acks up to ACK_BATCH events of one partition; false when Redis takes none now. */
static bool ack_partition(struct bud_hands *hands, unsigned partition)
{
	struct bud_list *unacked = &hands->lists[BUD_HAND_UNACKED];
	struct bud_member ids[ACK_BATCH];
	struct ack *ack = bud_new(struct ack);
	struct bud_hand *hand;
	struct bud_hand *after;
	size_t n = 0;

	ack->hands = hands;
	ack->sent_us = bud_clock_mono_us();
	bud_list_init(&ack->acking);
	bud_list_each_safe (hand, after, unacked, link) {
		if (hand->id.partition != partition || n == ACK_BATCH)
			continue;
		ids[n++] = hand->id;
		bud_hand_set_state(hand, BUD_HAND_ACKING);
		bud_list_remove(&hand->link);
		bud_list_append(&ack->acking, &hand->link);
	}
	if (bud_partition_ack(hands->desk->commands, ids, n, on_acked, ack) == 0)
		return true;
	bud_list_each_safe (hand, after, &ack->acking, link)
		bud_hand_set_state(hand, BUD_HAND_UNACKED);
	free(ack);
	return false;
}

void bud_hands_flush_acks(struct bud_hands *hands)
{
	struct bud_list *unacked = &hands->lists[BUD_HAND_UNACKED];

	while (!bud_list_is_empty(unacked)) {
		unsigned partition = bud_list_first(unacked, struct bud_hand, link)->id.partition;
		if (!ack_partition(hands, partition))
			return;
	}
}
