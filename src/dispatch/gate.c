/* A gate. offer -> (slot) push, or wait; each attempt that ends lets the next one in; an endpoint
 * that is cut off sends everybody who waits back to be parked. */
#include "dispatch/gate.h"

#include <assert.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/limits.h"
#include "core/log.h"
#include "core/map.h"
#include "core/metrics.h"
#include "core/random.h"
#include "dispatch/delivery.h"
#include "dispatch/desk.h"
#include "dispatch/endpoint.h"
#include "dispatch/push.h"
#include "dispatch/receiver.h"
#include "event/event.h"
#include "store/following.h"

/* Parked when there is no room: comes back soon, after the lanes' turn. */
#define SHORT_WAIT_MS 1000
#define GATES_A_TICK  64
#define LOG_MS        1000
/* By then a lane that was refused has come again, if it still has anything. */
#define REFUSED_MS 1000

struct bud_gate {
	struct bud_gates *gates;
	unsigned refs;
	struct bud_endpoint *endpoint;
	struct bud_list waiting; /* bud_delivery::link */
	size_t n_waiting;
	struct bud_list link; /* bud_gates::busy, while somebody waits */
	struct bud_buffer key;
	struct bud_buffer refused; /* the lane that was refused first */
	int64_t refused_mono_ms;
};

struct bud_gates {
	const struct bud_desk *desk;
	struct bud_pusher *pusher;
	struct bud_map by_key;
	struct bud_list busy; /* bud_gate::link */
	bool is_stopped;
	unsigned opened_n; /* breakers, not logged yet */
	int64_t logged_mono_ms;
};

struct bud_gates *bud_gates_create(const struct bud_desk *desk, struct bud_pusher *pusher)
{
	struct bud_gates *gates = bud_new(struct bud_gates);

	gates->desk = desk;
	gates->pusher = pusher;
	bud_list_init(&gates->busy);
	return gates;
}

void bud_gates_destroy(struct bud_gates *gates)
{
	if (!gates)
		return;
	assert(gates->by_key.n == 0);
	bud_map_finish(&gates->by_key);
	free(gates);
}

void bud_gates_stop(struct bud_gates *gates)
{
	gates->is_stopped = true;
}

struct bud_gate *bud_gates_get(struct bud_gates *gates, struct bud_span owner, struct bud_span sink)
{
	bud_auto(buffer) struct bud_buffer key = {0};
	struct bud_span whole = sink;
	struct bud_gate *gate;

	bud_buffer_span(&key, owner);
	bud_buffer_byte(&key, ' ');
	bud_buffer_span(&key, bud_span_take_until(&whole, '?')); /* as an endpoint is */
	gate = bud_map_get(&gates->by_key, bud_buffer_as_span(&key));
	if (!gate) {
		gate = bud_new(struct bud_gate);
		gate->gates = gates;
		gate->endpoint = bud_endpoints_get(gates->desk->endpoints, owner, sink);
		bud_list_init(&gate->waiting);
		bud_list_init(&gate->link);
		gate->key = key;
		key = (struct bud_buffer){0};
		bud_map_put(&gates->by_key, bud_buffer_as_span(&gate->key), gate);
	}
	gate->refs++;
	return gate;
}

void bud_gate_unref(struct bud_gate *gate)
{
	if (!gate || --gate->refs > 0)
		return;
	assert(bud_list_is_empty(&gate->waiting));
	bud_map_remove(&gate->gates->by_key, bud_buffer_as_span(&gate->key));
	bud_list_remove(&gate->link);
	bud_endpoint_unref(gate->endpoint);
	bud_buffer_finish(&gate->key);
	bud_buffer_finish(&gate->refused);
	free(gate);
}

static void enqueue(struct bud_gate *gate, struct bud_delivery *delivery)
{
	delivery->state = BUD_DELIVERY_WAITING;
	bud_list_append(&gate->waiting, &delivery->link);
	if (gate->n_waiting++ == 0)
		bud_list_append(&gate->gates->busy, &gate->link);
}

static void dequeue(struct bud_gate *gate, struct bud_delivery *delivery)
{
	assert(delivery->state == BUD_DELIVERY_WAITING);
	delivery->state = BUD_DELIVERY_NEW;
	bud_list_remove(&delivery->link);
	if (--gate->n_waiting == 0)
		bud_list_remove(&gate->link);
}

void bud_gate_withdraw(struct bud_gate *gate, struct bud_delivery *delivery)
{
	dequeue(gate, delivery);
}

struct bud_endpoint *bud_gate_endpoint(const struct bud_gate *gate)
{
	return gate->endpoint;
}

void bud_gate_give_back(struct bud_gate *gate, const struct bud_slots *slots, int64_t mono_ms)
{
	struct bud_settlement unused = {
		.share = slots->share, .is_probe = slots->is_probe, .verdict = BUD_VERDICT_UNUSED};

	for (size_t i = 0; i < slots->n; i++)
		(void)bud_endpoint_settle(gate->endpoint, &unused, mono_ms);
}

static void give_back_one(
	struct bud_gate *gate, const struct bud_delivery *delivery, int64_t mono_ms)
{
	bud_gate_give_back(
		gate, &(struct bud_slots){delivery->share, 1, delivery->is_probe}, mono_ms);
}

/* A slot of the delivery's share is taken. */
static enum bud_offer start(
	struct bud_gate *gate, struct bud_delivery *delivery, int64_t mono_ms, int64_t *out_wait_ms)
{
	struct bud_gates *gates = gate->gates;

	*out_wait_ms = SHORT_WAIT_MS;
	if (!gates->is_stopped &&
		bud_push_start(gates->pusher, delivery, mono_ms, out_wait_ms) == 0)
		return BUD_OFFER_TAKEN;
	give_back_one(gate, delivery, mono_ms);
	return BUD_OFFER_BLOCKED;
}

enum bud_offer bud_gate_start(
	struct bud_gate *gate, struct bud_delivery *delivery, int64_t mono_ms, int64_t *out_wait_ms)
{
	delivery->share = delivery->is_replay ? BUD_SHARE_REPLAY : BUD_SHARE_RETRY;
	return start(gate, delivery, mono_ms, out_wait_ms);
}

enum bud_offer bud_gate_offer(
	struct bud_gate *gate, struct bud_delivery *delivery, int64_t mono_ms, int64_t *out_wait_ms)
{
	bool is_fresh = bud_following_is_fresh(gate->gates->desk->following, mono_ms);
	enum bud_admit answer = BUD_ADMIT_FULL;

	delivery->share = BUD_SHARE_FRESH;
	if (gate->n_waiting == 0 && is_fresh)
		answer = bud_endpoint_admit(gate->endpoint, BUD_SHARE_FRESH, mono_ms, out_wait_ms);
	delivery->is_probe = answer == BUD_ADMIT_PROBE;
	if (answer == BUD_ADMIT_YES || answer == BUD_ADMIT_PROBE)
		return start(gate, delivery, mono_ms, out_wait_ms);
	if (answer == BUD_ADMIT_LATER)
		return BUD_OFFER_BLOCKED;
	if (gate->n_waiting >= BUD_ENDPOINT_QUEUE_MAX) {
		*out_wait_ms = SHORT_WAIT_MS + (int64_t)bud_random_below(SHORT_WAIT_MS);
		return BUD_OFFER_BLOCKED;
	}
	enqueue(gate, delivery);
	return BUD_OFFER_TAKEN;
}

void bud_gate_reserve(struct bud_gate *gate, struct bud_slots *slots, size_t want, int64_t mono_ms,
	int64_t *out_wait_ms)
{
	enum bud_admit answer = BUD_ADMIT_YES;

	slots->n = 0;
	slots->is_probe = false;
	*out_wait_ms = 100;
	while (slots->n < want && answer == BUD_ADMIT_YES) {
		answer = bud_endpoint_admit(gate->endpoint, slots->share, mono_ms, out_wait_ms);
		slots->is_probe = slots->is_probe || answer == BUD_ADMIT_PROBE;
		slots->n += answer == BUD_ADMIT_YES || answer == BUD_ADMIT_PROBE;
	}
}

struct bud_span bud_gate_refused_lane(const struct bud_gate *gate, int64_t mono_ms)
{
	if (mono_ms - gate->refused_mono_ms >= REFUSED_MS)
		return (struct bud_span){NULL, 0};
	return bud_buffer_as_span(&gate->refused);
}

void bud_gate_note_lane(
	struct bud_gate *gate, struct bud_span lane, bool is_refused, int64_t mono_ms)
{
	struct bud_span refused = bud_gate_refused_lane(gate, mono_ms);
	bool is_it = refused.len > 0 && bud_span_equals(refused, lane);

	if (is_it && !is_refused)
		gate->refused.len = 0;
	if (!is_refused || (refused.len > 0 && !is_it))
		return;
	gate->refused_mono_ms = mono_ms;
	if (is_it)
		return;
	gate->refused.len = 0;
	bud_buffer_span(&gate->refused, lane);
}

static void end(struct bud_delivery *delivery, enum bud_delivery_end how, int64_t wait_ms)
{
	delivery->state = BUD_DELIVERY_ENDED;
	delivery->end = how;
	delivery->wait_ms = wait_ms;
	delivery->on_end(delivery);
}

/* One that waited: its subscription may be another one by now, and its event of no use any more. A
 * slot is taken for it. */
static void start_waiting(struct bud_gate *gate, struct bud_delivery *delivery, int64_t mono_ms)
{
	int64_t wait_ms = 0;
	enum bud_receiver_state state = bud_receiver_check(delivery->receiver, gate->gates->desk);

	dequeue(gate, delivery);
	if (state != BUD_RECEIVER_CURRENT) {
		give_back_one(gate, delivery, mono_ms);
		end(delivery,
			state == BUD_RECEIVER_DELETED ? BUD_DELIVERY_END_CANCELLED
						      : BUD_DELIVERY_END_BLOCKED,
			0);
		return;
	}
	if (bud_clock_wall_ms() >= delivery->event->expires_wall_ms) {
		give_back_one(gate, delivery, mono_ms);
		end(delivery, BUD_DELIVERY_END_EXPIRED, 0);
		return;
	}
	if (start(gate, delivery, mono_ms, &wait_ms) == BUD_OFFER_BLOCKED)
		end(delivery, BUD_DELIVERY_END_BLOCKED, wait_ms);
}

static void let_in(struct bud_gate *gate, int64_t mono_ms)
{
	if (!bud_following_is_fresh(gate->gates->desk->following, mono_ms))
		return;
	gate->refs++; /* an on_end below may drop the last receiver */
	while (gate->n_waiting > 0) {
		struct bud_delivery *first =
			bud_list_first(&gate->waiting, struct bud_delivery, link);
		int64_t wait_ms = 0;
		enum bud_admit answer =
			bud_endpoint_admit(gate->endpoint, BUD_SHARE_FRESH, mono_ms, &wait_ms);
		if (answer == BUD_ADMIT_FULL)
			break;
		first->is_probe = answer == BUD_ADMIT_PROBE;
		if (answer == BUD_ADMIT_YES || answer == BUD_ADMIT_PROBE) {
			start_waiting(gate, first, mono_ms);
			continue;
		}
		dequeue(gate, first);
		end(first, BUD_DELIVERY_END_BLOCKED, wait_ms);
	}
	bud_gate_unref(gate);
}

/* Without names or URLs: the attempt log and GET /endpoints say whose it is. */
static void tell(struct bud_metrics *metrics, const struct bud_endpoint_news *news)
{
	bud_metrics_add(metrics, BUD_COUNTER_BREAKER_OPENED, news->is_opened);
	bud_metrics_add(metrics, BUD_COUNTER_ENDPOINT_PAUSES, news->is_paused);
	bud_metrics_add(metrics, BUD_COUNTER_WINDOW_HALVINGS, news->is_halved);
}

void bud_gate_on_pushed(
	struct bud_gate *gate, const struct bud_settlement *settlement, int64_t mono_ms)
{
	struct bud_endpoint_news news = bud_endpoint_settle(gate->endpoint, settlement, mono_ms);

	tell(gate->gates->desk->metrics, &news);
	gate->gates->opened_n += news.is_opened;
	let_in(gate, mono_ms);
}

/* Once a second, not once for each: in an outage they are thousands. */
static void log_opened(struct bud_gates *gates, int64_t mono_ms)
{
	if (gates->opened_n == 0 || mono_ms - gates->logged_mono_ms < LOG_MS)
		return;
	bud_log_warn("endpoints cut off after failures", "count", bud_log_number(gates->opened_n));
	gates->opened_n = 0;
	gates->logged_mono_ms = mono_ms;
}

void bud_gates_tick(struct bud_gates *gates, int64_t mono_ms)
{
	struct bud_list now;

	log_opened(gates, mono_ms);

	/* The first ones of what is busy now, each once, however the list changes meanwhile: when
	 * thousands wait for room outside of them, asking all would be all we do. */
	bud_list_init(&now);
	for (int i = 0; i < GATES_A_TICK && !bud_list_is_empty(&gates->busy); i++) {
		struct bud_list *link = gates->busy.next;
		bud_list_remove(link);
		bud_list_append(&now, link);
	}
	while (!bud_list_is_empty(&now)) {
		struct bud_gate *gate = bud_list_first(&now, struct bud_gate, link);
		bud_list_remove(&gate->link);
		bud_list_append(&gates->busy, &gate->link);
		let_in(gate, mono_ms);
	}
}
