/* Dry runs: filters compiled -> a look back over so many events -> (of which units they are parts,
 * where the filters ask for units; all at once) -> those that match, answered. */
#include "api/dry_run.h"

#include <jansson.h>
#include <stdlib.h>

#include "api/desk.h"
#include "api/failure.h"
#include "api/json_body.h"
#include "api/look_back.h"
#include "api/unit.h"
#include "auth/authorize.h"
#include "auth/identity.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/list.h"
#include "dispatch/units.h"
#include "event/event.h"
#include "http/reply.h"
#include "http/request.h"
#include "store/partition.h"
#include "subscription/body.h"
#include "subscription/filter.h"

#define LAST_DEFAULT 100
#define LAST_MAX     1000

struct run;

/* An event that matches, or may when it is known of which unit it is a part. */
struct seen {
	struct bud_list link;
	struct run *run;
	struct bud_event *event;
	int64_t stored_ms;
};

struct run {
	struct bud_authority *authority;
	struct bud_register *reg; /* NULL: no filter asks for a unit, or nobody knows of units */
	struct bud_request *request;
	struct bud_filter *filter;
	struct bud_list seen; /* seen::link, the newest first */
	size_t n_waiting;     /* for the register, and for the end of the look back */
	size_t looked;
	int64_t oldest_ms;
	int err;
	size_t n;
	size_t unknown_n; /* matched only because the register could not say */
	struct bud_buffer events;
};

static void answer(struct run *run);

static void forget(struct seen *seen)
{
	bud_list_remove(&seen->link);
	bud_event_unref(seen->event);
	free(seen);
}

static void end(struct run *run)
{
	struct seen *seen, *after;

	bud_list_each_safe (seen, after, &run->seen, link)
		forget(seen);
	bud_filter_destroy(run->filter);
	bud_buffer_finish(&run->events);
	free(run);
}

static void one_less(struct run *run)
{
	if (--run->n_waiting > 0)
		return;
	if (run->err < 0)
		bud_failure_reply(run->request, run->err);
	else
		answer(run);
	end(run);
}

static void on_party(void *owner, enum bud_register_outcome outcome, const struct bud_party *party)
{
	struct seen *seen = owner;

	bud_units_know(seen->event, outcome, party);
	one_less(seen->run);
}

/* What would be delivered to the caller, so no more is shown than that. */
static bool is_theirs(const struct run *run, const struct bud_event *event)
{
	struct bud_span caller = bud_span(bud_request_identity(run->request)->name);

	return bud_authorize_delivery(run->authority, event, caller, bud_clock_wall_ms()) ==
	       BUD_DECISION_PERMIT;
}

static bool visit(void *owner, const struct bud_entry *entry)
{
	struct run *run = owner;
	struct bud_event *event = NULL;
	bool is_match = false;
	struct seen *seen;

	if (entry->bytes.at)
		event = bud_event_create(entry->owner, entry->bytes);
	if (event && is_theirs(run, event)) {
		/* Whether it is worth asking: of whatever unit it may be a part. */
		event->is_main_unknown = run->reg != NULL;
		is_match = bud_filter_wants(run->filter, event);
		event->is_main_unknown = false;
	}
	if (!is_match) {
		bud_event_unref(event);
		return true;
	}
	seen = bud_new(struct seen);
	*seen = (struct seen){.run = run, .event = event, .stored_ms = (int64_t)entry->id.ms};
	bud_list_init(&seen->link);
	bud_list_append(&run->seen, &seen->link);
	run->n_waiting += !bud_units_look_up(run->reg, event, on_party, seen);
	return true;
}

static void on_end(void *owner, int err, const struct bud_look_back_result *result)
{
	struct run *run = owner;

	run->err = err;
	if (err == 0) {
		run->looked = result->events;
		run->oldest_ms = result->oldest_ms;
	}
	one_less(run);
}

/* The answer */

static void add(struct run *run, const struct seen *seen)
{
	const struct bud_event *event = seen->event;
	struct bud_buffer *out = &run->events;
	char stored[25];

	bud_clock_write(seen->stored_ms, stored);
	bud_buffer_format(out, "%s{\"stored\":\"%s\"", run->n++ > 0 ? "," : "", stored);
	bud_buffer_member_span(out, "id", event->id);
	bud_buffer_member_span(out, "source", event->source);
	bud_buffer_member_span(out, "type", event->type);
	bud_buffer_member_span(out, "subject", event->subject);
	bud_unit_write(event, out);
	bud_buffer_byte(out, '}');
}

/* What matched only as one of an unknown unit is counted, and not shown as a match. */
static void decide(struct run *run, const struct seen *seen)
{
	struct bud_event *event = seen->event;
	bool is_unknown = event->is_main_unknown;

	event->is_main_unknown = false;
	if (bud_filter_wants(run->filter, event))
		add(run, seen);
	else
		run->unknown_n += is_unknown;
}

static void answer(struct run *run)
{
	bud_auto(buffer) struct bud_buffer body = {0};
	struct seen *seen, *after;
	char oldest[25];

	bud_list_each_safe (seen, after, &run->seen, link)
		decide(run, seen);
	bud_buffer_format(&body, "{\"looked\":%zu,\"matched\":%zu", run->looked, run->n);
	if (run->unknown_n > 0)
		bud_buffer_format(&body, ",\"main_unit_is_unknown\":%zu", run->unknown_n);
	if (run->oldest_ms > 0) {
		bud_clock_write(run->oldest_ms, oldest);
		bud_buffer_format(&body, ",\"oldest\":\"%s\"", oldest);
	}
	bud_buffer_text(&body, ",\"events\":[");
	bud_buffer_span(&body, bud_buffer_as_span(&run->events));
	bud_buffer_text(&body, "]}");
	bud_reply(run->request, 200, "application/json", bud_buffer_as_span(&body));
}

static int read_last(const json_t *body, size_t *out_last, struct bud_error *error)
{
	const json_t *value = json_object_get(body, "last");
	json_int_t last = json_integer_value(value);

	*out_last = LAST_DEFAULT;
	if (!value)
		return 0;
	if (!json_is_integer(value) || last < 1 || last > LAST_MAX)
		return bud_error_set(
			error, "last", "last must be a whole number from 1 to %d", LAST_MAX);
	*out_last = (size_t)last;
	return 0;
}

void bud_dry_run(struct bud_api_desk *desk, struct bud_request *request, const json_t *body)
{
	static const char *const known[] = {"filters", "last", NULL};
	struct run *run = bud_new(struct run);
	struct bud_look_back look_back = {
		.store = desk->store, .visit = visit, .end = on_end, .owner = run};
	struct bud_error error = {0};
	int r = bud_body_check(body, "", known, &error);

	run->authority = desk->authority;
	run->request = request;
	run->n_waiting = 1;
	bud_list_init(&run->seen);
	if (r == 0)
		r = read_last(body, &look_back.events_max, &error);
	if (r == 0)
		r = bud_filter_compile(json_object_get(body, "filters"), &run->filter, &error);
	if (r < 0) {
		bud_json_body_refuse(request, &error);
		end(run);
		return;
	}
	if (bud_filter_has_unit(run->filter))
		run->reg = desk->reg;
	r = bud_look_back(&look_back);
	if (r == 0)
		return;
	bud_failure_reply(request, r);
	end(run);
}
