/* Messages: scan for the head's end, parse it once whole, then count or decode the body. */
#include "http/message.h"

#include <errno.h>

#include "http/parser.h"

void bud_message_start(struct bud_message *message, struct bud_parser *parser)
{
	/* Not the whole struct: the table of fields is large and n_fields says what is valid. */
	message->state = BUD_MESSAGE_HEAD;
	message->parser = parser;
	message->scan = (struct bud_head_scan){0};
	message->head.n_fields = 0;
	message->head.keep_alive = false;
	message->head.method = (struct bud_span){NULL, 0};
	message->head_len = 0;
	message->body_bytes_max = 0;
	message->body = (struct bud_span){NULL, 0};
	message->raw = 0;
	message->chunks = (struct bud_chunks){0};
}

static enum bud_message_state refuse(struct bud_message *message, int status, const char *detail)
{
	message->refusal = (struct bud_refusal){status, detail, NULL};
	return BUD_MESSAGE_REFUSED;
}

static enum bud_message_state read_head(struct bud_message *message, struct bud_span bytes)
{
	struct bud_refusal *refusal = &message->refusal;

	switch (bud_head_scan(&message->scan, bytes, &message->head_len, refusal)) {
	case BUD_HEAD_MORE:
		return BUD_MESSAGE_HEAD;
	case BUD_HEAD_REFUSED:
		return BUD_MESSAGE_REFUSED;
	case BUD_HEAD_WHOLE:
		break;
	}
	bytes.len = message->head_len;
	if (!bud_head_read_line(&message->head, bytes, refusal))
		return BUD_MESSAGE_REFUSED;
	int r = bud_parser_head(message->parser, bytes, &message->head);
	if (r == -E2BIG)
		return refuse(message, 431, "The head has too many fields.");
	/* Our own check can name the field, even where the parser gave up. */
	if (!bud_head_check(&message->head, r == 0, refusal))
		return BUD_MESSAGE_REFUSED;
	message->raw = message->head_len;
	message->body.at = bytes.at + message->head_len;
	return BUD_MESSAGE_HEADED;
}

static enum bud_message_state read_counted(struct bud_message *message, size_t len)
{
	size_t body_len = (size_t)message->head.content_length;

	if (body_len > message->body_bytes_max)
		return refuse(message, 413, "The body is larger than this route takes.");
	if (len - message->head_len < body_len)
		return BUD_MESSAGE_BODY;
	message->body.len = body_len;
	message->raw = message->head_len + body_len;
	return BUD_MESSAGE_WHOLE;
}

static enum bud_message_state read_chunks(struct bud_message *message, char *bytes, size_t *len)
{
	struct bud_chunks *chunks = &message->chunks;
	struct bud_span fresh = {bytes + message->raw, *len - message->raw};

	if (fresh.len == 0)
		return BUD_MESSAGE_BODY;
	chunks->from = fresh.at;
	chunks->to = bytes + message->head_len + message->body.len;
	chunks->len = 0;
	chunks->len_max = message->body_bytes_max - message->body.len;
	long used = bud_parser_chunks(message->parser, chunks, fresh);
	if (chunks->too_large)
		return refuse(message, 413, "The body is larger than this route takes.");
	if (used < 0)
		return refuse(message, 400, "The chunked body is broken.");
	message->body.len += chunks->len;
	message->raw += (size_t)used;
	if (chunks->done)
		return BUD_MESSAGE_WHOLE;
	message->raw = message->head_len + message->body.len;
	*len = message->raw;
	return BUD_MESSAGE_BODY;
}

enum bud_message_state bud_message_read(struct bud_message *message, char *bytes, size_t *len)
{
	switch (message->state) {
	case BUD_MESSAGE_HEAD:
		message->state = read_head(message, (struct bud_span){bytes, *len});
		break;
	case BUD_MESSAGE_HEADED:
	case BUD_MESSAGE_BODY:
		if (message->head.chunked)
			message->state = read_chunks(message, bytes, len);
		else
			message->state = read_counted(message, *len);
		break;
	case BUD_MESSAGE_WHOLE:
	case BUD_MESSAGE_REFUSED:
		break;
	}
	return message->state;
}

size_t bud_message_need(const struct bud_message *message)
{
	if (message->state != BUD_MESSAGE_BODY || message->head.chunked)
		return 0;
	return message->head_len + (size_t)message->head.content_length;
}

bool bud_message_has_body(const struct bud_message *message)
{
	return message->head.chunked || message->head.content_length > 0;
}

static void move(struct bud_span *span, const char *from, const char *to)
{
	if (span->at)
		span->at = to + (span->at - from);
}

void bud_message_move(struct bud_message *message, const char *from, const char *to)
{
	struct bud_head *head = &message->head;

	if (message->state == BUD_MESSAGE_HEAD || from == to)
		return; /* a scan counts, it does not point */
	move(&head->method, from, to);
	move(&head->target, from, to);
	move(&head->path, from, to);
	move(&head->query, from, to);
	move(&head->content_type, from, to);
	move(&message->body, from, to);
	for (size_t i = 0; i < head->n_fields; i++) {
		move(&head->fields[i].name, from, to);
		move(&head->fields[i].value, from, to);
	}
}
