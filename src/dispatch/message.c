/* Messages. The body of structured mode is the event as it was stored, byte for byte; other modes
 * and signatures longer than plain v1 have memory of their own for the time of the attempt. */
#include "dispatch/message.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/hash.h"
#include "crypto/signer.h"
#include "dispatch/delivery.h"
#include "dispatch/receiver.h"
#include "event/content.h"
#include "event/event.h"
#include "event/hops.h"
#include "fetch/fetch.h"
#include "fetch/target.h"

#define ID_NAME        "webhook-id: "
#define TIMESTAMP_NAME "webhook-timestamp: "
#define TRACE_NAME     "traceparent: "
/* So that a receiver that keeps ids can tell a replay from a repetition. */
#define REPLAY_LINE     "webhook-replay: true"
#define STRUCTURED_TYPE "application/cloudevents+json"

/* What plain structured v1 does without. */
struct bud_message_extra {
	struct bud_content content;
	char *signature_text;
	const char **headers;
};

void bud_message_finish(struct bud_delivery *delivery)
{
	struct bud_message_extra *extra = delivery->extra;

	if (!extra)
		return;
	bud_content_finish(&extra->content);
	free(extra->signature_text);
	free(extra->headers);
	free(extra);
	delivery->extra = NULL;
}

static char *write_hex(char *to, uint64_t number)
{
	static const char digits[] = "0123456789abcdef";

	for (int shift = 60; shift >= 0; shift -= 4)
		*to++ = digits[(number >> shift) & 15];
	return to;
}

static void write_id_text(char *to, struct bud_hash_128 hash)
{
	memcpy(to, ID_NAME "msg_", sizeof(ID_NAME "msg_"));
	to = write_hex(to + sizeof(ID_NAME "msg_") - 1, hash.high);
	*write_hex(to, hash.low) = '\0';
}

/* From the event's identity and the subscription, so that it is the same over attempts, nodes and
 * restarts; "msg_" and 32 hex digits, no dot (Standard Webhooks 1.0.0: the id is signed). */
static void write_id(const struct bud_hash_key *key, struct bud_delivery *delivery)
{
	const struct bud_event *event = delivery->event;
	struct bud_span parts[] = {
		event->owner, event->source, event->id, bud_span(delivery->receiver->id)};

	write_id_text(delivery->id_line, bud_hash_128(key, parts, 4));
}

/* Of all its members' ids in their order: a batch that is tried again is seldom the same one, and
 * then has another id; receivers know its events by theirs. */
static void write_batch_id(const struct bud_hash_key *key, const struct bud_batch *batch)
{
	struct bud_span *parts = bud_alloc(batch->n * sizeof(*parts));
	struct bud_delivery *first = batch->members[0];
	struct bud_hash_128 hash;

	for (size_t i = 0; i < batch->n; i++) {
		write_id(key, batch->members[i]);
		parts[i] = bud_span(batch->members[i]->id_line);
	}
	hash = bud_hash_128(key, parts, batch->n);
	write_id_text(first->id_line, hash);
	for (size_t i = 1; i < batch->n; i++)
		memcpy(batch->members[i]->id_line, first->id_line, sizeof(first->id_line));
	free(parts);
}

/* 00-<32 hex>-<16 hex>-<2 hex> (W3C Trace Context 3.2.2); anything else is not passed on. */
static bool is_traceparent(struct bud_span value)
{
	if (value.len != 55 || value.at[2] != '-' || value.at[35] != '-' || value.at[52] != '-')
		return false;
	for (size_t i = 0; i < value.len; i++) {
		char c = value.at[i];
		bool is_hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
		if (!is_hex && i != 2 && i != 35 && i != 52)
			return false;
	}
	return true;
}

static enum bud_content_mode content_of(enum bud_mode mode)
{
	switch (mode) {
	case BUD_MODE_BINARY:
		return BUD_CONTENT_BINARY;
	case BUD_MODE_BATCH:
		return BUD_CONTENT_BATCH;
	case BUD_MODE_ALTINN:
		return BUD_CONTENT_ALTINN;
	case BUD_MODE_SLACK:
		return BUD_CONTENT_SLACK;
	case BUD_MODE_STRUCTURED:
		break;
	}
	return BUD_CONTENT_STRUCTURED;
}

static void init_batch(struct bud_content *content, const struct bud_batch *batch)
{
	const struct bud_event **events = bud_alloc(batch->n * sizeof(*events));

	for (size_t i = 0; i < batch->n; i++)
		events[i] = batch->members[i]->event;
	bud_content_init_batch(content, events, batch->n);
	free(events);
}

static void make_extra(struct bud_delivery *delivery)
{
	const struct bud_receiver *receiver = delivery->receiver;
	struct bud_message_extra *extra = bud_new(struct bud_message_extra);
	const struct bud_event *event = delivery->event;

	bud_message_finish(delivery);
	delivery->extra = extra;
	if (delivery->batch)
		init_batch(&extra->content, delivery->batch);
	else if (receiver->mode == BUD_MODE_BATCH)
		bud_content_init_batch(&extra->content, &event, 1);
	else if (receiver->mode != BUD_MODE_STRUCTURED)
		bud_content_init(&extra->content, event, content_of(receiver->mode));
	extra->signature_text = bud_alloc(bud_signer_bytes(receiver->signer));
	extra->headers = bud_alloc_zero(
		(BUD_DELIVERY_HEADERS + extra->content.lines_n) * sizeof(*extra->headers));
}

/* Of the one that has come the longest way. */
static unsigned hops_of(const struct bud_delivery *delivery)
{
	unsigned hops = delivery->event->hops;

	for (size_t i = 0; delivery->batch && i < delivery->batch->n; i++)
		if (delivery->batch->members[i]->event->hops > hops)
			hops = delivery->batch->members[i]->event->hops;
	return hops;
}

/* The lines that are every delivery's own. */
static size_t write_headers(struct bud_delivery *delivery,
	const struct bud_signature_headers *signature, const char **headers)
{
	const struct bud_attribute *trace =
		bud_event_find(delivery->event, bud_span("traceparent"));
	size_t n = 0;

	headers[n++] = delivery->id_line;
	headers[n++] = delivery->timestamp_line;
	for (size_t i = 0; i < signature->n; i++)
		headers[n++] = signature->lines[i];
	headers[n++] = bud_hops_line(hops_of(delivery));
	if (delivery->is_replay)
		headers[n++] = REPLAY_LINE;
	if (trace && !delivery->batch && is_traceparent(trace->value)) {
		snprintf(delivery->trace_line, sizeof(delivery->trace_line), TRACE_NAME "%.55s",
			trace->value.at);
		headers[n++] = delivery->trace_line;
	}
	assert(n <= BUD_DELIVERY_HEADERS);
	return n;
}

void bud_message_write(struct bud_delivery *delivery, const struct bud_message_context *context,
	struct bud_fetch_request *request)
{
	const struct bud_receiver *receiver = delivery->receiver;
	struct bud_signing what = {
		.timestamp_s = context->wall_s,
		.body = delivery->event->bytes,
		.target_uri = bud_span(bud_target_url(receiver->target)),
		.content_type = bud_span(STRUCTURED_TYPE),
	};
	struct bud_signature_headers signature;
	char *text = delivery->signature_line;
	const char **headers = delivery->headers;

	if (delivery->batch)
		write_batch_id(context->key, delivery->batch);
	else if (delivery->id_line[0] == '\0')
		write_id(context->key, delivery);
	what.id = bud_span(delivery->id_line + sizeof(ID_NAME) - 1);
	snprintf(delivery->timestamp_line, sizeof(delivery->timestamp_line), TIMESTAMP_NAME "%lld",
		(long long)context->wall_s);
	if (!receiver->is_plain) {
		make_extra(delivery);
		text = delivery->extra->signature_text;
		headers = delivery->extra->headers;
		if (delivery->extra->content.lines_n > 0) {
			what.body = delivery->extra->content.body;
			what.content_type = delivery->extra->content.type;
		}
	}
	bud_signer_sign(receiver->signer, &what, context->scratch, text, &signature);
	request->headers_n = write_headers(delivery, &signature, headers);
	if (!receiver->is_plain)
		for (size_t i = 0; i < delivery->extra->content.lines_n; i++)
			headers[request->headers_n++] = delivery->extra->content.lines[i];
	request->headers = headers;
	request->body = what.body;
}
