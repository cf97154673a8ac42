/* Rates. A name whose bucket is full is as one that is not known, so it can be forgotten. */
#include "auth/rates.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "core/map.h"

#define SECONDS_HELD  2
#define SWEEP_EACH_MS 1000 /* a look at all of them is not cheap */
#define NO_ROOM_MS    1000

struct bucket {
	double tokens; /* below 0: owed */
	double room;
	double per_ms;
	int64_t filled_ms;
	size_t len;
	char name[];
};

struct bud_rates {
	pthread_mutex_t lock;
	struct bud_map buckets;
	size_t names_max;
	int64_t swept_ms;
	bool is_swept; /* ever */
};

struct bud_rates *bud_rates_create(size_t names_max)
{
	struct bud_rates *rates = bud_new(struct bud_rates);

	pthread_mutex_init(&rates->lock, NULL);
	rates->names_max = names_max;
	return rates;
}

void bud_rates_destroy(struct bud_rates *rates)
{
	struct bucket *bucket;
	size_t position = 0;

	if (!rates)
		return;
	while ((bucket = bud_map_next(&rates->buckets, &position)))
		free(bucket);
	bud_map_finish(&rates->buckets);
	pthread_mutex_destroy(&rates->lock);
	free(rates);
}

static void fill(struct bucket *bucket, int64_t mono_ms)
{
	if (mono_ms > bucket->filled_ms) {
		bucket->tokens += (double)(mono_ms - bucket->filled_ms) * bucket->per_ms;
		bucket->filled_ms = mono_ms;
	}
	if (bucket->tokens > bucket->room)
		bucket->tokens = bucket->room;
}

/* Forgets those that are full. */
static void sweep(struct bud_rates *rates, int64_t mono_ms)
{
	struct bud_map kept = {0};
	struct bucket *bucket;
	size_t position = 0;

	while ((bucket = bud_map_next(&rates->buckets, &position))) {
		fill(bucket, mono_ms);
		if (bucket->tokens < bucket->room)
			bud_map_put(&kept, (struct bud_span){bucket->name, bucket->len}, bucket);
		else
			free(bucket);
	}
	bud_map_finish(&rates->buckets);
	rates->buckets = kept;
	rates->swept_ms = mono_ms;
	rates->is_swept = true;
}

/* NULL: too many have something to make up for. */
static struct bucket *find(struct bud_rates *rates, struct bud_span name, int64_t mono_ms)
{
	struct bucket *bucket = bud_map_get(&rates->buckets, name);

	if (bucket)
		return bucket;
	if (rates->buckets.n >= rates->names_max &&
		(!rates->is_swept || mono_ms >= rates->swept_ms + SWEEP_EACH_MS))
		sweep(rates, mono_ms);
	if (rates->buckets.n >= rates->names_max)
		return NULL;
	bucket = bud_alloc_zero(sizeof(*bucket) + name.len + 1);
	if (name.len > 0)
		memcpy(bucket->name, name.at, name.len);
	bucket->len = name.len;
	bucket->filled_ms = mono_ms;
	bud_map_put(&rates->buckets, (struct bud_span){bucket->name, name.len}, bucket);
	return bucket;
}

/* A rate may change from one time to the next: more nodes, another quota. */
static void set_rate(struct bucket *bucket, double per_s)
{
	bool is_new = bucket->per_ms == 0;

	bucket->per_ms = per_s / 1000;
	bucket->room = per_s * SECONDS_HELD > 1 ? per_s * SECONDS_HELD : 1;
	if (is_new || bucket->tokens > bucket->room)
		bucket->tokens = bucket->room;
}

static int64_t take(struct bucket *bucket, double n)
{
	double needed = n < bucket->room ? n : bucket->room;

	/* A little less is enough: time comes in whole milliseconds. */
	if (bucket->tokens < needed - 1e-6)
		return (int64_t)((needed - bucket->tokens) / bucket->per_ms) + 1;
	bucket->tokens -= n;
	return 0;
}

int64_t bud_rates_take(
	struct bud_rates *rates, struct bud_span name, double per_s, double n, int64_t mono_ms)
{
	int64_t wait_ms = NO_ROOM_MS;
	struct bucket *bucket;

	pthread_mutex_lock(&rates->lock);
	bucket = find(rates, name, mono_ms);
	if (bucket) {
		fill(bucket, mono_ms);
		set_rate(bucket, per_s);
		wait_ms = take(bucket, n);
	}
	pthread_mutex_unlock(&rates->lock);
	return wait_ms;
}
