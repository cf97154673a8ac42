/* A reply as bytes. Pure. Within http/ only; handlers use http/reply.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "core/text.h"

#define BUD_ANSWER_DATE_BYTES 40

/* All borrowed. */
struct bud_answer {
	int status;
	const char *content_type; /* NULL: none */
	struct bud_span fields;   /* more header lines, each with CR LF */
	struct bud_span body;
};

/* "Date: Sun, 06 Nov 1994 08:49:37 GMT" with CR LF. */
void bud_answer_write_date(int64_t wall_s, char out[BUD_ANSWER_DATE_BYTES]);

/* Puts the head, and a small body with it, into `out`, cleared before; `date` is a whole line.
 * Returns what of the body is left to send. `has_body` is false for HEAD, whose length is told all
 * the same. */
struct bud_span bud_answer_write(struct bud_buffer *out, const struct bud_answer *answer,
	const char *date, bool keeps_alive, bool has_body);
