/* The cache: a table of buckets with four slots each. A token's bucket is found by a keyed hash, so
 * that nobody can crowd one, and the bytes are compared: a hash that is not made for it proves
 * nothing. In a full bucket the one that expires first goes. */
#include "auth/token_cache.h"

#include <stdlib.h>

#include "auth/identity.h"
#include "core/hash.h"
#include "core/random.h"

#define WAYS    4u
#define BUCKETS (BUD_TOKEN_CACHE_SLOTS / WAYS)

struct slot {
	uint64_t hash;
	char *token; /* NULL: free */
	size_t len;
	unsigned use;
	struct bud_token_cached cached;
};

struct bud_token_cache {
	struct bud_hash_key key;
	size_t n;
	struct slot slots[BUD_TOKEN_CACHE_SLOTS];
};

struct bud_token_cache *bud_token_cache_create(void)
{
	struct bud_token_cache *cache = bud_new(struct bud_token_cache);
	char seed[32];

	bud_random_bytes(seed, sizeof(seed));
	bud_hash_key_init(&cache->key, (struct bud_span){seed, sizeof(seed)});
	return cache;
}

static void empty(struct bud_token_cache *cache, struct slot *slot)
{
	if (!slot->token)
		return;
	bud_identity_unref(slot->cached.identity);
	bud_free_secret(slot->token);
	*slot = (struct slot){.token = NULL};
	cache->n--;
}

void bud_token_cache_destroy(struct bud_token_cache *cache)
{
	if (!cache)
		return;
	for (size_t i = 0; i < BUD_TOKEN_CACHE_SLOTS; i++)
		empty(cache, &cache->slots[i]);
	free(cache);
}

static struct slot *bucket_of(struct bud_token_cache *cache, uint64_t hash)
{
	return &cache->slots[hash % BUCKETS * WAYS];
}

static bool is_over(const struct slot *slot, int64_t now_ms)
{
	int64_t expires_ms = slot->cached.identity->expires_ms;

	return expires_ms > 0 && now_ms >= expires_ms;
}

bool bud_token_cache_get(struct bud_token_cache *cache, struct bud_span token, unsigned use,
	int64_t now_ms, struct bud_token_cached *out_cached)
{
	uint64_t hash = bud_hash_64(&cache->key, token);
	struct slot *slot = bucket_of(cache, hash);

	for (unsigned i = 0; i < WAYS; i++, slot++) {
		if (!slot->token || slot->hash != hash || slot->use != use ||
			slot->len != token.len || memcmp(slot->token, token.at, token.len) != 0)
			continue;
		if (is_over(slot, now_ms)) {
			empty(cache, slot);
			return false;
		}
		*out_cached = slot->cached;
		return true;
	}
	return false;
}

/* 0: never. */
static int64_t end_of(const struct slot *slot)
{
	int64_t expires_ms = slot->cached.identity->expires_ms;

	return expires_ms > 0 ? expires_ms : INT64_MAX;
}

static struct slot *choose(
	struct bud_token_cache *cache, uint64_t hash, struct bud_span token, unsigned use)
{
	struct slot *bucket = bucket_of(cache, hash);
	struct slot *chosen = bucket;

	for (struct slot *slot = bucket; slot < bucket + WAYS; slot++)
		if (slot->token && slot->use == use && slot->len == token.len &&
			memcmp(slot->token, token.at, token.len) == 0)
			return slot;
	for (struct slot *slot = bucket; slot < bucket + WAYS; slot++) {
		if (!slot->token)
			return slot;
		if (end_of(slot) < end_of(chosen))
			chosen = slot;
	}
	return chosen;
}

void bud_token_cache_put(struct bud_token_cache *cache, struct bud_span token, unsigned use,
	const struct bud_token_cached *cached)
{
	uint64_t hash = bud_hash_64(&cache->key, token);
	struct slot *slot = choose(cache, hash, token, use);

	bud_identity_ref(cached->identity);
	empty(cache, slot);
	*slot = (struct slot){hash, bud_strndup(token.at, token.len), token.len, use, *cached};
	cache->n++;
}

size_t bud_token_cache_count(const struct bud_token_cache *cache)
{
	return cache->n;
}
