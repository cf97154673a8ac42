/* Content: all modes but binary, which is content_binary.c. */
#include "event/content.h"

#include <assert.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "event/content_binary.h"
#include "event/event.h"

#define TYPE_NAME "Content-Type: "

static const char *const type_lines[] = {
	[BUD_CONTENT_STRUCTURED] = TYPE_NAME "application/cloudevents+json",
	[BUD_CONTENT_BINARY] = NULL,
	[BUD_CONTENT_BATCH] = TYPE_NAME "application/cloudevents-batch+json",
	[BUD_CONTENT_ALTINN] = TYPE_NAME "application/json; charset=utf-8",
	[BUD_CONTENT_SLACK] = TYPE_NAME "application/json",
};

/* The mode's only line is its type. */
static void set_mode(struct bud_content *content, enum bud_content_mode mode)
{
	content->mode = mode;
	content->lines = &type_lines[mode];
	content->lines_n = 1;
	content->type = bud_span(type_lines[mode] + strlen(TYPE_NAME));
}

/* The event's JSON as a JSON string: all that is special in it is escaped, line ends too. */
static void make_slack(struct bud_content *content, const struct bud_event *event)
{
	bud_buffer_reserve(&content->text, event->bytes.len + event->bytes.len / 4);
	bud_buffer_text(&content->text, "{\"text\":");
	bud_buffer_json(&content->text, event->bytes);
	bud_buffer_byte(&content->text, '}');
	content->body = bud_buffer_as_span(&content->text);
}

void bud_content_init(
	struct bud_content *content, const struct bud_event *event, enum bud_content_mode mode)
{
	*content = (struct bud_content){0};
	if (mode == BUD_CONTENT_BATCH) {
		bud_content_init_batch(content, &event, 1);
		return;
	}
	if (mode == BUD_CONTENT_BINARY) {
		if (bud_content_binary_write(content, event))
			return;
		mode = BUD_CONTENT_STRUCTURED;
	}
	set_mode(content, mode);
	content->body = event->bytes;
	if (mode == BUD_CONTENT_SLACK)
		make_slack(content, event);
}

size_t bud_content_batch_bytes(const struct bud_event *event)
{
	return event->bytes.len + 1;
}

void bud_content_init_batch(
	struct bud_content *content, const struct bud_event *const *events, size_t n)
{
	struct bud_buffer *text = &content->text;
	size_t bytes = 1;

	assert(n > 0);
	*content = (struct bud_content){0};
	set_mode(content, BUD_CONTENT_BATCH);
	for (size_t i = 0; i < n; i++)
		bytes += bud_content_batch_bytes(events[i]);
	bud_buffer_reserve(text, bytes);
	for (size_t i = 0; i < n; i++) {
		bud_buffer_byte(text, i > 0 ? ',' : '[');
		bud_buffer_span(text, events[i]->bytes);
	}
	bud_buffer_byte(text, ']');
	content->body = bud_buffer_as_span(text);
}

void bud_content_finish(struct bud_content *content)
{
	if (!content)
		return;
	bud_buffer_finish(&content->text);
	free(content->table);
	*content = (struct bud_content){0};
}
