/* Why an event did or did not reach a subscription: POST /explain with an event (given whole, or by
 * its source and id) and a subscription; or with filters, of which newest events they match. */
#pragma once
#include <stddef.h>
#include "http/route.h"

/* The context of every route is the struct bud_api_desk. */
extern const struct bud_route bud_explain_routes[];
extern const size_t bud_explain_routes_n;
