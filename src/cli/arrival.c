/* Arrivals: the signature first, since nothing in the body means anything before. */
#include "cli/arrival.h"

#include <errno.h>
#include <stdlib.h>

#include "budstikke/webhook.h"
#include "cli/printable.h"
#include "core/alloc.h"
#include "core/clock.h"
#include "event/binary.h"
#include "event/envelope.h"
#include "event/mode.h"

static struct bud_span find(const struct bud_arrival *arrival, const char *name)
{
	for (size_t i = 0; i < arrival->headers_n; i++)
		if (bud_span_is_nocase(arrival->headers[i].name, name))
			return arrival->headers[i].value;
	return (struct bud_span){NULL, 0};
}

static const char *reason_of(int r)
{
	switch (r) {
	case -EINVAL:
		return "webhook-id, -timestamp or -signature is missing or malformed";
	case -ETIME:
		return "its timestamp is more than 5 minutes from now";
	case -EBADMSG:
		return "none of its signatures fits a secret given here";
	default:
		return "it could not be checked";
	}
}

static char *copy(struct bud_span span)
{
	return span.at ? bud_strndup(span.at, span.len) : NULL;
}

void bud_arrival_judge(
	struct bud_arrival *arrival, const char *const *secrets, size_t n, int64_t now_s)
{
	struct bud_webhook_headers headers;
	int r;

	arrival->id = find(arrival, "webhook-id");
	arrival->reason = NULL;
	arrival->verdict = BUD_ARRIVAL_VERDICT_UNCHECKED;
	if (n == 0)
		return;
	char *id = copy(arrival->id);
	char *timestamp = copy(find(arrival, "webhook-timestamp"));
	char *signature = copy(find(arrival, "webhook-signature"));
	headers = (struct bud_webhook_headers){id, timestamp, signature};
	r = bud_webhook_verify(secrets, n, &headers, arrival->body.at, arrival->body.len, now_s,
		BUD_WEBHOOK_TOLERANCE_S);
	free(id);
	free(timestamp);
	free(signature);
	arrival->verdict = r == 0 ? BUD_ARRIVAL_VERDICT_OK : BUD_ARRIVAL_VERDICT_BAD;
	if (r < 0)
		arrival->reason = reason_of(r);
}

/* The event's JSON form, made into `made` when it came in binary mode. */
static int find_event(
	const struct bud_arrival *arrival, struct bud_envelope *envelope, struct bud_buffer *made)
{
	struct bud_error error;
	struct bud_binary binary = {
		arrival->headers, arrival->headers_n, arrival->content_type, arrival->body};

	switch (bud_mode_of(arrival->content_type)) {
	case BUD_MODE_STRUCTURED:
		return bud_envelope_scan(envelope, arrival->body, &error);
	case BUD_MODE_BINARY:
		if (bud_binary_write(&binary, made, &error) < 0)
			return -EINVAL;
		return bud_envelope_scan(envelope, bud_buffer_as_span(made), &error);
	case BUD_MODE_BATCH:
	case BUD_MODE_UNSUPPORTED:
		break;
	}
	return -EINVAL;
}

static void write_value(struct bud_buffer *out, struct bud_span value)
{
	bud_buffer_text(out, "  ");
	if (value.len > 0)
		bud_buffer_span(out, value);
	else
		bud_buffer_byte(out, '-');
}

void bud_arrival_write(const struct bud_arrival *arrival, int64_t wall_ms, struct bud_buffer *out)
{
	static const struct bud_span none = {NULL, 0};
	bud_auto(buffer) struct bud_buffer made = {0};
	struct bud_envelope envelope;
	size_t start = out->len;
	char time[25];

	bud_clock_write(wall_ms, time);
	bud_buffer_text(out, time);
	bud_envelope_init(&envelope);
	bool is_event = find_event(arrival, &envelope, &made) == 0;
	write_value(out, is_event ? envelope.type : bud_span("(not an event)"));
	write_value(out, is_event ? envelope.subject : none);
	write_value(out, is_event ? envelope.source : none);
	bud_envelope_finish(&envelope);
	write_value(out, arrival->id);
	switch (arrival->verdict) {
	case BUD_ARRIVAL_VERDICT_OK:
		bud_buffer_text(out, "  signature ok");
		break;
	case BUD_ARRIVAL_VERDICT_UNCHECKED:
		bud_buffer_text(out, "  signature not checked");
		break;
	case BUD_ARRIVAL_VERDICT_BAD:
		bud_buffer_format(out, "  signature BAD: %s", arrival->reason);
		break;
	}
	bud_printable_make_from(out, start);
}
