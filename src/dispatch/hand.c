/* The hand table. take -> (barrier) -> match -> offer each delivery to its gate -> on_end ... ->
 * ack or settle (hand_settle.c). Bounded by number and bytes: the reader stops when there is no
 * room. */
#include "dispatch/hand.h"

#include <assert.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/limits.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/random.h"
#include "dispatch/desk.h"
#include "dispatch/gate.h"
#include "dispatch/hand_permit.h"
#include "dispatch/permit.h"
#include "dispatch/receiver.h"
#include "dispatch/units.h"
#include "event/event.h"
#include "store/partition.h"
#include "subscription/subscription.h"
#include "subscription/table.h"

/* How long a running attempt may hold its event, with the table half full and nearly full. */
#define PARK_MS_LONGEST  2000
#define PARK_MS_SHORTEST 50
/* What an event is taken to weigh before one was seen. */
#define MEAN_BYTES_FIRST (256u << 10)

void bud_hands_init(struct bud_hands *hands, const struct bud_desk *desk,
	struct bud_receivers *receivers, struct bud_resolves *resolves)
{
	*hands = (struct bud_hands){.desk = desk,
		.receivers = receivers,
		.resolves = resolves,
		.mean_bytes = MEAN_BYTES_FIRST};
	for (int i = 0; i < BUD_HAND_STATES; i++)
		bud_list_init(&hands->lists[i]);
}

static void free_hand(struct bud_hand *hand)
{
	for (size_t i = 0; i < hand->n; i++) {
		struct bud_delivery *delivery = &hand->deliveries[i].delivery;
		if (delivery->state == BUD_DELIVERY_WAITING)
			bud_gate_withdraw(delivery->receiver->gate, delivery);
		bud_delivery_finish(delivery);
	}
	free(hand->deliveries);
	bud_event_unref(hand->event);
	bud_list_remove(&hand->link);
	free(hand);
}

void bud_hands_finish(struct bud_hands *hands)
{
	for (int i = 0; i < BUD_HAND_STATES; i++) {
		struct bud_hand *hand;
		struct bud_hand *after;
		bud_list_each_safe (hand, after, &hands->lists[i], link)
			free_hand(hand);
	}
	bud_map_finish(&hands->by_id);
}

static void write_key(char key[20], const struct bud_member *id)
{
	uint32_t partition = id->partition;

	memcpy(key, &id->ms, 8);
	memcpy(key + 8, &id->seq, 8);
	memcpy(key + 16, &partition, 4);
}

bool bud_hands_has(const struct bud_hands *hands, const struct bud_member *id)
{
	char key[20];

	write_key(key, id);
	return bud_map_get(&hands->by_id, (struct bud_span){key, sizeof(key)}) != NULL;
}

size_t bud_hands_room(const struct bud_hands *hands)
{
	size_t n = hands->by_id.n;
	size_t room = n < BUD_HAND_EVENTS_MAX ? BUD_HAND_EVENTS_MAX - n : 0;
	size_t bytes = hands->bytes < BUD_HAND_BYTES_MAX ? BUD_HAND_BYTES_MAX - hands->bytes : 0;
	size_t by_bytes = bytes / hands->mean_bytes;

	return room < by_bytes ? room : by_bytes;
}

bool bud_hands_is_roomy(const struct bud_hands *hands)
{
	return hands->by_id.n <= BUD_HAND_EVENTS_MAX / 8 * 7 &&
	       hands->bytes <= BUD_HAND_BYTES_MAX / 8 * 7;
}

bool bud_hands_is_empty(const struct bud_hands *hands)
{
	return hands->by_id.n == 0 && bud_list_is_empty(&hands->lists[BUD_HAND_LEASED]);
}

void bud_hand_set_state(struct bud_hand *hand, enum bud_hand_state state)
{
	struct bud_hands *hands = hand->hands;

	if (hand->state == BUD_HAND_UNACKED)
		hands->n_unacked--;
	if (state == BUD_HAND_UNACKED)
		hands->n_unacked++;
	bud_list_remove(&hand->link);
	bud_list_append(&hands->lists[state], &hand->link);
	hand->state = state;
}

static struct bud_hand *create(struct bud_hands *hands, const struct bud_member *id)
{
	struct bud_hand *hand = bud_new(struct bud_hand);

	hand->hands = hands;
	hand->id = *id;
	hand->arrived_mono_ms = bud_clock_mono_ms();
	write_key(hand->key, id);
	bud_map_put(&hands->by_id, (struct bud_span){hand->key, sizeof(hand->key)}, hand);
	bud_list_append(&hands->lists[BUD_HAND_BARRIER], &hand->link);
	bud_metrics_set(hands->desk->metrics, BUD_GAUGE_HAND_EVENTS, (int64_t)hands->by_id.n);
	return hand;
}

void bud_hand_leave(struct bud_hand *hand)
{
	struct bud_hands *hands = hand->hands;

	bud_map_remove(&hands->by_id, (struct bud_span){hand->key, sizeof(hand->key)});
	if (hand->event)
		hands->bytes -= hand->event->bytes.len;
	if (hand->is_suspect)
		hands->n_suspects--;
	bud_metrics_set(hands->desk->metrics, BUD_GAUGE_HAND_EVENTS, (int64_t)hands->by_id.n);
	if (hand->n_open > 0)
		bud_hand_set_state(hand, BUD_HAND_LEASED);
	else
		free_hand(hand);
	hands->on_room(hands->owner);
}

void bud_hands_take(struct bud_hands *hands, const struct bud_take *take)
{
	const struct bud_entry *entry = take->entry;
	struct bud_hand *hand;

	if (bud_hands_has(hands, &entry->id))
		return;
	hand = create(hands, &entry->id);
	hand->is_suspect = take->is_suspect;
	hands->n_suspects += take->is_suspect;
	hand->cursor = take->cursor;
	hand->is_broadcast = take->cursor > 0;
	if (!entry->bytes.at) {
		bud_metrics_add(hands->desk->metrics, BUD_COUNTER_EVENTS_LOST, 1);
		bud_log_error("the content of a pending event is gone: it is lost");
		bud_hand_set_state(hand, BUD_HAND_UNACKED);
		return;
	}
	hand->event = bud_event_create(entry->owner, entry->bytes);
	if (!hand->event) {
		hand->is_poison = true;
		bud_hand_settle(hand);
		return;
	}
	hands->bytes += hand->event->bytes.len;
	hands->mean_bytes = (7 * hands->mean_bytes + hand->event->bytes.len) / 8 + 1;
}

void bud_hands_poison(struct bud_hands *hands, const struct bud_member *id)
{
	struct bud_hand *hand;

	if (bud_hands_has(hands, id))
		return;
	hand = create(hands, id);
	hand->is_poison = true;
	bud_hand_settle(hand);
}

static void on_delivery_end(struct bud_delivery *delivery)
{
	struct bud_hand *hand = delivery->owner;
	struct bud_metrics *metrics = hand->hands->desk->metrics;
	struct bud_hand_delivery *item =
		bud_container(delivery, struct bud_hand_delivery, delivery);

	assert(hand->n_open > 0);
	hand->n_open--;
	if (delivery->end == BUD_DELIVERY_END_EXPIRED) {
		bud_metrics_add(metrics, BUD_COUNTER_DELIVERIES_EXPIRED, 1);
	} else if (delivery->end == BUD_DELIVERY_END_DELIVERED) {
		bud_metrics_add(metrics, BUD_COUNTER_DELIVERIES_DELIVERED, 1);
		bud_metrics_time(metrics, BUD_HISTOGRAM_DELIVERY,
			(bud_clock_wall_ms() - (int64_t)hand->id.ms) * 1000);
	} else if (delivery->end == BUD_DELIVERY_END_CANCELLED) {
		bud_metrics_add(metrics, BUD_COUNTER_DELIVERIES_CANCELLED, 1);
	}
	if (hand->state == BUD_HAND_SENDING && hand->n_open == 0) {
		bud_hand_finish_sending(hand);
	} else if (hand->state == BUD_HAND_LEASED) {
		bud_hand_resolve_leased(hand, item);
		if (hand->n_open == 0)
			free_hand(hand);
	}
}

static void end_unsent(struct bud_hand_delivery *item, enum bud_delivery_end end, int64_t wait_ms)
{
	item->delivery.state = BUD_DELIVERY_ENDED;
	item->delivery.end = end;
	item->delivery.wait_ms = wait_ms;
}

/* Else it goes by its lane alone. */
static bool may_go_from_hand(const struct bud_receiver *receiver)
{
	return receiver->is_active && receiver->plan.mode == BUD_CLAIM_PLAIN;
}

/* Here, if it would go from here and somebody is asked. */
static void wait_for_permit(struct bud_hand_delivery *item, uint64_t asked)
{
	struct bud_hand *hand = item->delivery.owner;

	if (asked == 0 || hand->is_suspect || !may_go_from_hand(item->delivery.receiver)) {
		end_unsent(item, BUD_DELIVERY_END_BLOCKED, bud_permit_wait_ms(asked));
		return;
	}
	item->is_undecided = true;
	if (asked > hand->asked)
		hand->asked = asked;
}

/* Fills the hand's deliveries with references on receivers. Under the table's lock. */
static void add_deliveries(
	struct bud_hand *hand, const struct bud_subscription *const *found, size_t n)
{
	struct bud_hands *hands = hand->hands;
	int64_t now_ms = bud_clock_wall_ms();

	hand->deliveries = bud_alloc_zero(n * sizeof(*hand->deliveries));
	hand->n = n;
	for (size_t i = 0; i < n; i++) {
		struct bud_hand_delivery *item = &hand->deliveries[i];
		uint64_t asked;
		enum bud_decision decision =
			bud_permit(hands->desk, hand->event, found[i]->owner, now_ms, &asked);
		bud_delivery_init(&item->delivery,
			bud_receivers_get(hands->receivers, found[i], hand->arrived_mono_ms),
			hand->event, 1);
		item->delivery.published_ms = (int64_t)hand->id.ms;
		item->delivery.on_end = on_delivery_end;
		item->delivery.owner = hand;
		if (now_ms >= hand->event->expires_wall_ms) {
			bud_metrics_add(hands->desk->metrics, BUD_COUNTER_DELIVERIES_EXPIRED, 1);
			end_unsent(item, BUD_DELIVERY_END_EXPIRED, 0);
		} else if (decision == BUD_DECISION_LATER) {
			wait_for_permit(item, asked);
		} else if (decision == BUD_DECISION_PERMIT &&
			   bud_units_is_guess(hand->event, found[i], now_ms)) {
			end_unsent(item, BUD_DELIVERY_END_BLOCKED, bud_permit_wait_ms(0));
		} else if (decision == BUD_DECISION_PERMIT &&
			   (hand->is_suspect || !may_go_from_hand(item->delivery.receiver))) {
			/* A suspect is parked at once, too: in hand for a moment only, so that a
			 * crash with another cause hardly ever counts against it; in the lane
			 * attempts are counted. */
			end_unsent(item, BUD_DELIVERY_END_BLOCKED, 0);
		} else if (decision == BUD_DECISION_DENY) {
			bud_metrics_add(hands->desk->metrics, BUD_COUNTER_DELIVERIES_DENIED, 1);
			end_unsent(item, BUD_DELIVERY_END_CANCELLED, 0);
		}
	}
}

void bud_hand_offer(struct bud_hand *hand, struct bud_hand_delivery *item, int64_t mono_ms)
{
	struct bud_delivery *delivery = &item->delivery;
	int64_t wait_ms = 0;

	bud_receivers_wire(hand->hands->receivers, delivery->receiver, mono_ms);
	if (!hand->hands->is_parking && bud_gate_offer(delivery->receiver->gate, delivery, mono_ms,
						&wait_ms) == BUD_OFFER_TAKEN)
		return;
	end_unsent(item, BUD_DELIVERY_END_BLOCKED, wait_ms);
	hand->n_open--;
}

static void offer_all(struct bud_hand *hand, int64_t mono_ms)
{
	for (size_t i = 0; i < hand->n; i++)
		hand->n_open += hand->deliveries[i].delivery.state == BUD_DELIVERY_NEW;
	for (size_t i = 0; i < hand->n; i++)
		if (hand->deliveries[i].delivery.state == BUD_DELIVERY_NEW &&
			!hand->deliveries[i].is_undecided)
			bud_hand_offer(hand, &hand->deliveries[i], mono_ms);
}

static void match_one(struct bud_hand *hand)
{
	struct bud_hands *hands = hand->hands;
	const struct bud_desk *desk = hands->desk;
	const struct bud_subscription *found[BUD_BROADCAST_CHUNK];
	struct bud_match match = {
		.event = hand->event,
		.now_ms = bud_clock_wall_ms(),
		.found = found,
		.max = BUD_BROADCAST_CHUNK,
	};
	int64_t started_us = bud_clock_mono_us();
	size_t n = 0;

	/* Its time in hand counts from here: the barrier is not the receiver's fault. */
	hand->arrived_mono_ms = bud_clock_mono_ms();
	if (!hand->is_broadcast) {
		bud_table_lock(desk->table, desk->table_reader);
		n = bud_table_match(desk->table, &match);
		hand->is_broadcast = match.more;
		if (!match.more)
			add_deliveries(hand, found, n);
		bud_table_unlock(desk->table, desk->table_reader);
		bud_metrics_time(
			desk->metrics, BUD_HISTOGRAM_MATCH, bud_clock_mono_us() - started_us);
	}
	if (hand->is_broadcast) {
		if (!bud_hand_ask_all(hand))
			bud_hand_settle(hand);
		return;
	}
	bud_metrics_add(desk->metrics,
		n > 0 ? BUD_COUNTER_DELIVERIES_MATCHED : BUD_COUNTER_EVENTS_UNMATCHED,
		n > 0 ? n : 1);
	bud_hand_set_state(hand, BUD_HAND_SENDING);
	offer_all(hand, hand->arrived_mono_ms);
	if (hand->n_open == 0)
		bud_hand_finish_sending(hand);
}

/* At the end of a drain it stays as it came, and is read again after the next start. */
static void on_main_unit(
	void *owner, enum bud_register_outcome outcome, const struct bud_party *party)
{
	struct bud_hand *hand = owner;

	if (hand->hands->is_parking)
		return;
	bud_units_know(hand->event, outcome, party);
	match_one(hand);
}

void bud_hands_match(struct bud_hands *hands)
{
	struct bud_list *list = &hands->lists[BUD_HAND_BARRIER];

	while (!bud_list_is_empty(list)) {
		struct bud_hand *hand = bud_list_first(list, struct bud_hand, link);
		if (bud_units_look(hands->desk, hand->event, on_main_unit, hand))
			match_one(hand);
		else
			bud_hand_set_state(hand, BUD_HAND_LOOKING);
	}
}

/* From 2 s down to 50 ms while the table fills from a half to nine tenths. */
static int64_t park_after_ms(const struct bud_hands *hands)
{
	size_t permille = hands->by_id.n * 1000 / BUD_HAND_EVENTS_MAX;

	if (permille <= 500)
		return PARK_MS_LONGEST;
	if (permille >= 900)
		return PARK_MS_SHORTEST;
	return PARK_MS_LONGEST -
	       (PARK_MS_LONGEST - PARK_MS_SHORTEST) * (int64_t)(permille - 500) / 400;
}

static void settle_old(struct bud_list *list, int64_t before_mono_ms)
{
	while (!bud_list_is_empty(list)) {
		struct bud_hand *oldest = bud_list_first(list, struct bud_hand, link);
		if (oldest->arrived_mono_ms > before_mono_ms)
			break;
		bud_hand_settle(oldest);
	}
}

void bud_hands_tick(struct bud_hands *hands, int64_t mono_ms)
{
	struct bud_list *unsettled = &hands->lists[BUD_HAND_UNSETTLED];
	int64_t park_ms = park_after_ms(hands);
	struct bud_hand *hand;
	struct bud_hand *after;

	settle_old(&hands->lists[BUD_HAND_SENDING], mono_ms - park_ms);
	settle_old(&hands->lists[BUD_HAND_ASKING], mono_ms - park_ms);
	bud_list_each_safe (hand, after, unsettled, link)
		if (mono_ms >= hand->retry_mono_ms)
			bud_hand_settle(hand);
	bud_hands_flush_acks(hands);
}

void bud_hands_park_all(struct bud_hands *hands)
{
	hands->is_parking = true;
	settle_old(&hands->lists[BUD_HAND_SENDING], INT64_MAX);
	settle_old(&hands->lists[BUD_HAND_ASKING], INT64_MAX);
}
