/* A request on its way in: head, then body, over the raw bytes of one connection. Pure; whoever
 * holds the bytes reads, grows and moves them. Path: HEAD -> HEADED -> BODY -> WHOLE, or REFUSED.
 */
#pragma once
#include "http/chunk.h"
#include "http/head.h"

struct bud_parser; /* http/parser.h */

enum bud_message_state {
	BUD_MESSAGE_HEAD,   /* more bytes are needed to end the head */
	BUD_MESSAGE_HEADED, /* `head` can be read: set `body_bytes_max`, then read on */
	BUD_MESSAGE_BODY,   /* more bytes are needed to end the body */
	BUD_MESSAGE_WHOLE,  /* `body` can be read */
	BUD_MESSAGE_REFUSED,
};

struct bud_message {
	enum bud_message_state state;
	struct bud_parser *parser; /* borrowed */
	struct bud_head_scan scan;
	struct bud_head head;
	size_t head_len;
	size_t body_bytes_max;
	struct bud_span body;
	size_t raw; /* bytes read so far, from the start of the head; all of them when whole */
	struct bud_chunks chunks;
	struct bud_refusal refusal;
};

/* Starts over with the next request. `parser` is borrowed. */
void bud_message_start(struct bud_message *message, struct bud_parser *parser);

/* Reads on. `bytes` begins where the message does and has *len bytes; while a chunked body comes,
 * the gaps are closed and *len shrinks. Returns the new state; HEAD and BODY ask for more bytes. */
enum bud_message_state bud_message_read(struct bud_message *message, char *bytes, size_t *len);

/* How many bytes the message needs in all, as far as known; 0 when not. */
size_t bud_message_need(const struct bud_message *message);
/* Whether a body was announced that has not come yet. For HEADED. */
bool bud_message_has_body(const struct bud_message *message);
/* The bytes were moved: every span follows. */
void bud_message_move(struct bud_message *message, const char *from, const char *to);
