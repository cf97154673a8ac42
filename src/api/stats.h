/* What attempts for one subscription added up to, and what waits: GET /subscriptions/{id}/stats. */
#pragma once
#include <stddef.h>
#include "http/route.h"

/* The context of every route is the struct bud_api_desk. */
extern const struct bud_route bud_stats_routes[];
extern const size_t bud_stats_routes_n;
