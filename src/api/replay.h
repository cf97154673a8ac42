/* Once more: POST /subscriptions/{id}/replay, GET of how far it is, DELETE to end it,
 * and one dead letter by name.
 * What is asked for in numbers is done at once; what is asked for by time is a job, which every
 * node carries on with. */
#pragma once
#include <stddef.h>
#include "http/route.h"

/* The context of every route is the struct bud_api_desk. */
extern const struct bud_route bud_replay_routes[];
extern const size_t bud_replay_routes_n;
