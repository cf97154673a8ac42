/* The decision cache: buckets of four entries, a lock for every so many buckets. */
#include "auth/decision_cache.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "core/random.h"

#define WAYS       4u
#define STRIPES    64u
#define CACHE_LINE 128 /* two: the neighbour is fetched along */

struct entry {
	struct bud_hash_128 key;
	int64_t until_ms; /* 0: free */
	enum bud_decision decision;
};

struct stripe {
	pthread_mutex_t lock;
} __attribute__((aligned(CACHE_LINE)));

struct bud_decision_cache {
	struct bud_hash_key key;
	size_t buckets; /* a power of two */
	struct entry *entries;
	struct stripe *stripes;
};

struct bud_decision_cache *bud_decision_cache_create(size_t room)
{
	struct bud_decision_cache *cache = bud_new(struct bud_decision_cache);
	char seed[32];

	bud_random_bytes(seed, sizeof(seed));
	bud_hash_key_init(&cache->key, (struct bud_span){seed, sizeof(seed)});
	cache->buckets = STRIPES;
	while (cache->buckets * WAYS < room)
		cache->buckets *= 2;
	cache->entries = bud_alloc_zero(cache->buckets * WAYS * sizeof(*cache->entries));
	cache->stripes = aligned_alloc(CACHE_LINE, STRIPES * sizeof(*cache->stripes));
	if (!cache->stripes)
		abort();
	for (size_t i = 0; i < STRIPES; i++)
		pthread_mutex_init(&cache->stripes[i].lock, NULL);
	return cache;
}

void bud_decision_cache_destroy(struct bud_decision_cache *cache)
{
	if (!cache)
		return;
	for (size_t i = 0; i < STRIPES; i++)
		pthread_mutex_destroy(&cache->stripes[i].lock);
	free(cache->stripes);
	free(cache->entries);
	free(cache);
}

struct bud_hash_128 bud_decision_key(
	const struct bud_decision_cache *cache, const struct bud_question *question)
{
	const struct bud_span parts[] = {
		bud_span(bud_action_word(question->action)),
		question->who,
		question->resource,
		question->type,
		question->subject,
		/* What is not known is not what is empty. */
		{"*******", (size_t)(!question->resource.at) << 2 |
				    (size_t)(!question->type.at) << 1 | !question->subject.at},
	};

	return bud_hash_128(&cache->key, parts, sizeof(parts) / sizeof(parts[0]));
}

static struct entry *lock_bucket(
	struct bud_decision_cache *cache, struct bud_hash_128 key, pthread_mutex_t **out_lock)
{
	size_t bucket = key.low & (cache->buckets - 1);

	*out_lock = &cache->stripes[bucket % STRIPES].lock;
	pthread_mutex_lock(*out_lock);
	return &cache->entries[bucket * WAYS];
}

static bool is_key(const struct entry *entry, struct bud_hash_128 key)
{
	return entry->key.high == key.high && entry->key.low == key.low;
}

static bool is_in_force(const struct entry *entry, int64_t now_ms)
{
	return now_ms < entry->until_ms && entry->until_ms - now_ms <= BUD_DECISION_KEPT_MS_MAX;
}

enum bud_decision bud_decision_cache_get(
	struct bud_decision_cache *cache, struct bud_hash_128 key, int64_t now_ms)
{
	enum bud_decision decision = BUD_DECISION_LATER;
	pthread_mutex_t *lock;
	struct entry *bucket = lock_bucket(cache, key, &lock);

	for (size_t i = 0; i < WAYS; i++)
		if (is_key(&bucket[i], key) && is_in_force(&bucket[i], now_ms))
			decision = bucket[i].decision;
	pthread_mutex_unlock(lock);
	return decision;
}

void bud_decision_cache_put(struct bud_decision_cache *cache, struct bud_hash_128 key,
	enum bud_decision decision, int64_t until_ms)
{
	pthread_mutex_t *lock;
	struct entry *bucket = lock_bucket(cache, key, &lock);
	struct entry *chosen = bucket;

	for (size_t i = 1; i < WAYS; i++)
		if (bucket[i].until_ms < chosen->until_ms)
			chosen = &bucket[i];
	for (size_t i = 0; i < WAYS; i++)
		if (is_key(&bucket[i], key))
			chosen = &bucket[i];
	*chosen = (struct entry){key, until_ms, decision};
	pthread_mutex_unlock(lock);
}

void bud_decision_cache_clear(struct bud_decision_cache *cache)
{
	for (size_t i = 0; i < STRIPES; i++) {
		pthread_mutex_lock(&cache->stripes[i].lock);
		for (size_t k = i; k < cache->buckets; k += STRIPES)
			memset(&cache->entries[k * WAYS], 0, WAYS * sizeof(*cache->entries));
		pthread_mutex_unlock(&cache->stripes[i].lock);
	}
}
