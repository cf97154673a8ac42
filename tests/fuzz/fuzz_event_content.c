/* An event, whole or damaged, made into the content of every mode: nothing is read outside of it,
 * lines are lines, and what goes in binary mode comes back as an event. */
#include <stdint.h>
#include <stdlib.h>

#include "core/limits.h"
#include "event/binary.h"
#include "event/content.h"
#include "event/envelope.h"
#include "event/event.h"
#include "event/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void read_lines(const struct bud_content *content, struct bud_header *headers)
{
	for (size_t i = 0; i < content->lines_n; i++) {
		const char *line = content->lines[i];
		const char *colon = strstr(line, ": ");

		must(colon && colon[2] != '\0');
		headers[i] =
			(struct bud_header){{line, (size_t)(colon - line)}, bud_span(colon + 2)};
		for (; *line; line++)
			must(*line >= 0x20 && *line < 0x7f);
	}
}

/* `event` is good. */
static void check_binary(const struct bud_event *event, const struct bud_content *content)
{
	struct bud_header headers[BUD_ATTRIBUTES_MAX + 1];
	struct bud_binary binary = {headers, content->lines_n, content->type, content->body};
	struct bud_buffer json = {0};
	struct bud_envelope envelope;
	int r;

	read_lines(content, headers);
	r = bud_binary_write(&binary, &json, NULL);
	/* JSON given as base64 need not be any, and base64 is longer than text. */
	must(r == 0 || event->data_kind == BUD_DATA_KIND_BASE64 ||
		event->bytes.len > BUD_EVENT_BYTES_MAX / 2);
	bud_envelope_init(&envelope);
	if (r == 0) {
		must(bud_envelope_scan(&envelope, bud_buffer_as_span(&json), NULL) == 0);
		must(bud_span_equals(envelope.id, event->id));
		must(bud_span_equals(envelope.source, event->source));
		must(envelope.attributes_n == content->lines_n);
	}
	bud_envelope_finish(&envelope);
	bud_buffer_finish(&json);
}

static void check(const struct bud_event *event, bool is_good)
{
	const char *wrong;

	for (int mode = BUD_CONTENT_STRUCTURED; mode <= BUD_CONTENT_SLACK; mode++) {
		struct bud_content content;

		bud_content_init(&content, event, (enum bud_content_mode)mode);
		must(content.body.len > 0 && content.lines_n > 0);
		if (is_good && content.mode == BUD_CONTENT_BINARY)
			check_binary(event, &content);
		else if (is_good)
			must(bud_json_is_valid(content.body, BUD_JSON_DEPTH_MAX, &wrong) ||
				content.mode == BUD_CONTENT_BATCH);
		bud_content_finish(&content);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bud_span json = {(const char *)data, size};
	struct bud_envelope envelope;
	struct bud_event *event;
	bool is_good;

	bud_envelope_init(&envelope);
	is_good = bud_envelope_scan(&envelope, json, NULL) == 0;
	event = bud_event_create(bud_span("local"), is_good ? envelope.json : json);
	bud_envelope_finish(&envelope);
	must(event || !is_good);
	if (event)
		check(event, is_good);
	bud_event_unref(event);
	return 0;
}
