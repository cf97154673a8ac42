/* A key table: a word for each 64-bit key. Its segments grow alone, so no addition moves more than
 * the few hundred entries of one, however many keys there are, and an entry is found by one access
 * to memory that is not in a cache already. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Of which the first 12 bits of a key choose one. */
#define BUD_KEY_SEGMENTS 4096u

struct bud_key_segment; /* opaque */

/* Starts as {0}. */
struct bud_key_table {
	struct bud_key_segment *segments;
	size_t n;
};

/* The word of the key, or NULL; it moves with the next addition or removal. */
uintptr_t *bud_key_table_find(const struct bud_key_table *table, uint64_t key);
/* The same, and for a new key a word of 0, which the caller sets before the next call. */
uintptr_t *bud_key_table_add(struct bud_key_table *table, uint64_t key);
/* `word` is one that was just found. */
void bud_key_table_remove(struct bud_key_table *table, uintptr_t *word);
/* Has the place of the key fetched, for a find that comes soon. */
void bud_key_table_prefetch(const struct bud_key_table *table, uint64_t key);
/* Walks all words in no order: start with *position = 0; NULL at the end. The table must not change
 * meanwhile. */
uintptr_t *bud_key_table_next(const struct bud_key_table *table, size_t *position);
/* Memory, without what the words stand for. */
size_t bud_key_table_bytes(const struct bud_key_table *table);
void bud_key_table_finish(struct bud_key_table *table);
