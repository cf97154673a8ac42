/* A batch: each event is scanned where it stands, so the body is read once. */
#include "event/batch.h"

#include <errno.h>
#include <stdio.h>

#include "core/limits.h"
#include "event/envelope.h"
#include "event/json.h"

static int fail(const struct bud_batch *batch, struct bud_error *error, const char *text)
{
	char member[32];

	snprintf(member, sizeof(member), "events[%zu]", batch->n);
	return bud_error_set(error, member, "%s", text);
}

/* Puts the index before the member that the envelope's scan has named. */
static void name_index(const struct bud_batch *batch, struct bud_error *error)
{
	struct bud_error inner;

	if (!error)
		return;
	inner = *error;
	snprintf(error->member, sizeof(error->member), "events[%zu]%s%.80s", batch->n,
		inner.member[0] ? "." : "", inner.member);
}

static char next_byte(struct bud_batch *batch)
{
	struct bud_json json = {batch->rest.at, batch->rest.at + batch->rest.len, NULL};

	bud_json_pass_blanks(&json);
	batch->rest.len -= (size_t)(json.at - batch->rest.at);
	batch->rest.at = json.at;
	return batch->rest.len > 0 ? batch->rest.at[0] : '\0';
}

static void drop(struct bud_batch *batch, size_t len)
{
	batch->rest.at += len;
	batch->rest.len -= len;
}

void bud_batch_init(struct bud_batch *batch, struct bud_span body)
{
	*batch = (struct bud_batch){body, 0, false};
}

/* Behind ]: stays at the end, however often it is asked. */
static int end(struct bud_batch *batch, struct bud_error *error)
{
	drop(batch, 1);
	if (next_byte(batch) != '\0' || batch->rest.len > 0)
		return bud_error_set(error, NULL, "something stands behind the batch's last ]");
	batch->is_done = true;
	return 0;
}

/* 1 when an event is next. */
static int begin(struct bud_batch *batch, struct bud_error *error)
{
	if (batch->rest.len > BUD_BATCH_BYTES_MAX) {
		(void)bud_error_set(
			error, NULL, "a batch has at most %u bytes", BUD_BATCH_BYTES_MAX);
		return -E2BIG;
	}
	if (next_byte(batch) != '[')
		return bud_error_set(error, NULL,
			"a batch is a JSON array in UTF-8 without a byte order mark, it begins "
			"with [");
	drop(batch, 1);
	return next_byte(batch) == ']' ? end(batch, error) : 1;
}

/* Behind an event. */
static int go_on(struct bud_batch *batch, struct bud_error *error)
{
	char c = next_byte(batch);

	if (c == ']')
		return end(batch, error);
	if (c != ',')
		return fail(batch, error, "a comma or ] must stand before this");
	drop(batch, 1);
	if (batch->n == BUD_BATCH_EVENTS_MAX) {
		(void)bud_error_set(
			error, NULL, "a batch has at most %u events", BUD_BATCH_EVENTS_MAX);
		return -E2BIG;
	}
	return 1;
}

int bud_batch_next(struct bud_batch *batch, struct bud_envelope *envelope, struct bud_error *error)
{
	int r;

	if (batch->is_done)
		return 0;
	r = batch->n == 0 ? begin(batch, error) : go_on(batch, error);
	if (r <= 0)
		return r;
	r = bud_envelope_scan_first(envelope, batch->rest, error);
	if (r < 0) {
		name_index(batch, error);
		return r;
	}
	batch->rest.len -= (size_t)(envelope->json.at - batch->rest.at) + envelope->json.len;
	batch->rest.at = envelope->json.at + envelope->json.len;
	batch->n++;
	return 1;
}
