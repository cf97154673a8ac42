/* Content: an event as it is sent to a receiver: the body, its type and the header lines that
 * belong to it. The same for all attempts and all receivers who want this mode. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "core/text.h"

struct bud_event; /* event/event.h */

enum bud_content_mode {
	BUD_CONTENT_STRUCTURED, /* application/cloudevents+json */
	BUD_CONTENT_BINARY,     /* attributes as ce- headers, the data alone as the body */
	BUD_CONTENT_BATCH,      /* application/cloudevents-batch+json */
	BUD_CONTENT_ALTINN,     /* the structured JSON as plain JSON, as Altinn Events sends it */
	BUD_CONTENT_SLACK,      /* {"text": the structured JSON as text}, an incoming webhook */
};

/* Borrows the events it was made of. */
struct bud_content {
	enum bud_content_mode mode; /* what it became */
	struct bud_span body;       /* never empty */
	struct bud_span type;       /* the value of Content-Type */
	const char *const *lines;   /* "Name: value", NUL-terminated; Content-Type is the first */
	size_t lines_n;
	/* What is not the event's own. */
	struct bud_buffer text;
	const char **table;
};

/* Makes the content of one event, in `mode`; the modes of the event's own bytes copy nothing.
 * Structured takes binary's place for an event that binary mode cannot carry, or whose headers
 * would be more than receivers take (BUD_BINARY_HEAD_MAX); content_binary.h lists when. */
void bud_content_init(
	struct bud_content *content, const struct bud_event *event, enum bud_content_mode mode);
/* A batch of `n` >= 1 events. */
void bud_content_init_batch(
	struct bud_content *content, const struct bud_event *const *events, size_t n);
/* Zeros and NULL are fine. */
void bud_content_finish(struct bud_content *content);
/* The bytes that an event takes of a batch's body, its comma included; the brackets are 1 more. */
size_t bud_content_batch_bytes(const struct bud_event *event);
