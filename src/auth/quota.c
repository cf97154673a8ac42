/* Quotas. */
#include "auth/quota.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "auth/rates.h"
#include "core/alloc.h"
#include "core/map.h"

#define NAMES_MAX 65536u

/* What an owner has parked. */
struct parked {
	int64_t bytes;
	char owner[];
};

/* An owner's own quotas. */
struct own {
	struct bud_quotas quotas;
	char owner[];
};

struct bud_quota {
	struct bud_quotas quotas;
	struct bud_rates *published;
	struct bud_rates *instance_reads;
	atomic_uint nodes;
	atomic_bool has_own;
	atomic_bool bounds_parked;
	pthread_mutex_t lock;   /* of the three below */
	struct bud_map own;     /* struct own by owner */
	struct bud_map parked;  /* struct parked by owner */
	struct bud_map refused; /* id by itself */
	atomic_bool refuses_any;
};

struct bud_quota *bud_quota_create(const struct bud_quotas *quotas)
{
	struct bud_quota *quota = bud_new(struct bud_quota);

	quota->quotas = *quotas;
	quota->published = bud_rates_create(NAMES_MAX);
	quota->instance_reads = bud_rates_create(NAMES_MAX);
	atomic_init(&quota->nodes, 1);
	atomic_init(&quota->bounds_parked, quotas->parked_bytes > 0);
	pthread_mutex_init(&quota->lock, NULL);
	return quota;
}

static void free_values(struct bud_map *map)
{
	size_t position = 0;
	void *value;

	while ((value = bud_map_next(map, &position)))
		free(value);
	bud_map_finish(map);
}

void bud_quota_destroy(struct bud_quota *quota)
{
	if (!quota)
		return;
	bud_rates_destroy(quota->published);
	bud_rates_destroy(quota->instance_reads);
	free_values(&quota->parked);
	free_values(&quota->own);
	free_values(&quota->refused);
	pthread_mutex_destroy(&quota->lock);
	free(quota);
}

/* What an owner has of its own stands for what all have. */
static void put_own(struct bud_quotas *quotas, const struct bud_quotas *own)
{
	if (own->subscriptions >= 0)
		quotas->subscriptions = own->subscriptions;
	if (own->parked_bytes >= 0)
		quotas->parked_bytes = own->parked_bytes;
	if (own->publish_per_s >= 0)
		quotas->publish_per_s = own->publish_per_s;
}

void bud_quota_set_own(struct bud_quota *quota, const struct bud_quota_own *own, size_t n)
{
	struct bud_map fresh = {0};
	struct bud_map before;
	bool bounds_parked = quota->quotas.parked_bytes > 0;

	for (size_t i = 0; i < n; i++) {
		struct own *one = bud_alloc_zero(sizeof(*one) + own[i].owner.len + 1);
		memcpy(one->owner, own[i].owner.at, own[i].owner.len);
		one->quotas = quota->quotas;
		put_own(&one->quotas, &own[i].quotas);
		bounds_parked |= one->quotas.parked_bytes > 0;
		free(bud_map_put(&fresh, bud_span(one->owner), one));
	}
	pthread_mutex_lock(&quota->lock);
	before = quota->own;
	quota->own = fresh;
	pthread_mutex_unlock(&quota->lock);
	atomic_store(&quota->has_own, n > 0);
	atomic_store(&quota->bounds_parked, bounds_parked);
	free_values(&before);
}

void bud_quota_of(struct bud_quota *quota, struct bud_span owner, struct bud_quotas *out_quotas)
{
	const struct own *own;

	*out_quotas = quota ? quota->quotas : (struct bud_quotas){0};
	if (!quota || !atomic_load_explicit(&quota->has_own, memory_order_relaxed))
		return;
	pthread_mutex_lock(&quota->lock);
	own = bud_map_get(&quota->own, owner);
	if (own)
		*out_quotas = own->quotas;
	pthread_mutex_unlock(&quota->lock);
}

void bud_quota_set_nodes(struct bud_quota *quota, unsigned n)
{
	atomic_store(&quota->nodes, n > 0 ? n : 1);
}

static bool is_full(struct bud_quota *quota, struct bud_span owner, int64_t bytes)
{
	struct bud_quotas quotas;

	bud_quota_of(quota, owner, &quotas);
	return quotas.parked_bytes > 0 && bytes >= quotas.parked_bytes;
}

size_t bud_quota_set_parked(struct bud_quota *quota, const struct bud_quota_use *uses, size_t n)
{
	struct bud_map fresh = {0};
	struct bud_map before;
	size_t full = 0;

	for (size_t i = 0; i < n; i++) {
		struct parked *parked = bud_alloc_zero(sizeof(*parked) + uses[i].owner.len + 1);
		memcpy(parked->owner, uses[i].owner.at, uses[i].owner.len);
		parked->bytes = uses[i].bytes;
		full += is_full(quota, uses[i].owner, parked->bytes);
		free(bud_map_put(&fresh, bud_span(parked->owner), parked));
	}
	pthread_mutex_lock(&quota->lock);
	before = quota->parked;
	quota->parked = fresh;
	pthread_mutex_unlock(&quota->lock);
	free_values(&before);
	return full;
}

int64_t bud_quota_parked(struct bud_quota *quota, struct bud_span owner)
{
	const struct parked *parked;
	int64_t bytes;

	pthread_mutex_lock(&quota->lock);
	parked = bud_map_get(&quota->parked, owner);
	bytes = parked ? parked->bytes : 0;
	pthread_mutex_unlock(&quota->lock);
	return bytes;
}

bool bud_quota_bounds_parked(struct bud_quota *quota)
{
	return atomic_load_explicit(&quota->bounds_parked, memory_order_relaxed);
}

bool bud_quota_is_full(struct bud_quota *quota, struct bud_span owner)
{
	return quota && bud_quota_bounds_parked(quota) &&
	       is_full(quota, owner, bud_quota_parked(quota, owner));
}

void bud_quota_set_refused(struct bud_quota *quota, const struct bud_span *subscriptions, size_t n)
{
	struct bud_map fresh = {0};
	struct bud_map before;

	for (size_t i = 0; i < n; i++) {
		char *id = bud_strndup(subscriptions[i].at, subscriptions[i].len);
		free(bud_map_put(&fresh, bud_span(id), id));
	}
	pthread_mutex_lock(&quota->lock);
	before = quota->refused;
	quota->refused = fresh;
	pthread_mutex_unlock(&quota->lock);
	atomic_store(&quota->refuses_any, n > 0);
	free_values(&before);
}

bool bud_quota_refuses(struct bud_quota *quota, struct bud_span subscription)
{
	bool refuses;

	if (!quota || !atomic_load_explicit(&quota->refuses_any, memory_order_relaxed))
		return false;
	pthread_mutex_lock(&quota->lock);
	refuses = bud_map_get(&quota->refused, subscription) != NULL;
	pthread_mutex_unlock(&quota->lock);
	return refuses;
}

int64_t bud_quota_publish(struct bud_quota *quota, struct bud_span owner, size_t n, int64_t mono_ms)
{
	struct bud_quotas quotas;

	bud_quota_of(quota, owner, &quotas);
	if (quotas.publish_per_s == 0 || n == 0)
		return 0;
	return bud_rates_take(quota->published, owner,
		(double)quotas.publish_per_s / atomic_load(&quota->nodes), (double)n, mono_ms);
}

int64_t bud_quota_read_instance(struct bud_quota *quota, struct bud_span id, int64_t mono_ms)
{
	int64_t per_s = quota ? quota->quotas.instance_reads_per_s : 0;

	if (per_s == 0)
		return 0;
	return bud_rates_take(
		quota->instance_reads, id, (double)per_s / atomic_load(&quota->nodes), 1, mono_ms);
}
