/* An index: links found by a 64-bit hash. It grows by one bucket per link added and moves nothing
 * that was there, so no addition takes long, however many links there are (core/map.h moves all of
 * them at once, which readers would have to wait for). */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Embedded in what is found. */
struct bud_index_link {
	struct bud_index_link *next;
	uint64_t hash;
};

#define BUD_INDEX_SEGMENTS 48

/* Starts as {0}. */
struct bud_index {
	struct bud_index_link **segments[BUD_INDEX_SEGMENTS];
	size_t buckets;
	size_t n;
};

void bud_index_add(struct bud_index *index, struct bud_index_link *link, uint64_t hash);
/* `link` is in the index. */
void bud_index_remove(struct bud_index *index, struct bud_index_link *link);
/* The links with exactly this hash, in no order; NULL at the end. */
struct bud_index_link *bud_index_first(const struct bud_index *index, uint64_t hash);
struct bud_index_link *bud_index_next(const struct bud_index_link *link);
/* Takes out any link, or NULL when there is none: for emptying. `position` starts as 0. */
struct bud_index_link *bud_index_take(struct bud_index *index, size_t *position);
/* Frees the buckets, not what the links are in. */
void bud_index_finish(struct bud_index *index);
