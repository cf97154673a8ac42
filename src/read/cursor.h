/* A cursor: a position as a client keeps it, opaque and sealed against change. It belongs to one
 * value of one attribute; other filters may change from page to page. */
#pragma once
#include <stdint.h>
#include "core/alloc.h"
#include "core/text.h"

struct bud_index_key; /* store/index_key.h */
struct bud_shard;     /* store/store.h */

/* With the NUL. */
#define BUD_CURSOR_TEXT_BYTES 25

void bud_cursor_write(const struct bud_shard *shard, const struct bud_index_key *key,
	uint64_t position, char out[BUD_CURSOR_TEXT_BYTES]);
/* -EINVAL: no cursor of ours for this key. */
BUD_MUST_CHECK int bud_cursor_parse(const struct bud_shard *shard, const struct bud_index_key *key,
	struct bud_span text, uint64_t *out_position);
