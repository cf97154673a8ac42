/* Pausing by the owner: POST /subscriptions/{id}/pause and .../resume. A change of the status
 * alone; every node follows it, and nothing here talks to a worker. */
#pragma once
#include <stddef.h>
#include "http/route.h"

/* The context of every route is the struct bud_api_desk. */
extern const struct bud_route bud_pause_routes[];
extern const size_t bud_pause_routes_n;
