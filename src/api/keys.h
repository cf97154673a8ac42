/* The server's signing keys, for the admin listener: GET /keys, POST /keys/rotate. */
#pragma once
#include <stddef.h>
#include "http/route.h"

struct bud_key_keeper; /* lifecycle/key_keeper.h */
struct bud_keyring;    /* crypto/keyring.h */

/* All borrowed. */
struct bud_keys_api {
	struct bud_keyring *keyring;
	struct bud_key_keeper *keeper; /* NULL while the server starts: 503 */
};

/* The context of every route is the struct bud_keys_api. */
extern const struct bud_route bud_keys_routes[];
extern const size_t bud_keys_routes_n;
