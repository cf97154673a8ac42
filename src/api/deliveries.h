/* The deliveries API: what became of the events of one subscription: its attempts, what is parked
 * and what is dead. Read from Redis; keeps nothing between two requests. */
#pragma once
#include <stddef.h>
#include "http/route.h"

struct bud_config; /* config/config.h */
struct bud_store;  /* store/store.h */

/* All borrowed; one per worker, embedded in it. */
struct bud_deliveries_api {
	struct bud_store *store; /* not one that blocks */
	const struct bud_config *config;
};

/* The context of every route is the struct bud_deliveries_api. */
extern const struct bud_route bud_deliveries_routes[];
extern const size_t bud_deliveries_routes_n;
