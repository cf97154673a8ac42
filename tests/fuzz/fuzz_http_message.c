/* Any bytes as one request: however they are split and wherever the buffer moves, the verdict, the
 * fields, the body and the number of bytes taken are the same, and nothing is read outside. */
#include <stdint.h>
#include <stdlib.h>

#include "http/message.h"
#include "http/parser.h"

#define BODY_BYTES_MAX 2000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void read_on(struct bud_message *message, char *bytes, size_t *len)
{
	if (bud_message_read(message, bytes, len) != BUD_MESSAGE_HEADED)
		return;
	message->body_bytes_max = BODY_BYTES_MAX;
	bud_message_read(message, bytes, len);
}

static bool is_over(const struct bud_message *message)
{
	return message->state == BUD_MESSAGE_WHOLE || message->state == BUD_MESSAGE_REFUSED;
}

/* What a reader has at the end; `held` is the memory the message points into. */
struct reading {
	struct bud_message message;
	char *held;
	size_t used; /* of the input */
};

/* Memory of exactly the right size at a new place for each piece. */
static void read_in_pieces(struct reading *reading, struct bud_span input, size_t piece)
{
	size_t len = 0;
	size_t fed = 0;

	reading->held = NULL;
	bud_message_start(&reading->message, bud_parser_create());
	while (!is_over(&reading->message) && fed < input.len) {
		size_t n = input.len - fed < piece ? input.len - fed : piece;
		char *bytes = bud_alloc(len + n);
		if (len > 0)
			memcpy(bytes, reading->held, len);
		memcpy(bytes + len, input.at + fed, n);
		if (reading->held)
			bud_message_move(&reading->message, reading->held, bytes);
		free(reading->held);
		reading->held = bytes;
		fed += n;
		len += n;
		read_on(&reading->message, bytes, &len);
	}
	reading->used = fed;
	if (reading->message.state == BUD_MESSAGE_WHOLE)
		reading->used = fed - (len - reading->message.raw);
}

static void finish(struct reading *reading)
{
	bud_parser_destroy(reading->message.parser);
	free(reading->held);
}

static void must_agree(const struct bud_message *a, const struct bud_message *b)
{
	must(a->state == b->state);
	if (a->state == BUD_MESSAGE_REFUSED)
		must(a->refusal.status == b->refusal.status);
	if (a->state != BUD_MESSAGE_WHOLE)
		return;
	must(bud_span_equals(a->body, b->body));
	must(bud_span_equals(a->head.path, b->head.path));
	must(bud_span_equals(a->head.query, b->head.query));
	must(bud_span_equals(a->head.content_type, b->head.content_type));
	must(a->head.n_fields == b->head.n_fields);
	for (size_t i = 0; i < a->head.n_fields; i++) {
		must(bud_span_equals(a->head.fields[i].name, b->head.fields[i].name));
		must(bud_span_equals(a->head.fields[i].value, b->head.fields[i].value));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t pieces[] = {1, 2, 7, 100};
	struct bud_span input = {(const char *)data, size};
	struct reading whole;
	struct reading split;

	if (size > 8192)
		return 0; /* pieces copy: the work grows with the square */
	read_in_pieces(&whole, input, size);
	must(whole.message.body.len <= BODY_BYTES_MAX);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		read_in_pieces(&split, input, pieces[i]);
		must_agree(&whole.message, &split.message);
		if (whole.message.state == BUD_MESSAGE_WHOLE)
			must(whole.used == split.used);
		finish(&split);
	}
	finish(&whole);
	return 0;
}
