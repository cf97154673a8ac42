/* Grants: POST and GET /grants, GET and DELETE /grants/{id}. An owner lets another identity
 * subscribe to its events or read them; see those it gave or got; take them back. */
#pragma once
#include <stddef.h>
#include "http/route.h"

/* The context is the worker's struct bud_subscriptions_api. */
extern const struct bud_route bud_grants_routes[];
extern const size_t bud_grants_routes_n;
