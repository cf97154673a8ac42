/* Explanations. body read -> subscription from Redis -> event looked for, unless it was given ->
 * (of which unit its subject is a part, where the subscription asks for units) -> its trace, its
 * lane, the endpoint and the pauses asked at once -> answered. */
#include "api/explain.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "api/desk.h"
#include "api/dry_run.h"
#include "api/endpoints.h"
#include "api/event_search.h"
#include "api/explain_body.h"
#include "api/failure.h"
#include "api/json_body.h"
#include "api/lookup.h"
#include "api/pauses.h"
#include "api/trace.h"
#include "api/unit.h"
#include "auth/authorize.h"
#include "auth/identity.h"
#include "auth/need.h"
#include "config/config.h"
#include "core/clock.h"
#include "dispatch/host.h"
#include "dispatch/lane_plan.h"
#include "dispatch/units.h"
#include "event/event.h"
#include "http/reply.h"
#include "http/request.h"
#include "store/endpoints.h"
#include "store/lane_states.h"
#include "store/pauses.h"
#include "store/registry.h"
#include "store/store.h"
#include "subscription/explain.h"
#include "subscription/filter.h"
#include "subscription/push_config.h"
#include "subscription/subscription.h"

struct explaining {
	struct bud_api_desk *desk;
	struct bud_request *request;
	json_t *json; /* what `body` borrows */
	struct bud_explain_body body;
	struct bud_subscription *subscription;
	struct bud_event *event;
	bool is_stored;
	struct bud_member member;
	char endpoint_id[BUD_ENDPOINT_ID_BYTES];
	struct bud_trace_target target;
	int64_t held_until_ms; /* its lane; 0: free */
	bool is_rest;
	unsigned n_waiting;
	int err; /* the first one */
	struct bud_buffer outcome;
	struct bud_buffer endpoint;
	struct bud_buffer pauses;
};

static void handle_explain(void *context, struct bud_request *request);
static void on_record(void *owner, int err, const struct bud_registry_value *value);
static void on_event(void *owner, int err, const struct bud_event_search_result *found);
static void look_up(struct explaining *explaining);
static void on_party(void *owner, enum bud_register_outcome outcome, const struct bud_party *party);
static void ask(struct explaining *explaining);
static void on_pauses(void *owner, int err, const struct bud_pauses *pauses);

const struct bud_route bud_explain_routes[] = {
	{"POST", "/explain", handle_explain, BUD_EVENT_BYTES_MAX, BUD_NEED_SUBSCRIBE},
};
const size_t bud_explain_routes_n = sizeof(bud_explain_routes) / sizeof(bud_explain_routes[0]);

static void end(struct explaining *explaining)
{
	json_decref(explaining->json);
	bud_subscription_destroy(explaining->subscription);
	bud_event_unref(explaining->event);
	bud_buffer_finish(&explaining->outcome);
	bud_buffer_finish(&explaining->endpoint);
	bud_buffer_finish(&explaining->pauses);
	free(explaining);
}

static void fail(struct explaining *explaining, int err)
{
	if (err == -ENOENT)
		bud_failure_reply_unknown(explaining->request);
	else
		bud_failure_reply(explaining->request, err);
	end(explaining);
}

static void handle_explain(void *context, struct bud_request *request)
{
	static const char *const known[] = {
		"event", "subscription", "publisher", "filters", "last", NULL};
	struct bud_api_desk *desk = context;
	json_t *json = bud_json_body_take(request, known);
	struct explaining *explaining;
	struct bud_error error = {0};
	int r;

	if (!json)
		return;
	if (json_object_get(json, "filters")) {
		bud_dry_run(desk, request, json);
		json_decref(json);
		return;
	}
	explaining = bud_new(struct explaining);
	explaining->desk = desk;
	explaining->request = request;
	explaining->json = json;
	if (bud_explain_body_parse(
		    json, bud_request_identity(request)->name, &explaining->body, &error) < 0) {
		bud_json_body_refuse(request, &error);
		end(explaining);
		return;
	}
	explaining->event = explaining->body.event;
	r = bud_registry_get(desk->store, explaining->body.subscription, on_record, explaining);
	if (r < 0)
		fail(explaining, r);
}

static void on_record(void *owner, int err, const struct bud_registry_value *value)
{
	struct explaining *explaining = owner;
	struct bud_api_desk *desk = explaining->desk;
	const struct bud_explain_body *body = &explaining->body;
	const char *caller = bud_request_identity(explaining->request)->name;
	struct bud_event_search search = {
		body->id, body->source, body->from_ms, body->to_ms, bud_span(caller)};
	int r = err;

	if (err < 0) {
		bud_failure_reply(explaining->request, err);
		end(explaining);
		return;
	}
	r = value ? bud_lookup_load(&(struct bud_lookup_loading){desk->store,
					    (uint32_t)desk->config->delivery.timeout_ms, caller},
			    value, &explaining->subscription)
		  : -ENOENT;
	if (r < 0) {
		fail(explaining, r);
		return;
	}
	if (explaining->event) {
		look_up(explaining);
		return;
	}
	r = bud_event_search(desk, &search, on_event, explaining);
	if (r < 0)
		fail(explaining, r);
}

static void on_event(void *owner, int err, const struct bud_event_search_result *found)
{
	struct explaining *explaining = owner;

	if (err < 0) {
		bud_failure_reply(explaining->request, err);
		end(explaining);
		return;
	}
	if (!found->event) {
		bud_event_search_refuse(explaining->request, found->looked);
		end(explaining);
		return;
	}
	explaining->event = bud_event_ref(found->event);
	explaining->member = found->member;
	explaining->is_stored = true;
	look_up(explaining);
}

static void look_up(struct explaining *explaining)
{
	if (!bud_filter_has_unit(explaining->subscription->filter) ||
		bud_units_look_up(explaining->desk->reg, explaining->event, on_party, explaining))
		ask(explaining);
}

static void on_party(void *owner, enum bud_register_outcome outcome, const struct bud_party *party)
{
	struct explaining *explaining = owner;

	bud_units_know(explaining->event, outcome, party);
	ask(explaining);
}

/* The answer */

static void write_authorization(const struct explaining *explaining, struct bud_buffer *out)
{
	struct bud_question question;
	struct bud_ruling ruling;

	bud_question_of_event(explaining->event, bud_span(explaining->subscription->owner),
		BUD_ACTION_SUBSCRIBE, &question);
	question.now_ms = bud_clock_wall_ms();
	(void)bud_authorize(explaining->desk->authority, &question, &ruling);
	bud_buffer_format(out, ",\"authorization\":\"%s\",\"authorization_rule\":",
		bud_decision_word(ruling.decision));
	bud_buffer_json(out, bud_span(ruling.rule));
}

static void write_stored(const struct explaining *explaining, struct bud_buffer *out)
{
	char text[BUD_MEMBER_TEXT_BYTES];
	char stored[25];

	if (!explaining->is_stored)
		return;
	bud_member_write(&explaining->member, text);
	bud_clock_write((int64_t)explaining->member.ms, stored);
	bud_buffer_format(out, ",\"delivery\":\"%s\",\"stored\":\"%s\"", text, stored);
	/* The trace is a list of one. */
	bud_buffer_text(out, ",\"trace\":");
	bud_buffer_add(out, explaining->outcome.at + 1, explaining->outcome.len - 2);
}

/* What bounds its requests, as wished or granted, and until when that holds its lane up. */
static void write_limits(const struct explaining *explaining, struct bud_buffer *out)
{
	const struct bud_push_config *config = explaining->subscription->config;
	struct bud_lane_plan plan = bud_lane_plan_of(config, &explaining->subscription->status, 1);
	char until[25];
	const char *before = "";

	bud_buffer_text(out, ",\"limits\":{");
	if (plan.rate_per_s > 0) {
		bud_buffer_format(out, "\"rate_per_s\":%.15g", plan.rate_per_s);
		before = ",";
	}
	if (config->max_in_flight > 0) {
		bud_buffer_format(out, "%s\"max_in_flight\":%u", before, config->max_in_flight);
		before = ",";
	}
	if (explaining->held_until_ms > bud_clock_wall_ms()) {
		bud_clock_write(explaining->held_until_ms, until);
		bud_buffer_format(out, "%s\"held_until\":\"%s\",\"held_by\":\"%s\"", before, until,
			explaining->is_rest ? "rate" : "attempt");
	}
	bud_buffer_byte(out, '}');
}

static void answer(struct explaining *explaining)
{
	const struct bud_event *event = explaining->event;
	bud_auto(buffer) struct bud_buffer body = {0};

	bud_buffer_text(&body, "{\"event\":{\"id\":");
	bud_buffer_json(&body, event->id);
	bud_buffer_text(&body, ",\"source\":");
	bud_buffer_json(&body, event->source);
	bud_buffer_format(
		&body, "},\"subscription\":\"%s\",\"match\":", explaining->subscription->id);
	bud_explain(explaining->subscription, event, bud_clock_wall_ms(), &body);
	bud_unit_write(event, &body);
	write_authorization(explaining, &body);
	bud_buffer_text(&body, ",\"status\":");
	bud_status_write_api(explaining->subscription, bud_clock_wall_ms(), &body);
	write_stored(explaining, &body);
	write_limits(explaining, &body);
	if (explaining->endpoint.len > 0) {
		bud_buffer_text(&body, ",\"endpoint\":");
		bud_buffer_span(&body, bud_buffer_as_span(&explaining->endpoint));
	}
	bud_buffer_text(&body, ",\"pauses\":[");
	bud_buffer_span(&body, bud_buffer_as_span(&explaining->pauses));
	bud_buffer_text(&body, "]}");
	bud_reply(explaining->request, 200, "application/json", bud_buffer_as_span(&body));
}

static void note(struct explaining *explaining, int err)
{
	if (err < 0 && explaining->err == 0)
		explaining->err = err;
}

static void one_less(struct explaining *explaining)
{
	if (--explaining->n_waiting > 0)
		return;
	if (explaining->err < 0)
		bud_failure_reply(explaining->request, explaining->err);
	else
		answer(explaining);
	end(explaining);
}

static void on_traced(void *owner, int err, struct bud_span json)
{
	struct explaining *explaining = owner;

	note(explaining, err);
	bud_buffer_span(&explaining->outcome, json);
	one_less(explaining);
}

static void on_endpoint(void *owner, int err, const struct bud_endpoint_row *row)
{
	struct explaining *explaining = owner;

	if (row) {
		bud_buffer_clear(&explaining->endpoint);
		bud_endpoints_write(row, &explaining->endpoint);
		return;
	}
	note(explaining, err);
	one_less(explaining);
}

static void on_hold(void *owner, int err, int64_t until_ms, bool is_rest)
{
	struct explaining *explaining = owner;

	note(explaining, err);
	explaining->held_until_ms = until_ms;
	explaining->is_rest = is_rest;
	one_less(explaining);
}

static int ask_trace(struct explaining *explaining)
{
	struct bud_trace trace = {explaining->event, explaining->member, &explaining->target, 1};

	return bud_trace(explaining->desk, &trace, on_traced, explaining);
}

static void count(struct explaining *explaining, int r)
{
	note(explaining, r);
	explaining->n_waiting += r == 0;
}

static void ask(struct explaining *explaining)
{
	struct bud_store *store = explaining->desk->store;

	bud_endpoint_id_write(&store->shard->key, bud_span(explaining->subscription->owner),
		bud_span(explaining->subscription->sink), explaining->endpoint_id);
	/* Of an event that is given the member is none, and in an ordered lane its key may be. */
	bud_trace_target_set(&explaining->target, store->shard, explaining->subscription,
		explaining->event, &explaining->member);
	explaining->n_waiting = 1; /* this call */
	if (explaining->is_stored)
		count(explaining, ask_trace(explaining));
	count(explaining,
		bud_lane_hold(store, bud_span(explaining->target.lane), on_hold, explaining));
	count(explaining, bud_endpoint_state_get(store, bud_span(explaining->endpoint_id),
				  on_endpoint, explaining));
	count(explaining, bud_pauses_list(store, 0, on_pauses, explaining));
	one_less(explaining);
}

/* Pauses */

static bool is_rest(struct bud_span id, const char *prefix, struct bud_span rest)
{
	size_t len = strlen(prefix);

	return bud_span_starts(id, bud_span(prefix)) &&
	       bud_span_equals((struct bud_span){id.at + len, id.len - len}, rest);
}

static bool concerns(const struct explaining *explaining, struct bud_span id)
{
	bud_auto(buffer) struct bud_buffer host = {0};

	bud_host_write(bud_span(explaining->subscription->sink), &host);
	return bud_span_is(id, BUD_PAUSE_ALL) ||
	       is_rest(id, BUD_PAUSE_OWNER, bud_span(explaining->subscription->owner)) ||
	       is_rest(id, BUD_PAUSE_ENDPOINT, bud_span(explaining->endpoint_id)) ||
	       is_rest(id, BUD_PAUSE_HOST, bud_buffer_as_span(&host));
}

static void on_pauses(void *owner, int err, const struct bud_pauses *pauses)
{
	struct explaining *explaining = owner;
	int r = err;

	for (size_t i = 0; err == 0 && i < pauses->n; i++) {
		const struct bud_pause *pause = &pauses->at[i];
		if (pause->kind == BUD_PAUSE_ENDED || !concerns(explaining, pause->id))
			continue;
		if (explaining->pauses.len > 0)
			bud_buffer_byte(&explaining->pauses, ',');
		bud_pauses_write(pause, &explaining->pauses);
	}
	if (err == 0 && pauses->n == BUD_PAUSES_MAX) {
		r = bud_pauses_list(explaining->desk->store, pauses->after, on_pauses, explaining);
		if (r == 0)
			return;
	}
	note(explaining, r);
	one_less(explaining);
}
