/* A receiver's consent that comes later (CloudEvents HTTP webhooks 4.1.3): GET or POST
 * /subscriptions/{id}/consent?key=..., the address that it was given when it was asked. */
#pragma once
#include <stddef.h>
#include "http/route.h"

/* The context of every route is the struct bud_api_desk. */
extern const struct bud_route bud_consent_routes[];
extern const size_t bud_consent_routes_n;
