/* The server's public keys, with which receivers check v1a and RFC 9421 signatures: GET
 * /.well-known/jwks.json, a JWK set. Anybody may read it. */
#pragma once
#include <stddef.h>
#include "http/route.h"

/* The context of every route is the struct bud_api_desk. */
extern const struct bud_route bud_jwks_routes[];
extern const size_t bud_jwks_routes_n;
