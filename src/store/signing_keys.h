/* The server's own signing keys as they are stored, the same for all nodes: one that is current and
 * those before it. To the store they are texts. */
#pragma once
#include "store/store.h"

#define BUD_STORED_KEYS_MAX 4

struct bud_stored_key {
	struct bud_span kid;  /* not empty, no blanks in it */
	struct bud_span text; /* sealed, if there is a sealer */
	int64_t created_ms;   /* by Redis' clock, like all times here; only in a list */
	int64_t until_ms;     /* it signs until then; 0: it is the current one. Only in a list */
};

/* Everything is lent. The current one first, then the newest. */
struct bud_stored_keys {
	const struct bud_stored_key *at;
	size_t n;
	int64_t now_ms;
};

/* NULL with a negative err, as in store/store.h. */
typedef void (*bud_stored_keys_fn)(void *owner, int err, const struct bud_stored_keys *keys);

/* All there are. */
BUD_MUST_CHECK int bud_signing_keys_list(
	struct bud_store *store, bud_stored_keys_fn fn, void *owner);
/* Makes `key` the current one if there is none at all; lists all there are then. Of many who do
 * this at once one makes it, and all see the same. */
BUD_MUST_CHECK int bud_signing_keys_ensure(struct bud_store *store,
	const struct bud_stored_key *key, bud_stored_keys_fn fn, void *owner);
/* Makes `key` the current one; the former signs beside it for `overlap_ms` and stays in the list
 * for 30 days more, unless BUD_STORED_KEYS_MAX are newer. */
BUD_MUST_CHECK int bud_signing_keys_rotate(struct bud_store *store,
	const struct bud_stored_key *key, int64_t overlap_ms, bud_stored_keys_fn fn, void *owner);
/* Writes the key's text anew, sealed with another key; the number is 0 when it is not `before` any
 * more. */
BUD_MUST_CHECK int bud_signing_keys_seal(struct bud_store *store, const struct bud_stored_key *key,
	struct bud_span before, bud_store_number_fn fn, void *owner);
