/* One event: query read -> found by a look back -> (of which unit its subject is a part, where
 * anybody asks for units) -> what became of it -> answered. */
#include "api/events.h"

#include <stdlib.h>

#include "api/desk.h"
#include "api/event_search.h"
#include "api/failure.h"
#include "api/look_back.h"
#include "api/page.h"
#include "api/trace.h"
#include "api/unit.h"
#include "auth/identity.h"
#include "auth/need.h"
#include "core/clock.h"
#include "core/error.h"
#include "dispatch/desk.h"
#include "dispatch/units.h"
#include "event/event.h"
#include "http/reply.h"
#include "http/request.h"
#include "store/store.h"
#include "subscription/subscription.h"
#include "subscription/table.h"

/* At so many times BUD_TRACE_MAX subscriptions. */
#define LOOKS_MAX 256u

struct showing {
	struct bud_api_desk *desk;
	struct bud_request *request;
	struct bud_event *event; /* once it is found */
	struct bud_member member;
	bool has_more; /* subscriptions beyond those shown */
	struct bud_buffer body;
};

static void handle_event(void *context, struct bud_request *request);
static void on_found(void *owner, int err, const struct bud_event_search_result *found);
static void on_party(void *owner, enum bud_register_outcome outcome, const struct bud_party *party);
static void show(struct showing *showing);

const struct bud_route bud_events_routes[] = {
	{"GET", "/events/{id}", handle_event, 0, BUD_NEED_READ},
};
const size_t bud_events_routes_n = sizeof(bud_events_routes) / sizeof(bud_events_routes[0]);

static int read_one(struct bud_event_search *find, struct bud_span name, struct bud_span value,
	struct bud_buffer *source, struct bud_error *error)
{
	if (bud_span_is(name, "source")) {
		if (source->len > 0 || value.len == 0)
			return bud_error_set(error, "source",
				"source must be there once and not be empty: an event is known by "
				"its source and id");
		bud_buffer_span(source, value);
		return 0;
	}
	if (bud_span_is(name, "from"))
		return bud_page_time("from", value, &find->from_ms, error);
	if (bud_span_is(name, "to"))
		return bud_page_time("to", value, &find->to_ms, error);
	return bud_error_set(error, name.at, "unknown query parameter; known are source, from, to");
}

static int read_query(const struct bud_request *request, struct bud_event_search *find,
	struct bud_buffer *source, struct bud_error *error)
{
	bud_auto(buffer) struct bud_buffer name = {0};
	bud_auto(buffer) struct bud_buffer value = {0};
	size_t position = 0;
	int r;

	while ((r = bud_request_query_next(request, &position, &name, &value)) > 0) {
		bud_buffer_text(&name, ""); /* ends with a NUL even when empty */
		r = read_one(
			find, bud_buffer_as_span(&name), bud_buffer_as_span(&value), source, error);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return bud_error_set(error, NULL, "the query has a bad escape");
	if (source->len == 0)
		return bud_error_set(error, "source",
			"source is missing: an event is known by its source and id");
	if (find->to_ms != 0 && find->from_ms >= find->to_ms)
		return bud_error_set(error, "to", "to must be later than from");
	find->id = request->parameters[0];
	find->source = bud_buffer_as_span(source);
	find->owner = bud_span(bud_request_identity(request)->name);
	return 0;
}

static void end(struct showing *showing)
{
	bud_event_unref(showing->event);
	bud_buffer_finish(&showing->body);
	free(showing);
}

static void handle_event(void *context, struct bud_request *request)
{
	bud_auto(buffer) struct bud_buffer source = {0};
	struct bud_event_search find = {0};
	struct bud_error error = {0};
	struct showing *showing;
	int r;

	if (read_query(request, &find, &source, &error) < 0) {
		bud_reply_problem(request, 400, "bad-query", "Bad query", &error);
		return;
	}
	showing = bud_new(struct showing);
	showing->desk = context;
	showing->request = request;
	r = bud_event_search(context, &find, on_found, showing);
	if (r == 0)
		return;
	bud_failure_reply(request, r);
	end(showing);
}

static void on_found(void *owner, int err, const struct bud_event_search_result *found)
{
	struct showing *showing = owner;
	const struct bud_api_desk *api = showing->desk;
	const struct bud_desk desk = {
		.reg = api->reg, .table = api->table, .table_reader = api->table_reader};

	if (err < 0) {
		bud_failure_reply(showing->request, err);
		end(showing);
		return;
	}
	if (!found->event) {
		bud_event_search_refuse(showing->request, found->looked);
		end(showing);
		return;
	}
	showing->event = bud_event_ref(found->event);
	showing->member = found->member;
	if (bud_units_look(&desk, showing->event, on_party, showing))
		show(showing);
}

static void on_party(void *owner, enum bud_register_outcome outcome, const struct bud_party *party)
{
	struct showing *showing = owner;

	bud_units_know(showing->event, outcome, party);
	show(showing);
}

/* A walk over all that match, by serial, for those of the caller. */
struct choosing {
	struct showing *showing;
	struct bud_trace_target *targets;
	size_t n;
	struct bud_match match;
};

static void add_own(struct choosing *choosing, const struct bud_subscription *subscription)
{
	struct showing *showing = choosing->showing;

	if (!bud_identity_owns(
		    bud_request_identity(showing->request), bud_span(subscription->owner)))
		return;
	if (choosing->n == BUD_TRACE_MAX)
		showing->has_more = true;
	else
		bud_trace_target_set(&choosing->targets[choosing->n++], showing->desk->store->shard,
			subscription, showing->event, &showing->member);
}

/* One hold of the lock. */
static void choose_some(struct choosing *choosing)
{
	struct bud_api_desk *desk = choosing->showing->desk;
	struct bud_match *match = &choosing->match;
	size_t n;

	bud_table_lock(desk->table, desk->table_reader);
	n = bud_table_match(desk->table, match);
	for (size_t i = 0; i < n; i++)
		add_own(choosing, match->found[i]);
	if (n > 0)
		match->after_serial = match->found[n - 1]->serial;
	bud_table_unlock(desk->table, desk->table_reader);
}

/* Those of the caller that want it, as they are now. Others may have many that want it, too: of so
 * many it is not known whether the caller's are behind them. */
static size_t choose(struct showing *showing, struct bud_trace_target *targets)
{
	const struct bud_subscription *matches[BUD_TRACE_MAX];
	struct choosing choosing = {.showing = showing,
		.targets = targets,
		.match = {.event = showing->event,
			.now_ms = bud_clock_wall_ms(),
			.found = matches,
			.max = BUD_TRACE_MAX,
			.more = true}};

	for (unsigned i = 0; i < LOOKS_MAX && choosing.match.more && !showing->has_more; i++)
		choose_some(&choosing);
	showing->has_more = showing->has_more || choosing.match.more;
	return choosing.n;
}

static void write_event(struct showing *showing)
{
	struct bud_buffer *body = &showing->body;
	char member[BUD_MEMBER_TEXT_BYTES];
	char stored[25];

	bud_member_write(&showing->member, member);
	bud_clock_write((int64_t)showing->member.ms, stored);
	bud_buffer_text(body, "{\"event\":");
	bud_buffer_span(body, showing->event->bytes);
	bud_buffer_format(body, ",\"delivery\":\"%s\",\"stored\":\"%s\"", member, stored);
	bud_unit_write(showing->event, body);
}

static void on_traced(void *owner, int err, struct bud_span json)
{
	struct showing *showing = owner;
	struct bud_buffer *body = &showing->body;

	if (err < 0) {
		bud_failure_reply(showing->request, err);
		end(showing);
		return;
	}
	bud_buffer_text(body, ",\"subscriptions\":");
	bud_buffer_span(body, json);
	bud_buffer_format(body, ",\"more\":%s}", showing->has_more ? "true" : "false");
	bud_reply(showing->request, 200, "application/json", bud_buffer_as_span(body));
	end(showing);
}

static void show(struct showing *showing)
{
	struct bud_trace_target targets[BUD_TRACE_MAX];
	struct bud_trace trace = {
		.event = showing->event, .id = showing->member, .targets = targets};
	int r;

	write_event(showing);
	trace.n = choose(showing, targets);
	r = bud_trace(showing->desk, &trace, on_traced, showing);
	if (r == 0)
		return;
	bud_failure_reply(showing->request, r);
	end(showing);
}
