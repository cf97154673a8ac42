/* The operator's pauses, on the admin listener: POST /pause and /resume stop and release
 * everything, an owner or a host, on every node; GET /pauses lists all that is paused, by whom and
 * why. */
#pragma once
#include <stddef.h>
#include "http/route.h"

struct bud_buffer; /* core/text.h */
struct bud_pause;  /* store/pauses.h */
struct bud_store;  /* store/store.h */

/* Borrowed; not one that blocks. Before it is up, 503. */
struct bud_pauses_api {
	struct bud_store *store;
};

/* The context of every route is the struct bud_pauses_api. */
extern const struct bud_route bud_pauses_routes[];
extern const size_t bud_pauses_routes_n;

/* Appends {"id":…,"kind":…,"until":…,"node":…,"reason":…}. */
void bud_pauses_write(const struct bud_pause *pause, struct bud_buffer *out);
