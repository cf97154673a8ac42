/* Ids seen: a map that borrows from a ring. */
#include "cli/seen.h"

#include <stdlib.h>

#include "core/alloc.h"

bool bud_seen_add(struct bud_seen *seen, struct bud_span id)
{
	size_t place = seen->n;

	if (bud_map_get(&seen->map, id))
		return false;
	if (!seen->ring)
		seen->ring = bud_alloc_zero(BUD_SEEN_MAX * sizeof(*seen->ring));
	if (seen->n < BUD_SEEN_MAX) {
		seen->n++;
	} else {
		place = seen->oldest;
		seen->oldest = (seen->oldest + 1) % BUD_SEEN_MAX;
		bud_map_remove(&seen->map, seen->ring[place]);
		free((char *)seen->ring[place].at);
	}
	seen->ring[place] = (struct bud_span){bud_strndup(id.at, id.len), id.len};
	bud_map_put(&seen->map, seen->ring[place], &seen->ring[place]);
	return true;
}

void bud_seen_finish(struct bud_seen *seen)
{
	for (size_t i = 0; i < seen->n; i++)
		free((char *)seen->ring[i].at);
	free(seen->ring);
	bud_map_finish(&seen->map);
	*seen = (struct bud_seen){0};
}
