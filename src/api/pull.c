/* GET /events: query -> cursor -> a page is read (read/pull.h), which may wait -> answered, with
 * the cursor to go on from in any case. */
#include "api/pull.h"

#include <errno.h>
#include <stdlib.h>

#include "access/decision_point.h"
#include "access/refusal.h"
#include "api/altinn_answer.h"
#include "api/altinn_handlers.h"
#include "api/desk.h"
#include "api/failure.h"
#include "api/instance_guard.h"
#include "api/pull_query.h"
#include "auth/authorize.h"
#include "auth/identity.h"
#include "auth/instance_token.h"
#include "auth/need.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/metrics.h"
#include "event/event.h"
#include "http/reply.h"
#include "http/request.h"
#include "read/cursor.h"
#include "read/pull.h"
#include "store/store.h"

struct asking {
	struct bud_api_desk *desk;
	struct bud_request *request;
	struct bud_pull_ask ask;
	struct bud_pull_query query;
	bool is_altinn; /* which looks for `next` */
};

static void handle_events(void *context, struct bud_request *request);
static void handle_instance(void *context, struct bud_request *request);

/* An instance of an app is called by two segments. */
#define INSTANCE "instanceeventsforinstance/{instance}"
/* Of a POST, which says nothing in it. */
#define BODY_BYTES_MAX 1024

const struct bud_route bud_pull_routes[] = {
	{"GET", "/events", handle_events, 0, BUD_NEED_READ},
	{"GET", "/events/" INSTANCE, handle_instance, 0, BUD_NEED_READ},
	{"POST", "/events/" INSTANCE, handle_instance, BODY_BYTES_MAX, BUD_NEED_READ},
	{"GET", "/events/" INSTANCE "/{id}", handle_instance, 0, BUD_NEED_READ},
	{"POST", "/events/" INSTANCE "/{id}", handle_instance, BODY_BYTES_MAX, BUD_NEED_READ},
	{"GET", BUD_ALTINN_BASE "/" INSTANCE, handle_instance, 0, BUD_NEED_READ},
	{"POST", BUD_ALTINN_BASE "/" INSTANCE, handle_instance, BODY_BYTES_MAX, BUD_NEED_READ},
	{"GET", BUD_ALTINN_BASE "/" INSTANCE "/{id}", handle_instance, 0, BUD_NEED_READ},
	{"POST", BUD_ALTINN_BASE "/" INSTANCE "/{id}", handle_instance, BODY_BYTES_MAX,
		BUD_NEED_READ},
	{"GET", BUD_ALTINN_BASE "/events/" INSTANCE, handle_instance, 0, BUD_NEED_READ},
	{"POST", BUD_ALTINN_BASE "/events/" INSTANCE, handle_instance, BODY_BYTES_MAX,
		BUD_NEED_READ},
	{"GET", BUD_ALTINN_BASE "/events/" INSTANCE "/{id}", handle_instance, 0, BUD_NEED_READ},
	{"POST", BUD_ALTINN_BASE "/events/" INSTANCE "/{id}", handle_instance, BODY_BYTES_MAX,
		BUD_NEED_READ},
};
const size_t bud_pull_routes_n = sizeof(bud_pull_routes) / sizeof(bud_pull_routes[0]);

bool bud_pull_takes_instance_tokens(const struct bud_route *route)
{
	return route >= bud_pull_routes && route < bud_pull_routes + bud_pull_routes_n;
}

/* Whoever made the token shows what is its own. */
static bool is_makers(const struct asking *asking, const struct bud_question *question)
{
	char owner[BUD_OWNER_BYTES];

	return bud_span_equals(question->publisher, question->who) ||
	       (bud_authority_owner_of(asking->desk->authority, question->resource, owner) &&
		       bud_span_is(question->who, owner));
}

/* The one question: may who asks read this event, or who made the token? What only the decision
 * point can say is filed with it; the page asks again soon. */
static enum bud_decision may_read(void *owner, const struct bud_event *event)
{
	struct asking *asking = owner;
	const struct bud_identity *identity = bud_request_identity(asking->request);
	const struct bud_instance_token *token = bud_request_instance_token(asking->request);
	struct bud_question question;
	enum bud_decision decision;

	bud_question_of_event(
		event, bud_span(token ? token->maker : identity->name), BUD_ACTION_READ, &question);
	question.identity = token ? NULL : identity;
	question.now_ms = bud_clock_wall_ms();
	if (token && !is_makers(asking, &question))
		return BUD_DECISION_DENY;
	decision = bud_authorize(asking->desk->authority, &question, NULL);
	if (decision == BUD_DECISION_LATER && asking->desk->point)
		(void)bud_decision_point_want(asking->desk->point, &question);
	return decision;
}

static bool has_left(void *owner)
{
	const struct asking *asking = owner;

	return bud_request_has_ended(asking->request);
}

static void end(struct asking *asking)
{
	bud_pull_ask_finish(&asking->ask);
	free(asking);
}

static void refuse(struct asking *asking, int err, const struct bud_error *error)
{
	struct bud_error text;

	if (err == -EOPNOTSUPP) {
		(void)bud_error_set(&text, NULL,
			"events are not indexed by what is asked for: an operator can turn that "
			"on with the settings pull.enabled, pull.resource, …");
		bud_reply_problem(
			asking->request, 501, "not-indexed", "Cannot be read back", &text);
	} else {
		bud_reply_problem(asking->request, 400, "bad-query", "Bad query", error);
	}
	end(asking);
}

static void fail(struct asking *asking, int err)
{
	if (err == -EBUSY)
		bud_failure_reply_unavailable(
			asking->request, "too many others read or wait for events");
	else if (err == -ETIMEDOUT)
		bud_failure_reply_unavailable(
			asking->request, "it is not known yet whether the next event may be read");
	else
		bud_failure_reply(asking->request, err);
	end(asking);
}

static int read_cursor(struct asking *asking, struct bud_error *error)
{
	const struct bud_shard *shard = asking->desk->store->shard;
	struct bud_pull_ask *ask = &asking->ask;

	bud_index_key_make(shard, ask->kind, ask->value, &asking->query.key);
	if (!ask->after.at ||
		bud_cursor_parse(shard, &asking->query.key, ask->after, &asking->query.after) == 0)
		return 0;
	return bud_error_set(error, "after",
		"after must be as an answer of ours had it, for the same %s",
		bud_index_kind_word(ask->kind));
}

/* In lines a raw line break, which is a blank in JSON, must be another one. */
static void add_event(struct bud_buffer *body, struct bud_span bytes, bool is_line)
{
	size_t from = body->len;

	bud_buffer_span(body, bytes);
	for (size_t i = from; is_line && i < body->len; i++)
		if (body->at[i] == '\n' || body->at[i] == '\r')
			body->at[i] = ' ';
}

static void write_body(const struct bud_pull_page *page, enum bud_pull_format format,
	const char *cursor, struct bud_buffer *body)
{
	if (format != BUD_PULL_LINES)
		bud_buffer_text(body, format == BUD_PULL_JSON ? "{\"items\":[" : "[");
	for (size_t i = 0; i < page->n; i++) {
		if (i > 0 && format != BUD_PULL_LINES)
			bud_buffer_byte(body, ',');
		add_event(body, page->events[i]->bytes, format == BUD_PULL_LINES);
		if (format == BUD_PULL_LINES)
			bud_buffer_byte(body, '\n');
	}
	if (format != BUD_PULL_LINES)
		bud_buffer_byte(body, ']');
	if (format == BUD_PULL_JSON)
		bud_buffer_format(body, ",\"after\":\"%s\",\"more\":%s}", cursor,
			page->has_more ? "true" : "false");
}

/* As Altinn's other queries have it: absolute, and none behind the last event. */
static void add_next(
	const struct asking *asking, const struct bud_pull_page *page, const char *cursor)
{
	bud_auto(buffer) struct bud_buffer next = {0};

	if (page->n == 0 && !page->has_more)
		return;
	bud_altinn_write_base(asking->desk->config, asking->request, &next);
	bud_pull_write_next_path(&next, asking->request, cursor);
	bud_reply_header(asking->request, "next", next.at);
}

static void on_page(void *owner, int err, const struct bud_pull_page *page)
{
	static const char *const types[] = {
		[BUD_PULL_JSON] = "application/json",
		[BUD_PULL_LINES] = "application/x-ndjson",
		[BUD_PULL_BATCH] = "application/cloudevents-batch+json",
	};
	bud_auto(buffer) struct bud_buffer body = {0};
	bud_auto(buffer) struct bud_buffer link = {0};
	struct asking *asking = owner;
	struct bud_request *request = asking->request;
	char cursor[BUD_CURSOR_TEXT_BYTES];

	if (err < 0) {
		fail(asking, err);
		return;
	}
	bud_cursor_write(asking->desk->store->shard, &asking->query.key, page->position, cursor);
	write_body(page, asking->ask.format, cursor, &body);
	bud_pull_write_next(&link, request, cursor);
	bud_reply_header(request, "Link", link.at);
	if (asking->is_altinn)
		add_next(asking, page, cursor);
	bud_reply_header(request, "Cache-Control", "no-store");
	bud_reply(request, 200, types[asking->ask.format], bud_buffer_as_span(&body));
	end(asking);
}

/* With an instance token only its instance is read. */
static bool is_open_to(const struct asking *asking)
{
	const struct bud_instance_token *token = bud_request_instance_token(asking->request);

	return !token || (asking->ask.kind == BUD_INDEX_RESOURCEINSTANCE &&
				 bud_span_is(asking->ask.value, token->instance));
}

static void refuse_instance(struct asking *asking)
{
	struct bud_error error;

	bud_metrics_add(asking->desk->metrics, BUD_COUNTER_INSTANCE_REFUSED, 1);
	(void)bud_error_set(&error, "resourceinstance",
		"this token opens one resourceinstance, and not what is asked for");
	bud_refusal_reply(asking->request, "", &error);
	end(asking);
}

/* `r` and `error`: of the query. */
static void read_page(struct asking *asking, int r, struct bud_error *error)
{
	struct bud_pull_query *query = &asking->query;

	if (r == 0)
		r = read_cursor(asking, error);
	if (r < 0) {
		refuse(asking, r, error);
		return;
	}
	if (!is_open_to(asking)) {
		refuse_instance(asking);
		return;
	}
	query->size = asking->ask.size;
	query->wait_ms = asking->ask.wait_ms;
	query->filter = asking->ask.filter;
	query->may_read = may_read;
	query->has_left = has_left;
	query->may_owner = asking;
	r = bud_pull_read(asking->desk->pull, query, on_page, asking);
	if (r < 0)
		fail(asking, r);
}

static struct asking *create(void *context, struct bud_request *request)
{
	struct asking *asking = bud_new(struct asking);

	asking->desk = context;
	asking->request = request;
	return asking;
}

static void handle_events(void *context, struct bud_request *request)
{
	struct asking *asking = create(context, request);
	struct bud_error error = {0};
	int r = bud_pull_ask_parse(
		&asking->ask, request, bud_pull_kinds(asking->desk->pull), &error);

	read_page(asking, r, &error);
}

static void handle_instance(void *context, struct bud_request *request)
{
	struct asking *asking = create(context, request);
	bud_auto(buffer) struct bud_buffer instance = {0};
	struct bud_error error = {0};
	int r;

	asking->is_altinn = true;
	for (size_t i = 0; i < request->n_parameters; i++) {
		if (i > 0)
			bud_buffer_byte(&instance, '/');
		bud_buffer_span(&instance, request->parameters[i]);
	}
	r = bud_pull_ask_parse_instance(&asking->ask, bud_buffer_as_span(&instance), request,
		bud_pull_kinds(asking->desk->pull), &error);
	read_page(asking, r, &error);
}
