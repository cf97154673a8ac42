/* A hash map: open addressing, linear probing, removal by shifting back. */
#include "core/map.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "core/hash.h"
#include "core/random.h"

static struct bud_hash_key process_key;
static pthread_once_t process_key_once = PTHREAD_ONCE_INIT;

static void make_process_key(void)
{
	char seed[32];

	bud_random_bytes(seed, sizeof(seed));
	bud_hash_key_init(&process_key, (struct bud_span){seed, sizeof(seed)});
}

static size_t home_of(const struct bud_map *map, struct bud_span key)
{
	pthread_once(&process_key_once, make_process_key);
	return bud_hash_64(&process_key, key) & (map->room - 1);
}

/* The slot that holds `key`, or the free one where it would go. */
static struct bud_map_slot *find(const struct bud_map *map, struct bud_span key)
{
	size_t i = home_of(map, key);

	while (map->slots[i].value && !bud_span_equals(map->slots[i].key, key))
		i = (i + 1) & (map->room - 1);
	return &map->slots[i];
}

static void grow(struct bud_map *map)
{
	struct bud_map bigger = {.n = map->n, .room = map->room ? map->room * 2 : 16};

	bigger.slots = bud_alloc_zero(bigger.room * sizeof(*bigger.slots));
	for (size_t i = 0; i < map->room; i++)
		if (map->slots[i].value)
			*find(&bigger, map->slots[i].key) = map->slots[i];
	free(map->slots);
	*map = bigger;
}

void *bud_map_get(const struct bud_map *map, struct bud_span key)
{
	return map->n ? find(map, key)->value : NULL;
}

void *bud_map_put(struct bud_map *map, struct bud_span key, void *value)
{
	struct bud_map_slot *slot;
	void *before;

	assert(value);
	if (map->n * 4 >= map->room * 3)
		grow(map);
	slot = find(map, key);
	before = slot->value;
	if (!before)
		map->n++;
	*slot = (struct bud_map_slot){key, value};
	return before;
}

/* Moves later members of the probe sequence into the hole, so that no tombstones are needed. */
static void close_hole(struct bud_map *map, size_t hole)
{
	size_t mask = map->room - 1;

	for (size_t i = (hole + 1) & mask; map->slots[i].value; i = (i + 1) & mask) {
		size_t home = home_of(map, map->slots[i].key);
		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		map->slots[hole] = map->slots[i];
		hole = i;
	}
	map->slots[hole] = (struct bud_map_slot){{0}, NULL};
}

void *bud_map_remove(struct bud_map *map, struct bud_span key)
{
	struct bud_map_slot *slot = map->n ? find(map, key) : NULL;
	void *value = slot ? slot->value : NULL;

	if (!value)
		return NULL;
	map->n--;
	close_hole(map, (size_t)(slot - map->slots));
	return value;
}

void *bud_map_next(const struct bud_map *map, size_t *position)
{
	while (*position < map->room) {
		void *value = map->slots[(*position)++].value;
		if (value)
			return value;
	}
	return NULL;
}

void bud_map_finish(struct bud_map *map)
{
	free(map->slots);
	*map = (struct bud_map){0};
}
