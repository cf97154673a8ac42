/* The quota: what its owner may have and do, and what it uses of that. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "http/route.h"

struct bud_api_desk; /* api/desk.h */
struct bud_request;  /* http/request.h */

/* GET /quota; the context is the struct bud_api_desk. */
extern const struct bud_route bud_quota_routes[];
extern const size_t bud_quota_routes_n;
/* Whether more may wait for the caller's subscriptions. False: no, and it is answered. */
bool bud_quota_has_room(const struct bud_api_desk *desk, struct bud_request *request);
