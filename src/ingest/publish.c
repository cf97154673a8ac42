/* A publish: reading its events and answering it. */
#include "ingest/publish.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "access/decision_point.h"
#include "access/refusal.h"
#include "auth/authorize.h"
#include "auth/identity.h"
#include "core/clock.h"
#include "core/error.h"
#include "event/batch.h"
#include "event/binary.h"
#include "event/envelope.h"
#include "event/hops.h"
#include "event/mode.h"
#include "event/notice.h"
#include "http/reply.h"
#include "http/request.h"

/* Whoever could write our notices could tell lies about subscriptions. */
static int refuse_notice(const struct bud_publish *publish, struct bud_error *error)
{
	char member[BUD_ERROR_MEMBER_MAX] = "type";

	if (publish->is_batch)
		snprintf(member, sizeof(member), "events[%zu].type", publish->n);
	return bud_error_set(error, member,
		"%s: types that begin with " BUD_NOTICE_PREFIX " are this server's own", member);
}

/* The bytes to store, with how far they have come. What was prepared for them stays: an event that
 * has gone in a circle is a duplicate of the one that was published. */
static int count_hops(struct bud_publish *publish, const struct bud_envelope *envelope,
	struct bud_append_event *event, struct bud_error *error)
{
	size_t before = publish->counted.len;
	int r;

	if (publish->hops == 0)
		return 0;
	r = bud_hops_write(envelope, publish->hops, &publish->counted, error);
	if (r == 0)
		event->bytes = (struct bud_span){
			publish->counted.at + before, publish->counted.len - before};
	return r;
}

static int read_hops(struct bud_publish *publish, struct bud_error *error)
{
	struct bud_span value = bud_request_header(publish->request, BUD_HOPS_HEADER);

	return value.at ? bud_hops_parse(value, &publish->hops, error) : 0;
}

/* Room for all at once, so that none moves when the next is written: an event has more
 * than three times as many bytes as its count takes. */
static void make_room(struct bud_publish *publish, struct bud_span json)
{
	if (publish->hops > 0)
		bud_buffer_reserve(&publish->counted, json.len + json.len / 3 + BUD_HOPS_ROOM);
}

static void on_decided(void *owner)
{
	struct bud_publish *publish = owner;

	if (--publish->n_asking == 0)
		publish->again(publish);
}

static int authorize(struct bud_publish *publish, const struct bud_envelope *envelope,
	const struct bud_identity *identity, struct bud_error *error)
{
	const struct bud_attribute *resource = bud_envelope_find(envelope, bud_span("resource"));
	struct bud_question question = {
		.action = BUD_ACTION_PUBLISH,
		.who = bud_span(identity->name),
		.identity = identity,
		.publisher = bud_span(identity->name),
		.resource = resource ? resource->value : bud_span(""),
		.type = envelope->type,
		.subject = envelope->subject.at ? envelope->subject : bud_span(""),
		.now_ms = bud_clock_wall_ms(),
	};

	enum bud_decision decision = bud_authorize(publish->authority, &question, &publish->ruling);

	if (decision == BUD_DECISION_PERMIT)
		return 0;
	if (decision == BUD_DECISION_LATER && publish->point && !publish->was_asking &&
		bud_decision_point_ask(publish->point, &question, on_decided, publish) == 0) {
		publish->n_asking++;
		return 0;
	}
	bud_refusal_text(&question, &publish->ruling, error);
	return publish->ruling.decision == BUD_DECISION_LATER ? -EAGAIN : -EACCES;
}

static int add_event(struct bud_publish *publish, const struct bud_shard *shard,
	const struct bud_envelope *envelope, struct bud_error *error)
{
	struct bud_append_key key = {
		.source = envelope->source,
		.id = envelope->id,
		.order = envelope->partitionkey.at ? envelope->partitionkey : envelope->subject,
	};
	struct bud_append_event *event;

	const struct bud_identity *identity = publish->publisher;
	int r = 0;

	if (bud_notice_is_ours(envelope->type))
		return refuse_notice(publish, error);
	if (!publish->is_permitted && !bud_authority_is_open(publish->authority))
		r = authorize(publish, envelope, identity, error);
	if (r < 0)
		return r;
	if (publish->n == publish->room) {
		publish->room = publish->room ? publish->room * 4 : 1;
		publish->events =
			bud_realloc(publish->events, publish->room * sizeof(*publish->events));
	}
	event = &publish->events[publish->n++];
	bud_append_prepare(shard, &key, bud_span(identity->name), envelope->json, event);
	if (publish->index_kinds)
		event->index_n =
			bud_index_keys_of(shard, publish->index_kinds, envelope, event->index);
	return count_hops(publish, envelope, event, error);
}

/* An event of which no header tells: most likely JSON under another name, as curl has it. */
static bool lacks_headers(const struct bud_request *request)
{
	for (size_t i = 0; i < request->n_headers; i++)
		if (bud_span_starts_nocase(request->headers[i].name, "ce-"))
			return false;
	return true;
}

static int refuse_headerless(struct bud_error *error)
{
	return bud_error_set(error, "content-type",
		"no ce- header tells of the event; one that is whole in its body comes as "
		"application/cloudevents+json, several as application/cloudevents-batch+json");
}

static int read_one(struct bud_publish *publish, const struct bud_shard *shard,
	struct bud_envelope *envelope, struct bud_error *error)
{
	struct bud_request *request = publish->request;
	struct bud_span json = request->body;
	int r = 0;

	if (bud_mode_of(request->content_type) == BUD_MODE_BINARY) {
		struct bud_binary binary = {
			.headers = request->headers,
			.headers_n = request->n_headers,
			.content_type = request->content_type,
			.body = request->body,
		};
		r = lacks_headers(request) ? refuse_headerless(error)
					   : bud_binary_write(&binary, &publish->json, error);
		json = bud_buffer_as_span(&publish->json);
	}
	make_room(publish, json);
	if (r == 0)
		r = bud_envelope_scan(envelope, json, error);
	if (r == 0)
		r = add_event(publish, shard, envelope, error);
	return r;
}

static int read_batch(struct bud_publish *publish, const struct bud_shard *shard,
	struct bud_envelope *envelope, struct bud_error *error)
{
	struct bud_batch batch;
	int r;

	publish->is_batch = true;
	make_room(publish, publish->request->body);
	bud_batch_init(&batch, publish->request->body);
	while ((r = bud_batch_next(&batch, envelope, error)) == 1) {
		r = add_event(publish, shard, envelope, error);
		if (r < 0)
			break;
	}
	return r;
}

static int read_taken(struct bud_publish *publish, const struct bud_shard *shard,
	struct bud_envelope *envelope, struct bud_error *error)
{
	int r;

	make_room(publish, bud_buffer_as_span(&publish->taken));
	r = bud_envelope_scan(envelope, bud_buffer_as_span(&publish->taken), error);
	return r < 0 ? r : add_event(publish, shard, envelope, error);
}

/* Of compressed bytes only JSON would be found out; others would be delivered as what they are not,
 * since no attribute says how they are coded. */
static int check_coding(const struct bud_request *request, struct bud_error *error)
{
	struct bud_span coding = bud_request_header(request, "Content-Encoding");

	if (coding.len == 0 || bud_span_is_nocase(coding, "identity"))
		return 0;
	bud_error_set(error, "content-encoding",
		"compressed bodies are not read here; send it as it is, without Content-Encoding");
	return -ENOTSUP;
}

static int read_request(struct bud_publish *publish, const struct bud_shard *shard,
	struct bud_envelope *envelope, struct bud_error *error)
{
	int r = check_coding(publish->request, error);

	if (r < 0)
		return r;
	switch (bud_mode_of(publish->request->content_type)) {
	case BUD_MODE_BINARY:
	case BUD_MODE_STRUCTURED:
		r = read_one(publish, shard, envelope, error);
		break;
	case BUD_MODE_BATCH:
		r = read_batch(publish, shard, envelope, error);
		break;
	case BUD_MODE_UNSUPPORTED:
		r = -ENOTSUP;
		bud_error_set(error, "content-type",
			"this format of CloudEvents is not read here; send "
			"application/cloudevents+json, application/cloudevents-batch+json, or "
			""
			"binary "
			"mode with ce- headers, in UTF-8");
		break;
	}
	return r;
}

int bud_publish_read(struct bud_publish *publish, const struct bud_shard *shard,
	struct bud_envelope *envelope, struct bud_error *error)
{
	int r = read_hops(publish, error);

	if (r == 0)
		r = publish->fn ? read_taken(publish, shard, envelope, error)
				: read_request(publish, shard, envelope, error);

	if (r == 0 && publish->n > 0)
		publish->results = bud_alloc_zero(publish->n);
	return r;
}

int bud_publish_read_again(struct bud_publish *publish, const struct bud_shard *shard,
	struct bud_envelope *envelope, struct bud_error *error)
{
	publish->was_asking = true;
	publish->n = 0;
	bud_buffer_clear(&publish->json);
	bud_buffer_clear(&publish->counted);
	free(bud_move(publish->results));
	return bud_publish_read(publish, shard, envelope, error);
}

void bud_publish_destroy(struct bud_publish *publish)
{
	bud_buffer_finish(&publish->json);
	bud_buffer_finish(&publish->taken);
	bud_buffer_finish(&publish->counted);
	free(publish->events);
	free(publish->results);
	free(publish);
}

/* Names each event that was refused: its place in the batch, its source and its id. */
static void write_conflicts(const struct bud_publish *publish, struct bud_buffer *out)
{
	struct bud_envelope envelope;
	const char *comma = "";

	bud_envelope_init(&envelope);
	bud_buffer_text(out, "\"conflicts\":[");
	for (size_t i = 0; i < publish->n; i++) {
		if (publish->results[i] != BUD_APPEND_CONFLICT ||
			bud_envelope_scan_stored(&envelope, publish->events[i].bytes) < 0)
			continue;
		bud_buffer_format(out, "%s{\"index\":%zu,\"source\":", comma, i);
		bud_buffer_json(out, envelope.source);
		bud_buffer_text(out, ",\"id\":");
		bud_buffer_json(out, envelope.id);
		bud_buffer_byte(out, '}');
		comma = ",";
	}
	bud_buffer_byte(out, ']');
	bud_envelope_finish(&envelope);
}

static void answer_conflict(struct bud_publish *publish)
{
	bud_auto(buffer) struct bud_buffer body = {0};
	struct bud_error error;

	bud_error_set(&error, "id",
		"an event with this source and id and other content was accepted before; "
		"a new event needs a new id");
	bud_reply_write_problem(
		&body, 409, "conflict", "The event was published with other content", &error);
	body.len--; /* before the closing brace */
	bud_buffer_byte(&body, ',');
	write_conflicts(publish, &body);
	bud_buffer_byte(&body, '}');
	bud_reply(publish->request, 409, "application/problem+json", bud_buffer_as_span(&body));
}

static const char *reason_of(int err)
{
	switch (err) {
	case -ENOSPC:
		return "the store is full; what was accepted goes on being delivered";
	case -ENOTCONN:
		return "the store did not answer";
	case -ENOENT:
		return "a part of the store is gone; an operator must look";
	default:
		return "the store is not ready";
	}
}

static void answer_unavailable(struct bud_publish *publish)
{
	bool is_known = publish->n_stored == 0 && !publish->is_lost;
	struct bud_error error;

	bud_error_set(&error, NULL, "%s; %s", reason_of(publish->err),
		is_known ? "nothing of this request was accepted. Send it again later"
			 : "a part of this request may have been accepted. Send the same again: "
			   "what was accepted is counted as a duplicate, not delivered twice");
	bud_reply_header(publish->request, "Retry-After", publish->err == -ENOSPC ? "5" : "1");
	bud_reply_problem(publish->request, 503, "unavailable", "Not accepted now", &error);
}

void bud_publish_answer(struct bud_publish *publish, const char *durability)
{
	bud_auto(buffer) struct bud_buffer body = {0};

	if (publish->err < 0) {
		answer_unavailable(publish);
	} else if (publish->n_conflicts > 0 && publish->n_stored == 0) {
		answer_conflict(publish);
	} else {
		bud_buffer_format(&body, "{\"accepted\":%zu,\"duplicates\":%zu,", publish->n_stored,
			publish->n_duplicates);
		if (publish->n_conflicts > 0) {
			write_conflicts(publish, &body);
			bud_buffer_byte(&body, ',');
		}
		bud_buffer_format(&body, "\"durability\":\"%s\"}", durability);
		bud_reply(publish->request, 202, "application/json", bud_buffer_as_span(&body));
	}
	bud_publish_destroy(publish);
}

void bud_publish_tell(struct bud_publish *publish, const struct bud_error *error)
{
	enum bud_ingest_outcome outcome = BUD_INGEST_STORED;

	if (publish->n_duplicates > 0)
		outcome = BUD_INGEST_DUPLICATE;
	else if (publish->n_conflicts > 0)
		outcome = BUD_INGEST_CONFLICT;
	publish->fn(publish->owner, publish->err, outcome, error);
	bud_publish_destroy(publish);
}

void bud_publish_refuse(struct bud_publish *publish, int err, const struct bud_error *error)
{
	struct bud_request *request = publish->request;

	if (err == -ELOOP) {
		bud_reply_problem(
			request, 409, "loop", "An event that goes round in circles", error);
	} else if (err == -EACCES) {
		bud_refusal_reply(request, publish->ruling.scope, error);
	} else if (err == -EAGAIN) {
		bud_reply_header(request, "Retry-After", "1");
		bud_reply_problem(request, 503, "unavailable", "Not accepted now", error);
	} else if (err == -E2BIG) {
		bud_reply_problem(request, 413, "too-large", "Too much at once", error);
	} else if (err == -ENOTSUP) {
		bud_reply_problem(
			request, 415, "unsupported-media-type", "Not a format read here", error);
	} else {
		bud_reply_problem(request, 400, "invalid-event", "Not a valid CloudEvent", error);
	}
	bud_publish_destroy(publish);
}
