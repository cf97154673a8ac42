/* A hash map from bytes to a pointer, keyed per process so that strangers cannot aim at a bucket.
 * Keys are borrowed: they live in the value, as long as the value is in the map. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "core/text.h"

struct bud_map_slot {
	struct bud_span key;
	void *value; /* NULL: free */
};

/* Starts as {0}. */
struct bud_map {
	struct bud_map_slot *slots;
	size_t n;
	size_t room; /* a power of two */
};

void *bud_map_get(const struct bud_map *map, struct bud_span key);
/* `value` is not NULL. Returns the value that stood there before, or NULL. */
void *bud_map_put(struct bud_map *map, struct bud_span key, void *value);
/* Returns what was removed, or NULL. */
void *bud_map_remove(struct bud_map *map, struct bud_span key);
/* Walks all values in no order: start with *position = 0; NULL at the end. The map must not change
 * meanwhile. */
void *bud_map_next(const struct bud_map *map, size_t *position);
/* Frees the slots, not the values. */
void bud_map_finish(struct bud_map *map);
