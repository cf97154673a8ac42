/* What a request's path asks for, as bytes to send and what to do then. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "core/text.h"

enum act_end {
	ACT_KEEP,  /* ready for the next request */
	ACT_HANG,  /* open, and nothing more */
	ACT_CLOSE, /* the end of the stream */
	ACT_RESET,
};

/* `text`, then `unit` over and over for `unit_bytes`, then `tail`, then `end`. */
struct act {
	const char *name; /* the path's first segment */
	const char *text;
	size_t text_len; /* 0: its string length */
	const char *unit;
	size_t unit_len; /* 0: its string length */
	size_t unit_bytes;
	const char *tail;
	enum act_end end;
	size_t drips_from; /* with `drips`: so many bytes go at once, the rest one a second */
	bool drips;
	bool is_early;  /* as soon as the request's head is there */
	bool dies_next; /* the connection is closed when another request comes */
	unsigned wait_ms;
};

/* Fills `out_act` for a request to `target`, path and query; texts made for it go to `made`, which
 * must live as long. False: there is no such act. */
bool act_find(struct bud_span target, struct bud_buffer *made, struct act *out_act);
