/* The structs between endpoint.c, what goes on at one endpoint, and endpoint_table.c, all of them.
 * Locks are taken in this order: the table's, then one endpoint's. */
#pragma once
#include <pthread.h>
#include <stdatomic.h>
#include "core/map.h"
#include "dispatch/breaker.h"
#include "dispatch/endpoint.h"
#include "dispatch/host.h"
#include "dispatch/limiter.h"
#include "dispatch/share.h"
#include "dispatch/window.h"
#include "store/endpoints.h"

struct bud_endpoints {
	pthread_mutex_t lock;
	struct bud_endpoint_limits limits;
	struct bud_breaker_limits breaker_limits;
	const struct bud_hash_key *key;
	struct bud_map by_id;
	struct bud_map pauses; /* struct pause: what somebody told */
	struct bud_buffer id;  /* of the one that is looked for */
	struct bud_hosts hosts;
	atomic_size_t open_count;
	atomic_uint suspects; /* attempts at them */
	atomic_uint nodes;
};

struct bud_endpoint {
	struct bud_endpoints *endpoints;
	unsigned refs; /* under endpoints->lock */
	char id[BUD_ENDPOINT_ID_BYTES];
	struct bud_host *host;
	char *owner;
	char *sink; /* without its query */

	pthread_mutex_t lock; /* of all below */
	struct bud_window window;
	struct bud_shares shares;
	struct bud_breaker breaker;
	struct bud_limiter limiter;
	struct bud_list wishes; /* bud_endpoint_wish::link */
	double rate_per_s;      /* the lowest wish; 0: none */
	unsigned max_in_flight;
	int64_t paused_until_ms; /* the receiver said so */
	int64_t held_until_ms;   /* people said so; INT64_MAX: until they end it */
	bool has_succeeded;
	unsigned suspects; /* of its attempts, counted in endpoints->suspects */
	uint64_t delivered;
	uint64_t failed;
	/* For the report. */
	bool is_changed;
	bool is_pause_changed; /* paused, opened or closed */
	bool is_told;          /* others know of a pause */
	int64_t reported_ms;
	int64_t told_ms;
};
