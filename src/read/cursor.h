/* A cursor: a position as a client keeps it, opaque and sealed against change. It belongs to one
 * value of one attribute; other filters may change from page to page. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "core/alloc.h"
#include "core/text.h"

struct bud_index_key; /* store/index_key.h */
struct bud_shard;     /* store/store.h */

/* With the NUL. */
#define BUD_CURSOR_TEXT_BYTES  25
#define BUD_CURSOR_WHOLE_BYTES 48

void bud_cursor_write(const struct bud_shard *shard, const struct bud_index_key *key,
	uint64_t position, char out[BUD_CURSOR_TEXT_BYTES]);
/* -EINVAL: no cursor of ours for this key. */
BUD_MUST_CHECK int bud_cursor_parse(const struct bud_shard *shard, const struct bud_index_key *key,
	struct bud_span text, uint64_t *out_position);

/* Whether it looks like a cursor, a whole one or not, of whatever. */
bool bud_cursor_has_form(struct bud_span text);

/* A cursor with its key behind it, for clients that will not say again what they ask for. */
void bud_cursor_write_whole(const struct bud_shard *shard, const struct bud_index_key *key,
	uint64_t position, char out[BUD_CURSOR_WHOLE_BYTES]);
/* -EINVAL: none of ours. */
BUD_MUST_CHECK int bud_cursor_parse_whole(const struct bud_shard *shard, struct bud_span text,
	struct bud_index_key *out_key, uint64_t *out_position);
