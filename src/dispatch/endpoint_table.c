/* All endpoints. What somebody paused is kept here until it ends, whether or not its endpoint is
 * known: one that is made later, or anew, begins paused. */
#include "dispatch/endpoint_table.h"

#include <assert.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "dispatch/endpoint.h"
#include "dispatch/endpoint_state.h"

#define REPORT_MS 1000
/* What is published of an endpoint is for people: the more there are, the more seldom, so that all
 * together are at most 200 commands a second. */
#define REPORT_MS_EACH 5

struct pause {
	enum bud_pause_kind kind;
	int64_t until_ms; /* monotonic; INT64_MAX: until it is ended */
	char *id;
};

struct bud_endpoints *bud_endpoints_create(
	const struct bud_endpoint_limits *limits, const struct bud_hash_key *key)
{
	struct bud_endpoints *endpoints = bud_new(struct bud_endpoints);

	pthread_mutex_init(&endpoints->lock, NULL);
	endpoints->limits = *limits;
	if (endpoints->limits.window_largest == 0)
		endpoints->limits.window_largest = limits->window;
	endpoints->breaker_limits = (struct bud_breaker_limits){
		limits->failures, limits->open_ms, limits->open_ms_longest};
	endpoints->key = key;
	atomic_store(&endpoints->nodes, 1);
	return endpoints;
}

static void free_pause(struct pause *pause)
{
	free(pause->id);
	free(pause);
}

void bud_endpoints_destroy(struct bud_endpoints *endpoints)
{
	size_t position = 0;
	struct pause *pause;

	if (!endpoints)
		return;
	assert(endpoints->by_id.n == 0);
	while ((pause = bud_map_next(&endpoints->pauses, &position)) != NULL)
		free_pause(pause);
	bud_map_finish(&endpoints->pauses);
	bud_buffer_finish(&endpoints->id);
	bud_map_finish(&endpoints->by_id);
	bud_hosts_finish(&endpoints->hosts);
	pthread_mutex_destroy(&endpoints->lock);
	free(endpoints);
}

size_t bud_endpoints_count(struct bud_endpoints *endpoints)
{
	size_t n;

	pthread_mutex_lock(&endpoints->lock);
	n = endpoints->by_id.n;
	pthread_mutex_unlock(&endpoints->lock);
	return n;
}

size_t bud_endpoints_open_count(struct bud_endpoints *endpoints)
{
	return endpoints->open_count;
}

void bud_endpoints_set_nodes(struct bud_endpoints *endpoints, unsigned n)
{
	atomic_store(&endpoints->nodes, n > 0 ? n : 1);
}

unsigned bud_endpoints_nodes(struct bud_endpoints *endpoints)
{
	return atomic_load_explicit(&endpoints->nodes, memory_order_relaxed);
}

/* Until when this id is paused by people; 0: it is not. */
static int64_t find_hold(struct bud_endpoints *endpoints, const char *prefix, const char *rest)
{
	const struct pause *pause;

	bud_buffer_clear(&endpoints->id);
	bud_buffer_text(&endpoints->id, prefix);
	bud_buffer_text(&endpoints->id, rest);
	pause = bud_map_get(&endpoints->pauses, bud_buffer_as_span(&endpoints->id));
	return pause && pause->kind == BUD_PAUSE_OPERATOR ? pause->until_ms : 0;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* What people paused that it is part of. Both locks are held, as in what follows. */
static void apply_holds(struct bud_endpoint *endpoint)
{
	struct bud_endpoints *endpoints = endpoint->endpoints;
	int64_t until_ms = 0;

	if (endpoints->pauses.n > 0) {
		until_ms = find_hold(endpoints, BUD_PAUSE_ALL, "");
		until_ms = later(until_ms, find_hold(endpoints, BUD_PAUSE_OWNER, endpoint->owner));
		until_ms = later(
			until_ms, find_hold(endpoints, BUD_PAUSE_HOST, endpoint->host->name.at));
		until_ms = later(until_ms, find_hold(endpoints, BUD_PAUSE_ENDPOINT, endpoint->id));
	}
	endpoint->held_until_ms = until_ms;
}

/* What its receiver asked for, or how another node found it. */
static void apply_told(struct bud_endpoint *endpoint, enum bud_pause_kind kind, int64_t until_ms)
{
	struct bud_endpoints *endpoints = endpoint->endpoints;

	if (kind == BUD_PAUSE_RETRY_AFTER) {
		endpoint->paused_until_ms = later(endpoint->paused_until_ms, until_ms);
	} else if (kind == BUD_PAUSE_BREAKER) {
		if (!bud_breaker_is_open(&endpoint->breaker))
			endpoints->open_count++;
		bud_breaker_open_until(&endpoint->breaker, &endpoints->breaker_limits, until_ms);
	}
	endpoint->is_changed = true;
}

static void apply_end(struct bud_endpoint *endpoint, int64_t now_ms)
{
	endpoint->paused_until_ms = 0;
	if (bud_breaker_close(&endpoint->breaker, now_ms))
		endpoint->endpoints->open_count--;
	endpoint->is_changed = true;
}

static void apply_kept(struct bud_endpoint *endpoint)
{
	bud_auto(buffer) struct bud_buffer id = {0};
	const struct pause *pause;

	apply_holds(endpoint);
	if (endpoint->endpoints->pauses.n == 0)
		return;
	bud_buffer_text(&id, BUD_PAUSE_ENDPOINT);
	bud_buffer_text(&id, endpoint->id);
	pause = bud_map_get(&endpoint->endpoints->pauses, bud_buffer_as_span(&id));
	if (!pause)
		return;
	apply_told(endpoint, pause->kind, pause->until_ms);
	endpoint->is_told = true;
}

static struct bud_endpoint *create(struct bud_endpoints *endpoints, struct bud_span owner,
	struct bud_span sink, const char *id)
{
	struct bud_endpoint *endpoint = bud_new(struct bud_endpoint);

	endpoint->endpoints = endpoints;
	pthread_mutex_init(&endpoint->lock, NULL);
	memcpy(endpoint->id, id, sizeof(endpoint->id));
	sink = bud_span_take_until(&sink, '?');
	endpoint->owner = bud_strndup(owner.at, owner.len);
	endpoint->sink = bud_strndup(sink.at, sink.len);
	endpoint->host = bud_hosts_get(&endpoints->hosts, sink);
	bud_window_init(&endpoint->window, endpoints->limits.window);
	bud_list_init(&endpoint->wishes);
	apply_kept(endpoint);
	bud_map_put(&endpoints->by_id, bud_span(endpoint->id), endpoint);
	return endpoint;
}

struct bud_endpoint *bud_endpoints_get(
	struct bud_endpoints *endpoints, struct bud_span owner, struct bud_span sink)
{
	char id[BUD_ENDPOINT_ID_BYTES];
	struct bud_endpoint *endpoint;

	bud_endpoint_id_write(endpoints->key, owner, sink, id);
	pthread_mutex_lock(&endpoints->lock);
	endpoint = bud_map_get(&endpoints->by_id, bud_span(id));
	if (!endpoint)
		endpoint = create(endpoints, owner, sink, id);
	endpoint->refs++;
	pthread_mutex_unlock(&endpoints->lock);
	return endpoint;
}

/* Nobody knows it any more. */
static void destroy(struct bud_endpoint *endpoint)
{
	assert(endpoint->shares.running == 0 && bud_list_is_empty(&endpoint->wishes));
	if (bud_breaker_is_open(&endpoint->breaker))
		endpoint->endpoints->open_count--;
	pthread_mutex_destroy(&endpoint->lock);
	free(endpoint->owner);
	free(endpoint->sink);
	free(endpoint);
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
	if (is_last) {
		bud_map_remove(&endpoints->by_id, bud_span(endpoint->id));
		bud_host_unref(&endpoints->hosts, endpoint->host);
	}
	pthread_mutex_unlock(&endpoints->lock);
	if (is_last)
		destroy(endpoint);
}

/* Replaces what was kept of this id; over: nothing is. */
static void keep(struct bud_endpoints *endpoints, const struct bud_pause *pause, int64_t now_ms)
{
	struct pause *old = bud_map_remove(&endpoints->pauses, pause->id);
	struct pause *kept;

	if (old)
		free_pause(old);
	if (pause->kind == BUD_PAUSE_ENDED)
		return;
	kept = bud_new(struct pause);
	kept->kind = pause->kind;
	kept->until_ms = pause->for_ms > 0 ? now_ms + pause->for_ms : INT64_MAX;
	kept->id = bud_strndup(pause->id.at, pause->id.len);
	bud_map_put(&endpoints->pauses, bud_span(kept->id), kept);
}

static void apply_to_one(
	struct bud_endpoint *endpoint, const struct bud_pause *pause, bool is_own, int64_t now_ms)
{
	pthread_mutex_lock(&endpoint->lock);
	apply_holds(endpoint);
	if (!is_own && pause->kind == BUD_PAUSE_ENDED)
		apply_end(endpoint, now_ms);
	else if (!is_own && pause->kind != BUD_PAUSE_OPERATOR)
		apply_told(endpoint, pause->kind,
			pause->for_ms > 0 ? now_ms + pause->for_ms : INT64_MAX);
	pthread_mutex_unlock(&endpoint->lock);
}

static bool is_part(struct bud_span id, const char *prefix, const char *of)
{
	struct bud_span begin = bud_span(prefix);

	return bud_span_starts(id, begin) &&
	       bud_span_is((struct bud_span){id.at + begin.len, id.len - begin.len}, of);
}

/* To those that are part of it: all, an owner's or a host's. */
static void apply_to_all(struct bud_endpoints *endpoints, struct bud_span id)
{
	struct bud_endpoint *endpoint;
	size_t position = 0;

	while ((endpoint = bud_map_next(&endpoints->by_id, &position)) != NULL) {
		if (!bud_span_is(id, BUD_PAUSE_ALL) &&
			!is_part(id, BUD_PAUSE_OWNER, endpoint->owner) &&
			!is_part(id, BUD_PAUSE_HOST, endpoint->host->name.at))
			continue;
		pthread_mutex_lock(&endpoint->lock);
		apply_holds(endpoint);
		pthread_mutex_unlock(&endpoint->lock);
	}
}

void bud_endpoints_pause(
	struct bud_endpoints *endpoints, const struct bud_pause *pause, bool is_own, int64_t now_ms)
{
	struct bud_span prefix = bud_span(BUD_PAUSE_ENDPOINT);
	struct bud_span id = {pause->id.at + prefix.len, pause->id.len - prefix.len};
	struct bud_endpoint *endpoint;

	pthread_mutex_lock(&endpoints->lock);
	keep(endpoints, pause, now_ms);
	if (bud_span_starts(pause->id, prefix)) {
		endpoint = bud_map_get(&endpoints->by_id, id);
		if (endpoint)
			apply_to_one(endpoint, pause, is_own, now_ms);
	} else {
		apply_to_all(endpoints, pause->id);
	}
	pthread_mutex_unlock(&endpoints->lock);
}

void bud_endpoints_forget_pauses(struct bud_endpoints *endpoints, int64_t now_ms)
{
	struct pause *over[64];
	size_t position = 0;
	size_t n = 0;
	struct pause *pause;

	pthread_mutex_lock(&endpoints->lock);
	while (n < sizeof(over) / sizeof(over[0]) &&
		(pause = bud_map_next(&endpoints->pauses, &position)) != NULL)
		if (pause->until_ms <= now_ms)
			over[n++] = pause;
	for (size_t i = 0; i < n; i++) {
		bud_map_remove(&endpoints->pauses, bud_span(over[i]->id));
		free_pause(over[i]);
	}
	pthread_mutex_unlock(&endpoints->lock);
}

static int64_t left(int64_t until_ms, int64_t now_ms)
{
	return until_ms > now_ms ? until_ms - now_ms : 0;
}

/* What others have to learn of how long it gets nothing. */
static void report_pause(
	struct bud_endpoint *endpoint, int64_t now_ms, struct bud_endpoint_report *report)
{
	if (!endpoint->is_pause_changed || now_ms - endpoint->told_ms < REPORT_MS)
		return;
	endpoint->is_pause_changed = false;
	if (report->open_for_ms > 0 || report->paused_for_ms > 0) {
		report->tell = BUD_ENDPOINT_TELL_PAUSE;
		report->pause_ms = later(report->open_for_ms, report->paused_for_ms);
		report->pause_kind = report->open_for_ms >= report->paused_for_ms
					     ? BUD_PAUSE_BREAKER
					     : BUD_PAUSE_RETRY_AFTER;
		endpoint->is_told = true;
		endpoint->told_ms = now_ms;
	} else if (endpoint->is_told) {
		report->tell = BUD_ENDPOINT_TELL_END;
		endpoint->is_told = false;
		endpoint->told_ms = now_ms;
	}
}

/* False: nothing to tell. */
static bool report_one(
	struct bud_endpoint *endpoint, int64_t now_ms, struct bud_endpoint_report *report)
{
	*report = (struct bud_endpoint_report){
		.window = endpoint->window.size,
		.running = endpoint->shares.running,
		.breaker = endpoint->breaker.state,
		.open_for_ms = bud_breaker_is_open(&endpoint->breaker)
				       ? left(endpoint->breaker.open_until_ms, now_ms)
				       : 0,
		.paused_for_ms = left(endpoint->paused_until_ms, now_ms),
		.delivered = endpoint->delivered,
		.failed = endpoint->failed,
		.in_a_row = endpoint->breaker.failures,
	};
	report_pause(endpoint, now_ms, report);
	if (endpoint->is_changed &&
		now_ms - endpoint->reported_ms >=
			REPORT_MS + REPORT_MS_EACH * (int64_t)endpoint->endpoints->by_id.n) {
		report->is_changed = true;
		endpoint->is_changed = false;
		endpoint->reported_ms = now_ms;
	}
	if (!report->is_changed && report->tell == BUD_ENDPOINT_TELL_NOTHING)
		return false;
	memcpy(report->id, endpoint->id, sizeof(report->id));
	report->owner = bud_strdup(endpoint->owner);
	report->sink = bud_strdup(endpoint->sink);
	return true;
}

size_t bud_endpoints_report(struct bud_endpoints *endpoints, int64_t now_ms, size_t *position,
	struct bud_endpoint_report *reports, size_t max)
{
	struct bud_endpoint *endpoint = NULL;
	size_t n = 0;

	pthread_mutex_lock(&endpoints->lock);
	while (n < max && (endpoint = bud_map_next(&endpoints->by_id, position)) != NULL) {
		pthread_mutex_lock(&endpoint->lock);
		n += report_one(endpoint, now_ms, &reports[n]);
		pthread_mutex_unlock(&endpoint->lock);
	}
	pthread_mutex_unlock(&endpoints->lock);
	if (!endpoint)
		*position = 0;
	return n;
}

void bud_endpoint_report_finish(struct bud_endpoint_report *report)
{
	free(report->owner);
	free(report->sink);
}
