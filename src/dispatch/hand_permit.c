/* Waiting for permits. A delivery that nobody can say yes or no to yet stays NEW, counted as open,
 * while the others of its event go; a broadcast asks for all before it parks any, so that a
 * thousand subscribers are one call. Whoever waits too long is parked by the tick, and asked for
 * again from its lane. */
#include "dispatch/hand_permit.h"

#include "access/decision_point.h"
#include "auth/authorize.h"
#include "core/clock.h"
#include "core/limits.h"
#include "core/metrics.h"
#include "dispatch/desk.h"
#include "dispatch/hand.h"
#include "dispatch/permit.h"
#include "dispatch/receiver.h"
#include "event/event.h"
#include "subscription/subscription.h"
#include "subscription/table.h"

/* Of the next chunk; the serial of its last one, or 0 when it was the last chunk. */
static uint64_t ask_chunk(struct bud_hand *hand, uint64_t after_serial)
{
	const struct bud_desk *desk = hand->hands->desk;
	const struct bud_subscription *found[BUD_BROADCAST_CHUNK];
	struct bud_match match = {
		.event = hand->event,
		.after_serial = after_serial,
		.now_ms = bud_clock_wall_ms(),
		.found = found,
		.max = BUD_BROADCAST_CHUNK,
	};
	uint64_t last = 0;
	uint64_t asked;
	size_t n;

	bud_table_lock(desk->table, desk->table_reader);
	n = bud_table_match(desk->table, &match);
	for (size_t i = 0; i < n; i++) {
		if (bud_permit(desk, hand->event, found[i]->owner, match.now_ms, &asked) ==
				BUD_DECISION_LATER &&
			asked > hand->asked)
			hand->asked = asked;
	}
	if (match.more)
		last = found[n - 1]->serial;
	bud_table_unlock(desk->table, desk->table_reader);
	return last;
}

bool bud_hand_ask_all(struct bud_hand *hand)
{
	uint64_t after = hand->cursor;

	if (!hand->hands->desk->point || hand->hands->is_parking)
		return false;
	do
		after = ask_chunk(hand, after);
	while (after > 0);
	if (hand->asked == 0)
		return false;
	bud_hand_set_state(hand, BUD_HAND_ASKING);
	return true;
}

static void end(struct bud_hand *hand, struct bud_hand_delivery *item, enum bud_delivery_end end_as)
{
	item->delivery.state = BUD_DELIVERY_ENDED;
	item->delivery.end = end_as;
	item->delivery.wait_ms = end_as == BUD_DELIVERY_END_BLOCKED ? bud_permit_wait_ms(1) : 0;
	hand->n_open--;
}

static void decide(struct bud_hand *hand, struct bud_hand_delivery *item, int64_t mono_ms)
{
	const struct bud_desk *desk = hand->hands->desk;

	item->is_undecided = false;
	switch (bud_authorize_delivery(desk->authority, hand->event,
		bud_span(item->delivery.receiver->owner), bud_clock_wall_ms())) {
	case BUD_DECISION_PERMIT:
		bud_hand_offer(hand, item, mono_ms);
		break;
	case BUD_DECISION_DENY:
		bud_metrics_add(desk->metrics, BUD_COUNTER_DELIVERIES_DENIED, 1);
		end(hand, item, BUD_DELIVERY_END_CANCELLED);
		break;
	case BUD_DECISION_LATER: /* the call failed: its lane asks again */
		end(hand, item, BUD_DELIVERY_END_BLOCKED);
		break;
	}
}

static void decide_all(struct bud_hand *hand, int64_t mono_ms)
{
	hand->asked = 0;
	for (size_t i = 0; i < hand->n; i++)
		if (hand->deliveries[i].is_undecided)
			decide(hand, &hand->deliveries[i], mono_ms);
	if (hand->n_open == 0)
		bud_hand_finish_sending(hand);
}

void bud_hands_decide(struct bud_hands *hands)
{
	uint64_t done = bud_decision_point_done(hands->desk->point);
	int64_t mono_ms = bud_clock_mono_ms();
	struct bud_hand *hand;
	struct bud_hand *after;

	bud_list_each_safe (hand, after, &hands->lists[BUD_HAND_SENDING], link)
		if (hand->asked != 0 && hand->asked <= done)
			decide_all(hand, mono_ms);
	bud_list_each_safe (hand, after, &hands->lists[BUD_HAND_ASKING], link)
		if (hand->asked <= done)
			bud_hand_settle(hand);
}
