/* Pull: GET /events reads stored events in the order in which they were stored, and waits for what
 * comes. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "http/route.h"

/* The context of every route is the struct bud_api_desk. */
extern const struct bud_route bud_pull_routes[];
extern const size_t bud_pull_routes_n;
/* Whether this is a route where an instance token (api/instance_guard.h) stands for a login. */
bool bud_pull_takes_instance_tokens(const struct bud_route *route);
