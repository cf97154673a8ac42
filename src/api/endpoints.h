/* Receivers and how they do: GET /endpoints, and GET /subscriptions/{id}/stats. Read from what the
 * nodes publish in Redis about once a second. */
#pragma once
#include <stddef.h>
#include "http/route.h"

struct bud_buffer;       /* core/text.h */
struct bud_endpoint_row; /* store/endpoints.h */

/* The context of every route is the struct bud_api_desk. */
extern const struct bud_route bud_endpoints_routes[];
extern const size_t bud_endpoints_routes_n;

/* Appends {"id":…,"sink":…,"nodes":[…]}. */
void bud_endpoints_write(const struct bud_endpoint_row *row, struct bud_buffer *out);
