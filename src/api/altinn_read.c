/* Altinn's queries: read and checked -> (a unit or person looked up) -> (the event found whose id
 * is given) -> a page is read (read/pull.h) -> answered.
 *
 * `after` is the id of an event, as Altinn has it, or a cursor of ours, as `next` has it: an id
 * need not be unique, and is looked for among the newest events only. One that may be older is
 * refused, or its client would be sent back to the beginning again and again. An alternative
 * subject comes in a header, which will not come again: `next` has the subject in its place, or,
 * where no event says it or it is a person's number, a whole cursor. */
#include <errno.h>
#include <stdlib.h>

#include "access/decision_point.h"
#include "access/register.h"
#include "api/altinn.h"
#include "api/altinn_answer.h"
#include "api/altinn_handlers.h"
#include "api/altinn_query.h"
#include "api/desk.h"
#include "api/failure.h"
#include "auth/authorize.h"
#include "auth/identity.h"
#include "config/config.h"
#include "core/clock.h"
#include "core/error.h"
#include "event/event.h"
#include "http/reply.h"
#include "http/request.h"
#include "read/cursor.h"
#include "read/find.h"
#include "read/pull.h"
#include "store/store.h"

/* Altinn's clients begin with it where there is no such event. */
#define FIRST_ID "1"

struct call {
	struct bud_altinn_api *api;
	struct bud_request *request;
	struct bud_altinn_query query;
	struct bud_pull_query pull;
};

static void look_up(struct call *call);
static void on_party(void *owner, enum bud_register_outcome outcome, const struct bud_party *party);
static void begin_page(struct call *call);
static void on_found(void *owner, int err, uint64_t position);
static void read_page(struct call *call);
static void on_page(void *owner, int err, const struct bud_pull_page *page);

static void end(struct call *call)
{
	bud_altinn_query_finish(&call->query);
	free(call);
}

static void fail(struct call *call, int err)
{
	if (err == -EOPNOTSUPP)
		bud_altinn_answer_problem(call->request, 501,
			"Events are not indexed by what is asked for: an operator can turn that on "
			"with the settings pull.enabled, pull.resource, pull.subject.");
	else if (err == -EBUSY || err == -ETIMEDOUT)
		bud_failure_reply_unavailable(call->request,
			err == -EBUSY ? "too many others read events"
				      : "it is not known yet whether the next event may be read");
	else
		bud_failure_reply(call->request, err);
	end(call);
}

static void refuse(struct call *call, const char *detail)
{
	bud_altinn_answer_problem(call->request, 400, detail);
	end(call);
}

static void handle(
	struct bud_altinn_api *api, struct bud_request *request, enum bud_altinn_query_kind kind)
{
	struct call *call = bud_new(struct call);
	struct bud_error error = {0};

	call->api = api;
	call->request = request;
	if (bud_altinn_query_parse(&call->query, kind, request, &error) < 0) {
		refuse(call, error.text);
		return;
	}
	look_up(call);
}

void bud_altinn_handle_events(void *context, struct bud_request *request)
{
	handle(context, request, BUD_ALTINN_QUERY_EVENTS);
}

void bud_altinn_handle_party(void *context, struct bud_request *request)
{
	handle(context, request, BUD_ALTINN_QUERY_PARTY);
}

void bud_altinn_handle_org(void *context, struct bud_request *request)
{
	if (bud_altinn_is_org(bud_request_identity(request)))
		handle(context, request, BUD_ALTINN_QUERY_ORG);
	else
		bud_altinn_answer_text(request, 401, "Only orgs can call this api");
}

static void look_up(struct call *call)
{
	const struct bud_altinn_query *query = &call->query;
	struct bud_register_question question = {.what = BUD_PARTY_WHO};
	bud_auto(buffer) struct bud_buffer identifier = {0};
	enum bud_register_outcome outcome;
	struct bud_party party;

	if (!query->unit.at && !query->person.at) {
		begin_page(call);
		return;
	}
	bud_buffer_text(&identifier, query->unit.at ? "/organisation/" : "/person/");
	bud_buffer_span(&identifier, query->unit.at ? query->unit : query->person);
	question.identifier = bud_buffer_as_span(&identifier);
	outcome = bud_register_ask(call->api->desk->reg, &question, on_party, call, &party);
	explicit_bzero(identifier.at, identifier.len);
	if (outcome != BUD_REGISTER_ASKED)
		on_party(call, outcome, &party);
}

static void on_party(void *owner, enum bud_register_outcome outcome, const struct bud_party *party)
{
	struct call *call = owner;

	if (outcome == BUD_REGISTER_FOUND) {
		bud_altinn_query_set_party(&call->query, party->id);
		begin_page(call);
		return;
	}
	if (outcome == BUD_REGISTER_NONE)
		bud_altinn_answer_problem(
			call->request, 404, "The register knows no such unit or person.");
	else
		bud_failure_reply_unavailable(
			call->request, "the register of parties does not answer");
	end(call);
}

/* The one question: may who asks read this event? */
static enum bud_decision may_read(void *owner, const struct bud_event *event)
{
	struct call *call = owner;
	const struct bud_identity *identity = bud_request_identity(call->request);
	struct bud_question question;
	enum bud_decision decision;

	bud_question_of_event(event, bud_span(identity->name), BUD_ACTION_READ, &question);
	question.identity = identity;
	question.now_ms = bud_clock_wall_ms();
	decision = bud_authorize(call->api->desk->authority, &question, NULL);
	if (decision == BUD_DECISION_LATER && call->api->desk->point)
		(void)bud_decision_point_want(call->api->desk->point, &question);
	return decision;
}

static int make_key(struct call *call)
{
	const struct bud_api_desk *desk = call->api->desk;
	enum bud_index_kind kind;
	int r = bud_altinn_query_choose(
		&call->query, bud_pull_kinds(desk->pull), &kind, &call->pull.filter);

	if (r == 0)
		bud_index_key_make(desk->store->shard, kind, call->pull.filter.attributes[kind],
			&call->pull.key);
	return r;
}

/* Where `after` says it: behind a position that `next` told. */
static bool read_cursor(struct call *call)
{
	const struct bud_shard *shard = call->api->desk->store->shard;
	struct bud_pull_query *pull = &call->pull;
	struct bud_span after = call->query.after;

	return bud_cursor_parse(shard, &pull->key, after, &pull->after) == 0 ||
	       bud_cursor_parse_whole(shard, after, &pull->key, &pull->after) == 0;
}

static void begin_page(struct call *call)
{
	struct bud_store *store = call->api->desk->store;
	struct bud_span after = call->query.after;
	int r = make_key(call);

	call->pull.size = call->query.size;
	call->pull.may_read = may_read;
	call->pull.may_owner = call;
	if (r < 0) {
		fail(call, r);
		return;
	}
	if (!after.at || bud_span_is(after, "0") || read_cursor(call)) {
		read_page(call);
		return;
	}
	if (bud_cursor_has_form(after)) {
		refuse(call, "The value of 'after' is a cursor of another query: it goes with the "
			     "query of the `next` that had it.");
		return;
	}
	r = bud_find(store, &call->pull.key, after, on_found, call);
	if (r < 0)
		fail(call, r);
}

static void refuse_old(struct call *call)
{
	bud_auto(buffer) struct bud_buffer text = {0};

	bud_buffer_format(&text,
		"The id in 'after' is older than the newest %u events of the query, or unknown: "
		"follow `next`, which goes on from anywhere.",
		BUD_FIND_ENTRIES_MAX);
	refuse(call, text.at);
}

static void on_found(void *owner, int err, uint64_t position)
{
	struct call *call = owner;

	if (err == -ERANGE && !bud_span_is(call->query.after, FIRST_ID)) {
		refuse_old(call);
		return;
	}
	if (err < 0 && err != -ERANGE) {
		fail(call, err);
		return;
	}
	call->pull.after = position; /* an unknown id: from the first, as in Altinn */
	read_page(call);
}

static void read_page(struct call *call)
{
	int r = bud_pull_read(call->api->desk->pull, &call->pull, on_page, call);

	if (r < 0)
		fail(call, r);
}

/* A person's number is not for URLs, which are logged wherever they pass. */
static bool names_person(struct bud_span subject)
{
	return bud_span_starts(subject, bud_span("/person/")) || bud_party_is_person(subject);
}

/* The subject stands for an alternative one from now on. False: no event says it. */
static bool put_subject(struct call *call, const struct bud_pull_page *page)
{
	call->query.alternative_subject = (struct bud_span){0};
	if (page->n > 0 && !names_person(page->events[0]->subject))
		call->query.subject = page->events[0]->subject;
	return call->query.subject.at && make_key(call) == 0;
}

/* A page of nothing but what may not be read has a next one, too, or a reader would stay before it
 * for ever. */
static void add_next(struct call *call, const struct bud_pull_page *page)
{
	const struct bud_shard *shard = call->api->desk->store->shard;
	struct bud_index_key key = call->pull.key;
	char cursor[BUD_CURSOR_WHOLE_BYTES];
	bud_auto(buffer) struct bud_buffer next = {0};
	bool is_indexed = key.kind == BUD_INDEX_ALTERNATIVESUBJECT;

	if (page->n == 0 && !page->has_more)
		return;
	if (!is_indexed && !call->query.alternative_subject.at)
		bud_cursor_write(shard, &key, page->position, cursor);
	else if (put_subject(call, page))
		bud_cursor_write(shard, &call->pull.key, page->position, cursor);
	else if (is_indexed)
		bud_cursor_write_whole(shard, &key, page->position, cursor);
	else
		return;
	bud_altinn_write_base(call->api->desk->config, call->request, &next);
	bud_altinn_query_write_next(&call->query, cursor, call->request, &next);
	bud_reply_header(call->request, "next", next.at);
}

static void on_page(void *owner, int err, const struct bud_pull_page *page)
{
	struct call *call = owner;
	bool is_app = call->query.kind != BUD_ALTINN_QUERY_EVENTS;
	bud_auto(buffer) struct bud_buffer body = {0};

	if (err < 0) {
		fail(call, err);
		return;
	}
	bud_buffer_byte(&body, '[');
	for (size_t i = 0; i < page->n; i++) {
		if (i > 0)
			bud_buffer_byte(&body, ',');
		bud_buffer_span(&body, page->events[i]->bytes);
	}
	bud_buffer_byte(&body, ']');
	add_next(call, page);
	bud_reply_header(call->request, "Cache-Control", "no-store");
	bud_reply(call->request, 200, is_app ? "application/json" : "application/cloudevents+json",
		bud_buffer_as_span(&body));
	end(call);
}
