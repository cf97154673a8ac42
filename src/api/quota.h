/* The quota: what its owner may have and do, and what it uses of that. */
#pragma once
#include <stddef.h>
#include "http/route.h"

/* GET /quota; the context is the struct bud_api_desk. */
extern const struct bud_route bud_quota_routes[];
extern const size_t bud_quota_routes_n;
