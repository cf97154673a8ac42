/* Endpoints. closed -> open after so many failures in a row -> probing when its time has passed ->
 * closed on success, open again, twice as long, on failure. */
#include "dispatch/endpoint.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "core/map.h"
#include "core/random.h"

enum breaker {
	BREAKER_CLOSED,
	BREAKER_OPEN,
	BREAKER_PROBING,
};

struct bud_endpoint {
	struct bud_endpoints *endpoints;
	unsigned refs; /* under endpoints->lock */
	pthread_mutex_t lock;
	enum breaker breaker;
	unsigned running;
	unsigned failures; /* in a row */
	int64_t open_ms;   /* how long it was opened last */
	int64_t open_until_ms;
	int64_t retry_waits_until_ms; /* parked deliveries found it full just now */
	struct bud_buffer key;
};

struct bud_endpoints {
	pthread_mutex_t lock;
	struct bud_endpoint_limits limits;
	struct bud_map by_key;
	_Atomic size_t open_count;
};

struct bud_endpoints *bud_endpoints_create(const struct bud_endpoint_limits *limits)
{
	struct bud_endpoints *endpoints = bud_new(struct bud_endpoints);

	pthread_mutex_init(&endpoints->lock, NULL);
	endpoints->limits = *limits;
	return endpoints;
}

void bud_endpoints_destroy(struct bud_endpoints *endpoints)
{
	if (!endpoints)
		return;
	assert(endpoints->by_key.n == 0);
	bud_map_finish(&endpoints->by_key);
	pthread_mutex_destroy(&endpoints->lock);
	free(endpoints);
}

size_t bud_endpoints_count(struct bud_endpoints *endpoints)
{
	size_t n;

	pthread_mutex_lock(&endpoints->lock);
	n = endpoints->by_key.n;
	pthread_mutex_unlock(&endpoints->lock);
	return n;
}

size_t bud_endpoints_open_count(struct bud_endpoints *endpoints)
{
	return endpoints->open_count;
}

static struct bud_endpoint *create(struct bud_endpoints *endpoints, struct bud_buffer *key)
{
	struct bud_endpoint *endpoint = bud_new(struct bud_endpoint);

	endpoint->endpoints = endpoints;
	pthread_mutex_init(&endpoint->lock, NULL);
	endpoint->key = *key;
	*key = (struct bud_buffer){0};
	bud_map_put(&endpoints->by_key, bud_buffer_as_span(&endpoint->key), endpoint);
	return endpoint;
}

struct bud_endpoint *bud_endpoints_get(
	struct bud_endpoints *endpoints, struct bud_span owner, struct bud_span sink)
{
	bud_auto(buffer) struct bud_buffer key = {0};
	const char *query = memchr(sink.at, '?', sink.len);
	struct bud_endpoint *endpoint;

	if (query)
		sink.len = (size_t)(query - sink.at);
	bud_buffer_span(&key, owner);
	bud_buffer_byte(&key, ' ');
	bud_buffer_span(&key, sink);
	pthread_mutex_lock(&endpoints->lock);
	endpoint = bud_map_get(&endpoints->by_key, bud_buffer_as_span(&key));
	if (!endpoint)
		endpoint = create(endpoints, &key);
	endpoint->refs++;
	pthread_mutex_unlock(&endpoints->lock);
	return endpoint;
}

void bud_endpoint_unref(struct bud_endpoint *endpoint)
{
	struct bud_endpoints *endpoints;
	bool is_last;

	if (!endpoint)
		return;
	endpoints = endpoint->endpoints;
	pthread_mutex_lock(&endpoints->lock);
	is_last = --endpoint->refs == 0;
	if (is_last)
		bud_map_remove(&endpoints->by_key, bud_buffer_as_span(&endpoint->key));
	pthread_mutex_unlock(&endpoints->lock);
	if (!is_last)
		return;
	if (endpoint->breaker != BREAKER_CLOSED)
		endpoints->open_count--;
	pthread_mutex_destroy(&endpoint->lock);
	bud_buffer_finish(&endpoint->key);
	free(endpoint);
}

static enum bud_admit admit(
	struct bud_endpoint *endpoint, enum bud_share share, int64_t now_ms, int64_t *out_wait_ms)
{
	unsigned window = endpoint->endpoints->limits.window;

	if (endpoint->breaker == BREAKER_PROBING ||
		(endpoint->breaker == BREAKER_OPEN && now_ms < endpoint->open_until_ms)) {
		*out_wait_ms = endpoint->open_until_ms - now_ms;
		if (*out_wait_ms < 1000)
			*out_wait_ms = 1000;
		return BUD_ADMIT_OPEN;
	}
	if (share == BUD_SHARE_FRESH && now_ms < endpoint->retry_waits_until_ms)
		window -= window / 4;
	if (endpoint->running >= window) {
		if (share == BUD_SHARE_RETRY)
			endpoint->retry_waits_until_ms = now_ms + 1000;
		return BUD_ADMIT_FULL;
	}
	if (endpoint->breaker == BREAKER_OPEN)
		endpoint->breaker = BREAKER_PROBING;
	endpoint->running++;
	return BUD_ADMIT_YES;
}

enum bud_admit bud_endpoint_admit(
	struct bud_endpoint *endpoint, enum bud_share share, int64_t now_ms, int64_t *out_wait_ms)
{
	enum bud_admit answer;

	pthread_mutex_lock(&endpoint->lock);
	answer = admit(endpoint, share, now_ms, out_wait_ms);
	pthread_mutex_unlock(&endpoint->lock);
	return answer;
}

/* A tenth of jitter, so that lanes cut off together do not come back together. */
static void open_breaker(struct bud_endpoint *endpoint, int64_t now_ms)
{
	const struct bud_endpoint_limits *limits = &endpoint->endpoints->limits;

	if (endpoint->breaker == BREAKER_CLOSED) {
		endpoint->open_ms = limits->open_ms;
		endpoint->endpoints->open_count++;
	} else {
		endpoint->open_ms *= 2;
		if (endpoint->open_ms > limits->open_ms_longest)
			endpoint->open_ms = limits->open_ms_longest;
	}
	endpoint->breaker = BREAKER_OPEN;
	endpoint->open_until_ms = now_ms + endpoint->open_ms +
				  (int64_t)bud_random_below((uint64_t)endpoint->open_ms / 10 + 1);
}

static bool count_verdict(struct bud_endpoint *endpoint, enum bud_verdict verdict, int64_t now_ms)
{
	if (verdict == BUD_VERDICT_UNUSED) {
		if (endpoint->breaker == BREAKER_PROBING)
			endpoint->breaker = BREAKER_OPEN;
		return false;
	}
	if (verdict == BUD_VERDICT_OK) {
		endpoint->failures = 0;
		if (endpoint->breaker != BREAKER_CLOSED)
			endpoint->endpoints->open_count--;
		endpoint->breaker = BREAKER_CLOSED;
		return false;
	}
	endpoint->failures++;
	/* Attempts that started before it opened say nothing new. */
	if (endpoint->breaker == BREAKER_OPEN ||
		(endpoint->breaker == BREAKER_CLOSED &&
			endpoint->failures < endpoint->endpoints->limits.failures))
		return false;
	open_breaker(endpoint, now_ms);
	return true;
}

bool bud_endpoint_settle(struct bud_endpoint *endpoint, enum bud_verdict verdict, int64_t now_ms)
{
	bool is_opened;

	pthread_mutex_lock(&endpoint->lock);
	assert(endpoint->running > 0);
	endpoint->running--;
	is_opened = count_verdict(endpoint, verdict, now_ms);
	pthread_mutex_unlock(&endpoint->lock);
	return is_opened;
}
