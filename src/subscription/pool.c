/* Pools. A mutex guards all of one, counts included: records are read in bulk by a few threads and
 * destroyed one by one, and what is done under it is a look-up. */
#include "subscription/pool.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "core/map.h"
#include "subscription/push_config.h"

struct bud_shared {
	struct bud_pool *pool;
	struct bud_push_config *config; /* NULL: it is a text */
	unsigned refs;
	unsigned len;
	char text[]; /* of a config: its key */
};

struct bud_pool {
	pthread_mutex_t lock;
	struct bud_map texts;
	struct bud_map configs;
	unsigned refs;
};

struct bud_pool *bud_pool_create(void)
{
	struct bud_pool *pool = bud_new(struct bud_pool);

	pthread_mutex_init(&pool->lock, NULL);
	pool->refs = 1;
	return pool;
}

void bud_pool_ref(struct bud_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->refs++;
	pthread_mutex_unlock(&pool->lock);
}

static bool is_over(const struct bud_pool *pool)
{
	return pool->refs == 0 && pool->texts.n == 0 && pool->configs.n == 0;
}

static void finish(struct bud_pool *pool)
{
	bud_map_finish(&pool->texts);
	bud_map_finish(&pool->configs);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

void bud_pool_unref(struct bud_pool *pool)
{
	bool is_last;

	if (!pool)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->refs--;
	is_last = is_over(pool);
	pthread_mutex_unlock(&pool->lock);
	if (is_last)
		finish(pool);
}

static struct bud_span key_of(const struct bud_shared *shared)
{
	return (struct bud_span){shared->text, shared->len};
}

/* Under the lock. */
static struct bud_shared *add(struct bud_pool *pool, struct bud_map *map, struct bud_span key)
{
	struct bud_shared *shared = bud_alloc(sizeof(*shared) + key.len + 1);

	*shared = (struct bud_shared){.pool = pool, .refs = 1, .len = (unsigned)key.len};
	memcpy(shared->text, key.at, key.len);
	shared->text[key.len] = '\0';
	bud_map_put(map, key_of(shared), shared);
	return shared;
}

static void unref(struct bud_shared *shared)
{
	struct bud_pool *pool = shared->pool;
	bool is_gone, is_last;

	pthread_mutex_lock(&pool->lock);
	is_gone = --shared->refs == 0;
	if (is_gone)
		bud_map_remove(shared->config ? &pool->configs : &pool->texts, key_of(shared));
	/* Only who takes out the last thing may see this. */
	is_last = is_gone && is_over(pool);
	pthread_mutex_unlock(&pool->lock);
	if (is_gone && shared->config) {
		shared->config->shared = NULL;
		bud_push_config_destroy(shared->config);
	}
	if (is_gone)
		free(shared);
	if (is_last)
		finish(pool);
}

const char *bud_pool_take_text(struct bud_pool *pool, struct bud_span text)
{
	struct bud_shared *shared;

	pthread_mutex_lock(&pool->lock);
	shared = bud_map_get(&pool->texts, text);
	if (shared)
		shared->refs++;
	else
		shared = add(pool, &pool->texts, text);
	pthread_mutex_unlock(&pool->lock);
	return shared->text;
}

void bud_pool_return_text(const char *text)
{
	if (text)
		unref(bud_container((uintptr_t)text, struct bud_shared, text));
}

const struct bud_push_config *bud_pool_take_config(struct bud_pool *pool, struct bud_span key)
{
	struct bud_shared *shared;

	pthread_mutex_lock(&pool->lock);
	shared = bud_map_get(&pool->configs, key);
	if (shared)
		shared->refs++;
	pthread_mutex_unlock(&pool->lock);
	return shared ? shared->config : NULL;
}

const struct bud_push_config *bud_pool_add_config(
	struct bud_pool *pool, struct bud_span key, struct bud_push_config *taken)
{
	struct bud_shared *shared;

	assert(!taken->shared);
	pthread_mutex_lock(&pool->lock);
	shared = bud_map_get(&pool->configs, key);
	if (shared) {
		shared->refs++;
	} else {
		shared = add(pool, &pool->configs, key);
		shared->config = bud_move(taken);
		shared->config->shared = shared;
	}
	pthread_mutex_unlock(&pool->lock);
	bud_push_config_destroy(taken);
	return shared->config;
}

void bud_pool_return_config(const struct bud_push_config *config)
{
	unref(config->shared);
}
