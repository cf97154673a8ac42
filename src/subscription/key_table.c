/* A key table: each segment is an array with linear probing, filled to four fifths at most. Keys
 * are hashes, so what of them chooses the segment and what the place in it is independent.
 * Removals close the gap they leave, so there are no tombstones. */
#include "subscription/key_table.h"

#include <stdbool.h>
#include <stdlib.h>

#include "core/alloc.h"

#define SEGMENT_SHIFT 52
#define ROOM_FIRST    4u
#define ROOM_DOUBLES  64u /* below it; then half as much more at a time */

struct entry {
	uint64_t key;
	uintptr_t word; /* 0: free */
};

struct bud_key_segment {
	struct entry *entries;
	uint32_t n;
	uint32_t room;
};

static struct bud_key_segment *segment_of(const struct bud_key_table *table, uint64_t key)
{
	return &table->segments[key >> SEGMENT_SHIFT];
}

static uint32_t home_of(const struct bud_key_segment *segment, uint64_t key)
{
	return (uint32_t)((uint64_t)(uint32_t)key * segment->room >> 32);
}

static uint32_t after(const struct bud_key_segment *segment, uint32_t i)
{
	return i + 1 < segment->room ? i + 1 : 0;
}

/* The entry of the key, or the free one where it belongs. The segment has a free one. */
static struct entry *probe(const struct bud_key_segment *segment, uint64_t key)
{
	uint32_t i = home_of(segment, key);

	while (segment->entries[i].word && segment->entries[i].key != key)
		i = after(segment, i);
	return &segment->entries[i];
}

static void resize(struct bud_key_segment *segment, uint32_t room)
{
	struct bud_key_segment old = *segment;

	segment->entries = bud_alloc_zero(room * sizeof(*segment->entries));
	segment->room = room;
	for (uint32_t i = 0; i < old.room; i++)
		if (old.entries[i].word)
			*probe(segment, old.entries[i].key) = old.entries[i];
	free(old.entries);
}

static void grow(struct bud_key_segment *segment)
{
	if (segment->room == 0)
		resize(segment, ROOM_FIRST);
	else if (segment->room < ROOM_DOUBLES)
		resize(segment, segment->room * 2);
	else
		resize(segment, segment->room + segment->room / 2);
}

static uintptr_t *find(const struct bud_key_segment *segment, uint64_t key)
{
	struct entry *entry = segment->n > 0 ? probe(segment, key) : NULL;

	return entry && entry->word ? &entry->word : NULL;
}

uintptr_t *bud_key_table_find(const struct bud_key_table *table, uint64_t key)
{
	return table->n > 0 ? find(segment_of(table, key), key) : NULL;
}

uintptr_t *bud_key_table_add(struct bud_key_table *table, uint64_t key)
{
	struct bud_key_segment *segment;
	struct entry *entry;
	uintptr_t *word;

	if (!table->segments)
		table->segments = bud_alloc_zero(BUD_KEY_SEGMENTS * sizeof(*table->segments));
	segment = segment_of(table, key);
	word = find(segment, key);
	if (word)
		return word;
	if (segment->n + 1 >= segment->room - segment->room / 5)
		grow(segment);
	entry = probe(segment, key);
	entry->key = key;
	segment->n++;
	table->n++;
	return &entry->word;
}

/* Whether an entry at home at `home` that stands at `at` may stand at `gap`, which is before it. */
static bool may_move(uint32_t home, uint32_t gap, uint32_t at)
{
	return gap <= at ? home <= gap || home > at : home <= gap && home > at;
}

void bud_key_table_remove(struct bud_key_table *table, uintptr_t *word)
{
	struct entry *removed = bud_container(word, struct entry, word);
	struct bud_key_segment *segment = segment_of(table, removed->key);
	uint32_t gap = (uint32_t)(removed - segment->entries);
	uint32_t i = after(segment, gap);

	for (; segment->entries[i].word; i = after(segment, i)) {
		if (!may_move(home_of(segment, segment->entries[i].key), gap, i))
			continue;
		segment->entries[gap] = segment->entries[i];
		gap = i;
	}
	segment->entries[gap] = (struct entry){0};
	segment->n--;
	table->n--;
	if (segment->room > ROOM_DOUBLES && segment->n < segment->room / 4)
		resize(segment, segment->room / 2);
}

void bud_key_table_prefetch(const struct bud_key_table *table, uint64_t key)
{
	const struct bud_key_segment *segment;

	if (table->n == 0)
		return;
	segment = segment_of(table, key);
	if (segment->n > 0)
		__builtin_prefetch(&segment->entries[home_of(segment, key)]);
}

uintptr_t *bud_key_table_next(const struct bud_key_table *table, size_t *position)
{
	size_t i = *position >> 32;
	uint32_t j = (uint32_t)*position;

	for (; table->segments && i < BUD_KEY_SEGMENTS; i++, j = 0) {
		const struct bud_key_segment *segment = &table->segments[i];
		for (; j < segment->room; j++) {
			if (!segment->entries[j].word)
				continue;
			*position = i << 32 | (j + 1);
			return &segment->entries[j].word;
		}
	}
	*position = (size_t)BUD_KEY_SEGMENTS << 32;
	return NULL;
}

size_t bud_key_table_bytes(const struct bud_key_table *table)
{
	size_t bytes = table->segments ? BUD_KEY_SEGMENTS * sizeof(*table->segments) : 0;

	for (size_t i = 0; table->segments && i < BUD_KEY_SEGMENTS; i++)
		bytes += table->segments[i].room * sizeof(struct entry);
	return bytes;
}

void bud_key_table_finish(struct bud_key_table *table)
{
	for (size_t i = 0; table->segments && i < BUD_KEY_SEGMENTS; i++)
		free(table->segments[i].entries);
	free(table->segments);
	*table = (struct bud_key_table){0};
}
