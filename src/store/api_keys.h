/* API keys as they are stored, the same for all nodes: a text for each id, and a version that
 * changes with them. */
#pragma once
#include "store/store.h"

/* The version is 0 as long as there was never a key. */
BUD_MUST_CHECK int bud_stored_api_keys_version(
	struct bud_store *store, bud_store_number_fn fn, void *owner);

/* All texts, lent, in no order; NULL with a negative err. */
typedef void (*bud_stored_api_keys_fn)(
	void *owner, int err, const struct bud_span *texts, size_t n);
BUD_MUST_CHECK int bud_stored_api_keys_list(
	struct bud_store *store, bud_stored_api_keys_fn fn, void *owner);

struct bud_stored_api_key {
	struct bud_span id;
	struct bud_span text; /* not empty */
};

/* The number is 1, or -1 when there are `max` already. */
BUD_MUST_CHECK int bud_stored_api_keys_put(struct bud_store *store,
	const struct bud_stored_api_key *key, size_t max, bud_store_number_fn fn, void *owner);
/* The number is 1, or 0 when there is no such key. */
BUD_MUST_CHECK int bud_stored_api_keys_remove(
	struct bud_store *store, struct bud_span id, bud_store_number_fn fn, void *owner);
