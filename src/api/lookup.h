/* A look-up: the subscription that a path names, read from Redis, so that every node sees what any
 * node has answered. */
#pragma once
#include <stdint.h>
#include "core/alloc.h"

struct bud_api_desk;       /* api/desk.h */
struct bud_registry_value; /* store/registry.h */
struct bud_request;        /* http/request.h */
struct bud_store;          /* store/store.h */
struct bud_subscription;   /* subscription/subscription.h */

/* Takes `subscription`, which is the caller's own: request->parameters[0] named it. */
typedef void (*bud_lookup_fn)(
	void *owner, struct bud_request *request, struct bud_subscription *subscription);

struct bud_lookup {
	struct bud_store *store;
	uint32_t timeout_ms; /* the default of config.timeout_ms */
	bud_lookup_fn fn;
	void *owner;
};

/* For records that came by another way than a path. All borrowed. */
struct bud_lookup_loading {
	const struct bud_store *store;
	uint32_t timeout_ms;
	const char *caller; /* the name of who asks */
};

/* Calls `fn`, or answers the request itself: 404 for an id that is unknown, deleted or somebody
 * else's, and what api/failure.h says. Copies `lookup`. */
void bud_lookup(const struct bud_lookup *lookup, struct bud_request *request);
/* The same for a resource: `fn`'s owner is the desk. */
void bud_lookup_at(struct bud_api_desk *desk, struct bud_request *request, bud_lookup_fn fn);

/* From a stored value to a record with its serial. 0; -ENOENT: deleted, or not the caller's;
 * -EPROTO: no record that we can read; -ENOKEY: sealed with a key that this node lacks. */
BUD_MUST_CHECK int bud_lookup_load(const struct bud_lookup_loading *loading,
	const struct bud_registry_value *value, struct bud_subscription **out_subscription);
