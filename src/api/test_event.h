/* Trying a receiver: POST /subscriptions/{id}/test parks a marked event for that subscription
 * alone. What became of it stands in its attempts. */
#pragma once
#include <stddef.h>
#include "http/route.h"

/* The context of every route is the struct bud_api_desk. */
extern const struct bud_route bud_test_event_routes[];
extern const size_t bud_test_event_routes_n;
