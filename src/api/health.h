/* The health API, for the admin listener: /metrics, /healthz, /readyz. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/text.h"
#include "http/route.h"

struct bud_following; /* store/following.h */
struct bud_metrics;   /* core/metrics.h */

/* Whether this node can do its work; shared by all threads, set by whoever knows. Starts as {0}:
 * not ready. */
struct bud_readiness {
	atomic_bool is_redis_up;
	atomic_bool is_serving; /* every worker has reached Redis since the start */
	atomic_bool is_draining;
	struct bud_following *following; /* borrowed; set before the listener is opened */
};

/* All borrowed. */
struct bud_health_api {
	const struct bud_metrics *const *sets; /* one per thread, the sums of which are shown */
	size_t sets_n;
	struct bud_readiness *readiness;
};

/* The context of every route is the struct bud_health_api. */
extern const struct bud_route bud_health_routes[];
extern const size_t bud_health_routes_n;

/* Appends the answer of /readyz and tells whether it is 200: {"status":"ready"}, or what is
 * missing. */
bool bud_readiness_write(struct bud_readiness *readiness, int64_t mono_ms, struct bud_buffer *out);
