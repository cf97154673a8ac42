/* The pause follower. Five times a second: list what changed -> apply it; report what is new of our
 * own endpoints -> put it. What this node wrote itself is applied once only, when it starts. */
#include "dispatch/pauses.h"

#include <inttypes.h>
#include <stdlib.h>
#include <uv.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/log.h"
#include "dispatch/endpoint.h"
#include "dispatch/endpoint_table.h"
#include "store/endpoints.h"
#include "store/pauses.h"

#define FOLLOW_MS 200
#define FORGET_MS 10000
#define REPORTS   64

struct bud_pause_follower {
	struct bud_pause_options options;
	uv_timer_t timer;
	bool is_listing;
	bool has_begun; /* all that held when it began are known */
	int64_t after;
	int64_t forgot_mono_ms;
};

static void on_timer(uv_timer_t *timer);

struct bud_pause_follower *bud_pause_follower_open(const struct bud_pause_options *options)
{
	struct bud_pause_follower *follower = bud_new(struct bud_pause_follower);

	follower->options = *options;
	uv_timer_init(options->loop, &follower->timer);
	follower->timer.data = follower;
	uv_timer_start(&follower->timer, on_timer, FOLLOW_MS, FOLLOW_MS);
	return follower;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void bud_pause_follower_close(struct bud_pause_follower *follower)
{
	if (follower)
		uv_close((uv_handle_t *)&follower->timer, on_closed);
}

static void list(struct bud_pause_follower *follower);

/* What people stopped and let go on. */
static void tell_people(const struct bud_pause_follower *follower, const struct bud_pause *pause)
{
	bud_auto(free) char *id = bud_strndup(pause->id.at, pause->id.len);

	if (pause->kind == BUD_PAUSE_OPERATOR)
		bud_log_info("people paused deliveries", "of", id);
	else if (pause->kind == BUD_PAUSE_ENDED && follower->has_begun &&
		 !bud_span_starts(pause->id, bud_span(BUD_PAUSE_ENDPOINT)))
		bud_log_info("people resumed deliveries", "of", id);
}

static void apply(struct bud_pause_follower *follower, const struct bud_pause *pause)
{
	bool is_own = follower->has_begun && bud_span_is(pause->node, follower->options.node);

	bud_endpoints_pause(follower->options.endpoints, pause, is_own, bud_clock_mono_ms());
	tell_people(follower, pause);
}

static void on_list(void *owner, int err, const struct bud_pauses *pauses)
{
	struct bud_pause_follower *follower = owner;

	follower->is_listing = false;
	if (err < 0)
		return; /* the timer asks again */
	for (size_t i = 0; i < pauses->n; i++)
		apply(follower, &pauses->at[i]);
	follower->after = pauses->after;
	if (pauses->last < follower->after) {
		follower->after = 0; /* Redis went back: from the beginning */
		follower->has_begun = false;
	} else if (pauses->n == BUD_PAUSES_MAX) {
		list(follower);
	} else {
		follower->has_begun = true;
	}
}

static void list(struct bud_pause_follower *follower)
{
	if (!follower->is_listing)
		follower->is_listing = bud_pauses_list(follower->options.store, follower->after,
					       on_list, follower) == 0;
}

void bud_pause_follower_on_up(struct bud_pause_follower *follower)
{
	list(follower);
}

static void on_put(void *owner, int err, int64_t number)
{
	(void)owner;
	(void)err; /* others do without; the next change tells it again */
	(void)number;
}

static void tell(struct bud_pause_follower *follower, const struct bud_endpoint_report *report)
{
	bud_auto(buffer) struct bud_buffer id = {0};
	struct bud_store *store = follower->options.store;
	struct bud_pause pause = {
		.kind = report->pause_kind,
		.for_ms = report->pause_ms,
		.node = bud_span(follower->options.node),
		.reason = bud_span(bud_pause_kind_word(report->pause_kind)),
	};
	int r;

	bud_buffer_text(&id, BUD_PAUSE_ENDPOINT);
	bud_buffer_text(&id, report->id);
	pause.id = bud_buffer_as_span(&id);
	if (report->tell == BUD_ENDPOINT_TELL_PAUSE)
		r = bud_pause_put(store, &pause, on_put, NULL);
	else
		r = bud_pause_remove(store, pause.id, pause.node, on_put, NULL);
	(void)r;
}

static void add_until(struct bud_buffer *json, const char *name, int64_t for_ms, int64_t wall_ms)
{
	if (for_ms > 0)
		bud_buffer_format(json, ",\"%s\":%" PRId64, name, wall_ms + for_ms);
}

static void publish(struct bud_pause_follower *follower, const struct bud_endpoint_report *report)
{
	bud_auto(buffer) struct bud_buffer json = {0};
	int64_t wall_ms = bud_clock_wall_ms();
	struct bud_endpoint_state state = {
		.id = bud_span(report->id),
		.owner = bud_span(report->owner),
		.sink = bud_span(report->sink),
		.node = bud_span(follower->options.node),
	};

	bud_buffer_format(&json,
		"{\"at_ms\":%" PRId64 ",\"window\":%u,\"running\":%u,\"breaker\":\"%s\"", wall_ms,
		report->window, report->running, bud_breaker_word(report->breaker));
	add_until(&json, "open_until_ms", report->open_for_ms, wall_ms);
	add_until(&json, "paused_until_ms", report->paused_for_ms, wall_ms);
	bud_buffer_format(&json,
		",\"delivered\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"in_a_row\":%u}",
		report->delivered, report->failed, report->in_a_row);
	state.json = bud_buffer_as_span(&json);
	(void)bud_endpoint_state_put(follower->options.store, &state);
}

static void report(struct bud_pause_follower *follower)
{
	struct bud_endpoint_report reports[REPORTS];
	size_t position = 0;

	do {
		size_t n = bud_endpoints_report(follower->options.endpoints, bud_clock_mono_ms(),
			&position, reports, REPORTS);
		for (size_t i = 0; i < n; i++) {
			if (reports[i].tell != BUD_ENDPOINT_TELL_NOTHING)
				tell(follower, &reports[i]);
			if (reports[i].is_changed)
				publish(follower, &reports[i]);
			bud_endpoint_report_finish(&reports[i]);
		}
	} while (position != 0);
}

static void on_timer(uv_timer_t *timer)
{
	struct bud_pause_follower *follower = timer->data;
	int64_t mono_ms = bud_clock_mono_ms();

	if (!bud_store_is_up(follower->options.store))
		return;
	list(follower);
	report(follower);
	if (mono_ms - follower->forgot_mono_ms >= FORGET_MS) {
		follower->forgot_mono_ms = mono_ms;
		bud_endpoints_forget_pauses(follower->options.endpoints, mono_ms);
	}
}
