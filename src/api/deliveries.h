/* The deliveries API: what became of the events of one subscription: its attempts, what is parked
 * and what is dead. Read from Redis; keeps nothing between two requests. */
#pragma once
#include <stddef.h>
#include "http/route.h"

/* The context of every route is the struct bud_api_desk. */
extern const struct bud_route bud_deliveries_routes[];
extern const size_t bud_deliveries_routes_n;
