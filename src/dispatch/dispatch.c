/* One worker's dispatch: owns the parts and gives them their time. */
#include "dispatch/dispatch.h"

#include <stdlib.h>
#include <uv.h>

#include "access/decision_point.h"
#include "core/alloc.h"
#include "core/clock.h"
#include "dispatch/attempt_log.h"
#include "dispatch/endpoint.h"
#include "dispatch/gate.h"
#include "dispatch/hand.h"
#include "dispatch/hand_permit.h"
#include "dispatch/lane.h"
#include "dispatch/push.h"
#include "dispatch/reader.h"
#include "dispatch/receiver.h"
#include "dispatch/reports.h"
#include "dispatch/resolve.h"

#define TICK_MS      10
#define SWEEP_MS     30000
#define DROP_IDLE_MS 60000

struct bud_dispatch {
	struct bud_desk desk;
	uv_timer_t tick;
	uv_check_t turn_end;
	unsigned n_closed; /* of these two */
	struct bud_attempt_log log;
	struct bud_reports reports;
	struct bud_pusher *pusher;
	struct bud_gates *gates;
	struct bud_receivers *receivers;
	struct bud_resolves resolves;
	struct bud_lanes *lanes;
	struct bud_hands hands;
	struct bud_reader *reader;
	int64_t swept_mono_ms;
	int64_t dropped_mono_ms;
};

unsigned bud_desk_sharers(const struct bud_desk *desk)
{
	return desk->workers * bud_endpoints_nodes(desk->endpoints);
}

static void on_room(void *owner)
{
	struct bud_dispatch *dispatch = owner;

	bud_reader_on_room(dispatch->reader);
}

static void on_decided(void *owner)
{
	struct bud_dispatch *dispatch = owner;

	bud_hands_decide(&dispatch->hands);
}

static void on_tick(uv_timer_t *timer)
{
	struct bud_dispatch *dispatch = timer->data;
	int64_t mono_ms = bud_clock_mono_ms();

	bud_hands_tick(&dispatch->hands, mono_ms);
	bud_gates_tick(dispatch->gates, mono_ms);
	bud_lanes_tick(dispatch->lanes, mono_ms);
	bud_attempt_log_flush(&dispatch->log);
	bud_reports_tick(&dispatch->reports, mono_ms);
	if (mono_ms - dispatch->swept_mono_ms >= SWEEP_MS)
		bud_dispatch_sweep(dispatch);
	if (mono_ms - dispatch->dropped_mono_ms >= DROP_IDLE_MS) {
		dispatch->dropped_mono_ms = mono_ms;
		bud_receivers_drop_idle(dispatch->receivers, mono_ms);
	}
}

static void on_turn_end(uv_check_t *check)
{
	struct bud_dispatch *dispatch = check->data;

	bud_lanes_turn(dispatch->lanes);
}

struct bud_dispatch *bud_dispatch_open(const struct bud_desk *desk)
{
	struct bud_dispatch *dispatch = bud_new(struct bud_dispatch);

	dispatch->desk = *desk;
	desk = &dispatch->desk;
	bud_attempt_log_init(&dispatch->log, desk->commands);
	bud_reports_init(&dispatch->reports, desk);
	dispatch->pusher = bud_pusher_create(desk, &dispatch->log, &dispatch->reports);
	dispatch->gates = bud_gates_create(desk, dispatch->pusher);
	dispatch->receivers = bud_receivers_create(desk, dispatch->gates);
	bud_resolves_init(&dispatch->resolves, desk);
	dispatch->lanes = bud_lanes_create(desk, dispatch->receivers, &dispatch->resolves);
	bud_hands_init(&dispatch->hands, desk, dispatch->receivers, &dispatch->resolves);
	dispatch->hands.on_room = on_room;
	dispatch->hands.owner = dispatch;
	dispatch->reader = bud_reader_open(desk, &dispatch->hands);
	if (desk->point)
		bud_decision_point_tell(desk->point, on_decided, dispatch);
	dispatch->swept_mono_ms = bud_clock_mono_ms();
	dispatch->dropped_mono_ms = dispatch->swept_mono_ms;
	uv_timer_init(desk->loop, &dispatch->tick);
	dispatch->tick.data = dispatch;
	uv_timer_start(&dispatch->tick, on_tick, TICK_MS, TICK_MS);
	uv_check_init(desk->loop, &dispatch->turn_end);
	dispatch->turn_end.data = dispatch;
	uv_check_start(&dispatch->turn_end, on_turn_end);
	return dispatch;
}

void bud_dispatch_on_reading_up(struct bud_dispatch *dispatch)
{
	bud_reader_on_up(dispatch->reader);
}

void bud_dispatch_sweep(struct bud_dispatch *dispatch)
{
	dispatch->swept_mono_ms = bud_clock_mono_ms();
	bud_reader_sweep(dispatch->reader);
}

void bud_dispatch_stop(struct bud_dispatch *dispatch)
{
	bud_reader_stop(dispatch->reader);
	bud_lanes_stop(dispatch->lanes);
}

void bud_dispatch_park_all(struct bud_dispatch *dispatch)
{
	bud_gates_stop(dispatch->gates);
	bud_hands_park_all(&dispatch->hands);
}

bool bud_dispatch_is_idle(const struct bud_dispatch *dispatch)
{
	return bud_reader_is_idle(dispatch->reader) && bud_hands_is_empty(&dispatch->hands) &&
	       bud_lanes_is_idle(dispatch->lanes);
}

static void on_closed(uv_handle_t *handle)
{
	struct bud_dispatch *dispatch = handle->data;

	if (++dispatch->n_closed < 2)
		return;
	bud_attempt_log_flush(&dispatch->log);
	bud_reports_finish(&dispatch->reports);
	bud_hands_finish(&dispatch->hands);
	bud_lanes_destroy(dispatch->lanes);
	bud_resolves_finish(&dispatch->resolves);
	bud_receivers_destroy(dispatch->receivers);
	bud_gates_destroy(dispatch->gates);
	bud_pusher_destroy(dispatch->pusher);
	free(dispatch);
}

void bud_dispatch_close(struct bud_dispatch *dispatch)
{
	if (!dispatch)
		return;
	bud_reader_close(dispatch->reader);
	uv_close((uv_handle_t *)&dispatch->turn_end, on_closed);
	uv_close((uv_handle_t *)&dispatch->tick, on_closed);
}
