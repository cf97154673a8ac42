#include "redis/pending.h"
#include <assert.h>
#include <stdlib.h>

static void grow(struct bud_redis_pending *pending)
{
	size_t room = pending->room ? 2 * pending->room : 64;
	struct bud_redis_entry *entries = bud_alloc(room * sizeof(*entries));
	for (size_t i = 0; i < pending->n; i++)
		entries[i] = pending->entries[(pending->first + i) & (pending->room - 1)];
	free(pending->entries);
	pending->entries = entries;
	pending->first = 0;
	pending->room = room;
}

void bud_redis_pending_add(struct bud_redis_pending *pending, const struct bud_redis_entry *entry)
{
	if (pending->n == pending->room)
		grow(pending);
	pending->entries[(pending->first + pending->n++) & (pending->room - 1)] = *entry;
}

struct bud_redis_entry *bud_redis_pending_first(struct bud_redis_pending *pending)
{
	return pending->n ? &pending->entries[pending->first] : NULL;
}

struct bud_redis_entry bud_redis_pending_take(struct bud_redis_pending *pending)
{
	assert(pending->n > 0);
	struct bud_redis_entry entry = pending->entries[pending->first];
	pending->first = (pending->first + 1) & (pending->room - 1);
	pending->n--;
	return entry;
}

void bud_redis_pending_finish(struct bud_redis_pending *pending)
{
	assert(pending->n == 0);
	free(pending->entries);
	*pending = (struct bud_redis_pending){0};
}
