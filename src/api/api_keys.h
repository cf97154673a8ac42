/* API keys, for the admin listener: GET and POST /api-keys, DELETE /api-keys/{id}. */
#pragma once
#include <stddef.h>
#include "http/route.h"

struct bud_api_key_watch; /* lifecycle/api_key_watch.h */
struct bud_store;         /* store/store.h */

/* All borrowed. */
struct bud_api_keys_api {
	struct bud_store *store;
	struct bud_api_key_watch *watch; /* NULL while the server starts: 503 */
};

/* The context of every route is the struct bud_api_keys_api. */
extern const struct bud_route bud_api_keys_routes[];
extern const size_t bud_api_keys_routes_n;
