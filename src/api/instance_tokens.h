/* Instance tokens: made by who published events of an instance or owns their resource, for readers
 * without a login. */
#pragma once
#include <stddef.h>
#include "http/route.h"

/* POST /instance-tokens; the context is the struct bud_api_desk. */
extern const struct bud_route bud_instance_tokens_routes[];
extern const size_t bud_instance_tokens_routes_n;
