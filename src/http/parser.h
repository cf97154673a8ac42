/* The HTTP parser: http_parser or llhttp behind one interface, chosen in meson.build. It is given
 * whole heads that passed http/head.h, and what follows them when the body is chunked. */
#pragma once
#include <stddef.h>
#include "core/alloc.h"
#include "core/text.h"

struct bud_chunks; /* http/chunk.h */
struct bud_head;   /* http/head.h */
struct bud_parser; /* opaque; one per request under way, used again */

struct bud_parser *bud_parser_create(void);
void bud_parser_destroy(struct bud_parser *parser);

/* Starts over and parses a head, whose line was read (bud_head_read_line()); fills fields, chunked,
 * content_length and keep_alive, with spans into `bytes`. -EINVAL: the parser refuses it; -E2BIG:
 * too many fields. */
BUD_MUST_CHECK int bud_parser_head(
	struct bud_parser *parser, struct bud_span bytes, struct bud_head *out_head);

/* Decodes the next bytes of a chunked body into `chunks`; `done` is set at the end of the body.
 * Returns how many bytes were used (all, unless done), or -EINVAL. The data may be moved within
 * `bytes`, so `chunks->to` may point into them. */
BUD_MUST_CHECK long bud_parser_chunks(
	struct bud_parser *parser, struct bud_chunks *chunks, struct bud_span bytes);
