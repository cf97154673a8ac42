/* A cache of checked tokens: one per worker, bounded, without locks. It holds what a check brought
 * until the token expires, the keys it was checked by change, or others need the place. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/alloc.h"
#include "core/text.h"

struct bud_identity;    /* auth/identity.h */
struct bud_token_cache; /* opaque */

#define BUD_TOKEN_CACHE_SLOTS 4096u

struct bud_token_cache *bud_token_cache_create(void);
/* Gives its references back. NULL is fine. */
void bud_token_cache_destroy(struct bud_token_cache *cache);

/* What stands there for a token: lent, until the cache changes. `use` keeps kinds of tokens apart.
 */
struct bud_token_cached {
	struct bud_identity *identity;
	int issuer;
	size_t serial;
};

/* False: it was never put, it has expired, or it had to go. */
bool bud_token_cache_get(struct bud_token_cache *cache, struct bud_span token, unsigned use,
	int64_t now_ms, struct bud_token_cached *out_cached);
/* Takes a reference of the identity, whose expires_ms it minds, and copies the token. */
void bud_token_cache_put(struct bud_token_cache *cache, struct bud_span token, unsigned use,
	const struct bud_token_cached *cached);
size_t bud_token_cache_count(const struct bud_token_cache *cache);
