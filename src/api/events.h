/* Events, one by one: GET /events/{id}?source= shows a retained event and what became of it. */
#pragma once
#include <stddef.h>
#include "http/route.h"

/* The context of every route is the struct bud_api_desk. */
extern const struct bud_route bud_events_routes[];
extern const size_t bud_events_routes_n;
