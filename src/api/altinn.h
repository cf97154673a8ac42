/* The Altinn Events API under /events/api/v1: the same store, registry and index as our own API,
 * with Altinn's paths, parameters, messages and status codes, so that its clients need another base
 * URL and nothing else. */
#pragma once
#include <stddef.h>
#include "http/route.h"

struct bud_api_desk;          /* api/desk.h */
struct bud_ingest;            /* ingest/ingest.h */
struct bud_subscriptions_api; /* api/subscriptions.h */

/* All borrowed; one per worker. */
struct bud_altinn_api {
	struct bud_api_desk *desk;
	struct bud_subscriptions_api *subscriptions; /* whose ticks it shares */
	struct bud_ingest *ingest;
};

/* The context of every route is the struct bud_altinn_api. */
extern const struct bud_route bud_altinn_routes[];
extern const size_t bud_altinn_routes_n;
