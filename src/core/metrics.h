/* Counters, gauges and latency histograms: a set per thread, written by that thread alone and read
 * by any. `/metrics` shows their sums. To add one: a line here and a line in metrics.c. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "core/text.h"

enum bud_counter {
	BUD_COUNTER_EVENTS_ACCEPTED,
	BUD_COUNTER_EVENTS_DUPLICATE,
	BUD_COUNTER_EVENTS_CONFLICT,
	BUD_COUNTER_REQUESTS_INVALID,
	BUD_COUNTER_REQUESTS_UNAVAILABLE,
	BUD_COUNTER_REQUESTS_UNAUTHENTICATED,
	BUD_COUNTER_REQUESTS_FORBIDDEN,
	BUD_COUNTER_TOKENS_CHECKED,
	BUD_COUNTER_EVENTS_READ,
	BUD_COUNTER_EVENTS_SWEPT,
	BUD_COUNTER_EVENTS_LOST,
	BUD_COUNTER_EVENTS_POISONED,
	BUD_COUNTER_EVENTS_ACKED,
	BUD_COUNTER_EVENTS_UNMATCHED,
	BUD_COUNTER_EVENTS_TRIMMED,
	BUD_COUNTER_DELIVERIES_MATCHED,
	BUD_COUNTER_DELIVERIES_DELIVERED,
	BUD_COUNTER_DELIVERIES_PARKED,
	BUD_COUNTER_DELIVERIES_DEAD,
	BUD_COUNTER_DELIVERIES_CANCELLED,
	BUD_COUNTER_DELIVERIES_EXPIRED,
	BUD_COUNTER_DELIVERIES_DENIED,
	BUD_COUNTER_DELIVERIES_LATER,
	BUD_COUNTER_DELIVERIES_CLAIMED,
	BUD_COUNTER_ATTEMPTS_OK,
	BUD_COUNTER_ATTEMPTS_FAILED,
	BUD_COUNTER_ATTEMPTS_STUCK,
	BUD_COUNTER_ATTEMPTS_BLOCKED,
	BUD_COUNTER_OUTCOME_AGAIN,
	BUD_COUNTER_OUTCOME_DEAD,
	BUD_COUNTER_OUTCOME_DISABLE,
	BUD_COUNTER_OUTCOME_EXPIRED,
	BUD_COUNTER_BREAKER_OPENED,
	BUD_COUNTER_ENDPOINT_PAUSES,
	BUD_COUNTER_WINDOW_HALVINGS,
	BUD_COUNTER_FETCH_FULL,
	BUD_COUNTER_FENCE_REJECTS,
	BUD_COUNTER_REDIS_RECONNECTS,
	BUD_COUNTER_REDIS_RESTARTS,
	BUD_COUNTER_REGISTRY_RELOADS,
	BUD_COUNTER_TAKE_OVERS,
	BUD_COUNTER_DECISION_CALLS,
	BUD_COUNTER_DECISION_QUESTIONS,
	BUD_COUNTER_DECISION_FAILURES,
	BUD_COUNTER_REGISTER_CALLS,
	BUD_COUNTER_REGISTER_FAILURES,
	BUD_COUNTER_EVENTS_TRIMMED_EARLY,
	BUD_COUNTER_INDEX_TRIMMED,
	BUD_COUNTER_PULL_PAGES,
	BUD_COUNTER_PULL_EVENTS,
	BUD_COUNTER_QUOTA_PUBLISHES,
	BUD_COUNTER_QUOTA_SUBSCRIPTIONS,
	BUD_COUNTER_QUOTA_DELIVERIES,
	BUD_COUNTER_INSTANCE_TOKENS,
	BUD_COUNTER_INSTANCE_READS,
	BUD_COUNTER_INSTANCE_REFUSED,
	BUD_COUNTERS,
};

/* Gauges are summed over the threads, too: set one in one thread only, or as its share. */
enum bud_gauge {
	BUD_GAUGE_HAND_EVENTS,
	BUD_GAUGE_ATTEMPTS_RUNNING,
	BUD_GAUGE_SUBSCRIPTIONS,
	BUD_GAUGE_SUBSCRIPTIONS_UNCOVERED,
	BUD_GAUGE_ENDPOINTS,
	BUD_GAUGE_ENDPOINTS_OPEN,
	BUD_GAUGE_LANES_DUE,
	BUD_GAUGE_PENDING,
	BUD_GAUGE_REDIS_UP,
	BUD_GAUGE_REDIS_USED_BYTES,
	BUD_GAUGE_REDIS_MAX_BYTES,
	BUD_GAUGE_REGISTRY_MISSING,
	BUD_GAUGE_NODES_LIVE,
	BUD_GAUGE_SEALED_OLD,
	BUD_GAUGE_ISSUERS_FAILING,
	BUD_GAUGE_POLICY_STALE,
	BUD_GAUGE_ISSUERS_STALE,
	BUD_GAUGE_RETENTION_BUDGET,
	BUD_GAUGE_EVENTS_RETAINED,
	BUD_GAUGE_OLDEST_EVENT,
	BUD_GAUGE_PULL_WAITING,
	BUD_GAUGE_PARKED_BYTES,
	BUD_GAUGE_QUOTA_FULL_OWNERS,
	BUD_GAUGES,
};

/* Each step of an event's life, in microseconds. */
enum bud_histogram {
	BUD_HISTOGRAM_INGEST,   /* request complete -> Redis answered */
	BUD_HISTOGRAM_BARRIER,  /* read -> table is new enough */
	BUD_HISTOGRAM_MATCH,    /* one event against the table */
	BUD_HISTOGRAM_PUSH,     /* attempt started -> response complete */
	BUD_HISTOGRAM_SETTLE,   /* settle or ack sent -> answered */
	BUD_HISTOGRAM_CLAIM,    /* claim sent -> answered */
	BUD_HISTOGRAM_DELIVERY, /* event stored -> first attempt delivered */
	BUD_HISTOGRAM_PULL,     /* page asked for, or something to read -> page */
	BUD_HISTOGRAMS,
};

#define BUD_HISTOGRAM_BUCKETS 48

/* Starts as {0}; embedded in the worker. */
struct bud_metrics {
	uint64_t counters[BUD_COUNTERS];
	int64_t gauges[BUD_GAUGES];
	uint64_t buckets[BUD_HISTOGRAMS][BUD_HISTOGRAM_BUCKETS];
	uint64_t sums_us[BUD_HISTOGRAMS];
};

/* By the owning thread. */
static inline void bud_metrics_add(
	struct bud_metrics *metrics, enum bud_counter counter, uint64_t n)
{
	uint64_t now = __atomic_load_n(&metrics->counters[counter], __ATOMIC_RELAXED);
	__atomic_store_n(&metrics->counters[counter], now + n, __ATOMIC_RELAXED);
}
static inline void bud_metrics_set(struct bud_metrics *metrics, enum bud_gauge gauge, int64_t value)
{
	__atomic_store_n(&metrics->gauges[gauge], value, __ATOMIC_RELAXED);
}
void bud_metrics_time(struct bud_metrics *metrics, enum bud_histogram histogram, int64_t us);

/* By any thread. */
uint64_t bud_metrics_counter(const struct bud_metrics *metrics, enum bud_counter counter);
int64_t bud_metrics_gauge(const struct bud_metrics *metrics, enum bud_gauge gauge);
/* Sums `n` sets and appends the Prometheus text format 0.0.4. */
void bud_metrics_write(const struct bud_metrics *const *sets, size_t n, struct bud_buffer *out);
