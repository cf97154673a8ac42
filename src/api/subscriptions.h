/* The subscriptions API: /subscriptions and /subscriptions/{id} (CloudEvents Subscriptions API).
 * Writes the registry in Redis and reads single records from there; the list is read from the
 * table, once the table has reached the version that Redis had when the request came. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/list.h"
#include "http/route.h"

struct bud_authority;      /* auth/authorize.h */
struct bud_decision_point; /* access/decision_point.h */
struct bud_config;         /* config/config.h */
struct bud_metrics;        /* core/metrics.h */
struct bud_quota;          /* auth/quota.h */
struct bud_store;          /* store/store.h */
struct bud_table;          /* subscription/table.h */

/* All borrowed; one per worker, embedded in it. */
struct bud_subscriptions_api {
	struct bud_store *store; /* not one that blocks */
	struct bud_table *table;
	size_t table_reader; /* of this worker's thread */
	struct bud_authority *authority;
	struct bud_decision_point *point; /* NULL: there is none */
	struct bud_quota *quota;
	struct bud_metrics *metrics;
	const struct bud_config *config;
	const uint16_t *own_ports; /* no sinks: as in fetch/target.h; may be NULL */

	struct bud_list waiting; /* calls for the next tick; bounded by the connections */
	bool is_stopped;
};

/* The context of every route is the struct bud_subscriptions_api. */
extern const struct bud_route bud_subscriptions_routes[];
extern const size_t bud_subscriptions_routes_n;

/* The fields above `waiting` are set by the caller, before or after. */
void bud_subscriptions_api_init(struct bud_subscriptions_api *api);
/* Every 20 ms or so: repeats writes whose answer was lost, and answers lists whose table has caught
 * up. `mono_ms` is bud_clock_mono_ms(). */
void bud_subscriptions_api_tick(struct bud_subscriptions_api *api, int64_t mono_ms);
/* Answers all that waits, and from now on nothing waits: what comes back from Redis is answered at
 * once. Before the listener is closed; the struct must stay until it is. */
void bud_subscriptions_api_stop(struct bud_subscriptions_api *api);
