/* The cleaner. Each second: Redis' time -> memory -> trim one round of partitions, harder when
 * memory is short -> a few subscriptions' dead letters -> a few deleted subscriptions; each minute
 * the expired grants. Everything is bounded per second. What is old is so by Redis' clock: a node
 * with a wrong one must not forget what all have. */
#include "lifecycle/clean.h"

#include <stdlib.h>
#include <uv.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/limits.h"
#include "core/list.h"
#include "core/log.h"
#include "core/map.h"
#include "core/metrics.h"
#include "lifecycle/expired.h"
#include "store/attempts.h"
#include "store/failing.h"
#include "store/keys.h"
#include "store/lane.h"
#include "store/lane_rows.h"
#include "store/partition.h"
#include "store/stats.h"
#include "subscription/subscription.h"
#include "subscription/table.h"

#define EACH_MS       1000
#define TRIM_MOST     10000
#define LANES_A_TURN  50
#define LATE_MS       (BUD_TIMEOUT_MS_MAX + 15000)
#define SHORT_PERCENT 70 /* of Redis' memory: settled events go whatever their age */
#define FULL_PERCENT  95 /* what may be left out is not written */
#define HARD_PERCENT  85 /* above it no longer only as many as is needed */
#define TRIM_LEAST    100

/* A lane whose dead letters are being forgotten. */
struct lane {
	struct bud_list link; /* bud_cleaner::waiting or ::late, if it is a deleted one's */
	struct bud_cleaner *cleaner;
	int64_t cutoff_ms;
	bool is_deleted;
	int64_t late_mono_ms; /* a deleted one's, when it was cleared: once more from then on */
	char id[];
};

struct bud_cleaner {
	struct bud_clean_options options;
	uv_timer_t timer;
	struct bud_map deleted;  /* lane by id, until nothing is left of it */
	struct bud_list waiting; /* lane::link, of those that are not under way */
	struct bud_list late;    /* lane::link, of those cleared once, in order of late_mono_ms */
	uint64_t serial;         /* the last subscription that was looked at */
	int64_t now_ms;          /* by Redis' clock */
	bool is_short;
	unsigned most; /* events of a partition that may go in this turn */
	bool is_measuring;
	int64_t pending; /* summed up over the partitions */
	struct bud_expired expired;
};

static void on_timer(uv_timer_t *timer);

struct bud_cleaner *bud_cleaner_open(const struct bud_clean_options *options)
{
	struct bud_cleaner *cleaner = bud_new(struct bud_cleaner);
	uint64_t each_ms = options->each_ms ? (uint64_t)options->each_ms : EACH_MS;

	cleaner->options = *options;
	if (cleaner->options.late_ms == 0)
		cleaner->options.late_ms = LATE_MS;
	bud_list_init(&cleaner->waiting);
	bud_list_init(&cleaner->late);
	bud_expired_init(&cleaner->expired, options->store, options->authority);
	uv_timer_init(options->loop, &cleaner->timer);
	cleaner->timer.data = cleaner;
	uv_timer_start(&cleaner->timer, on_timer, each_ms, each_ms);
	return cleaner;
}

static void on_closed(uv_handle_t *handle)
{
	struct bud_cleaner *cleaner = handle->data;
	size_t position = 0;
	struct lane *lane;

	while ((lane = bud_map_next(&cleaner->deleted, &position)))
		free(lane);
	bud_map_finish(&cleaner->deleted);
	free(cleaner);
}

void bud_cleaner_close(struct bud_cleaner *cleaner)
{
	if (cleaner)
		uv_close((uv_handle_t *)&cleaner->timer, on_closed);
}

static struct lane *create_lane(struct bud_cleaner *cleaner, const char *id, int64_t cutoff_ms)
{
	size_t len = strlen(id);
	struct lane *lane = bud_alloc_zero(sizeof(*lane) + len + 1);

	memcpy(lane->id, id, len);
	lane->cleaner = cleaner;
	lane->cutoff_ms = cutoff_ms;
	bud_list_init(&lane->link);
	return lane;
}

static void wait_again(struct lane *lane)
{
	if (lane->is_deleted)
		bud_list_append(&lane->cleaner->waiting, &lane->link);
	else
		free(lane);
}

static void on_pulled(void *owner, int err, int64_t cursor)
{
	(void)owner;
	(void)err;
	(void)cursor;
}

/* What is not its dead letters'. Its lanes are looked at now and forgotten, but for those of keys
 * where there are so many lanes that they are listed in parts: these within ten minutes. Holds of
 * ordered lanes go with their last claim. */
static void clear(struct bud_store *store, const char *id)
{
	char replay[BUD_LANE_TEXT_BYTES];

	(void)!bud_lane_pull_subscription(store, bud_span(id), 0, on_pulled, NULL);
	(void)bud_attempts_drop(store, bud_span(id));
	(void)bud_stats_drop(store, bud_span(id));
	(void)bud_failing_clear(store, bud_span(id));
	(void)bud_lane_drop_hold(store, bud_span(id));
	bud_lane_replay_write(bud_span(id), replay);
	(void)bud_lane_drop_hold(store, bud_span(replay));
}

static void finish_lane(struct lane *lane)
{
	struct bud_cleaner *cleaner = lane->cleaner;

	if (!lane->is_deleted) {
		free(lane);
		return;
	}
	clear(cleaner->options.store, lane->id);
	if (lane->late_mono_ms == 0) {
		lane->late_mono_ms = bud_clock_mono_ms() + cleaner->options.late_ms;
		bud_list_append(&cleaner->late, &lane->link);
		return;
	}
	bud_map_remove(&cleaner->deleted, bud_span(lane->id));
	free(lane);
}

static void forget_dead(struct lane *lane);

static void on_forgotten(void *owner, int err, int64_t n)
{
	struct lane *lane = owner;

	if (err < 0 || n == 0)
		wait_again(lane);
	else
		forget_dead(lane);
}

static void on_dead(void *owner, int err, const struct bud_member *ids, size_t n)
{
	struct bud_resolution resolutions[BUD_CLAIM_MAX];
	struct lane *lane = owner;
	struct bud_store *store = lane->cleaner->options.store;
	struct bud_lane_resolve resolve = {.lane = bud_span(lane->id),
		.subscription = bud_span(lane->id),
		.resolutions = resolutions,
		.n = n};

	if (err < 0) {
		wait_again(lane);
		return;
	}
	if (n == 0) {
		finish_lane(lane);
		return;
	}
	for (size_t i = 0; i < n; i++)
		resolutions[i] = (struct bud_resolution){.id = ids[i], .verb = BUD_RESOLVE_FORGET};
	if (bud_lane_resolve(store, &resolve, on_forgotten, lane) < 0)
		wait_again(lane);
}

static void forget_dead(struct lane *lane)
{
	if (bud_lane_dead_before(lane->cleaner->options.store, bud_span(lane->id), lane->cutoff_ms,
		    on_dead, lane) < 0)
		wait_again(lane);
}

void bud_cleaner_on_deleted(struct bud_cleaner *cleaner, const char *id)
{
	struct lane *lane;

	/* Each load tells all tombstones again. */
	if (bud_map_get(&cleaner->deleted, bud_span(id)))
		return;
	lane = create_lane(cleaner, id, INT64_MAX / 64);
	lane->is_deleted = true;
	bud_map_put(&cleaner->deleted, bud_span(lane->id), lane);
	bud_list_append(&cleaner->waiting, &lane->link);
}

static void on_trimmed(void *owner, int err, int64_t n)
{
	struct bud_cleaner *cleaner = owner;

	if (err < 0)
		return;
	bud_metrics_add(cleaner->options.metrics, BUD_COUNTER_EVENTS_TRIMMED, (uint64_t)n);
	if (cleaner->is_short)
		bud_metrics_add(
			cleaner->options.metrics, BUD_COUNTER_EVENTS_TRIMMED_EARLY, (uint64_t)n);
}

static void trim(struct bud_cleaner *cleaner)
{
	int64_t now_ms = cleaner->now_ms;
	int64_t cutoff_ms = cleaner->is_short ? now_ms : now_ms - cleaner->options.retention_ms;

	for (unsigned i = 0; i < BUD_PARTITIONS; i++)
		if (bud_partition_trim(cleaner->options.store, i, cutoff_ms, cleaner->most,
			    on_trimmed, cleaner) < 0)
			return;
}

/* Where memory is short only as many go as the budget needs, so that what is left to read does not
 * end at once. What an event takes is known once events are counted; before that the least go. */
static unsigned trim_most(const struct bud_cleaner *cleaner, uint64_t used, uint64_t limit)
{
	uint64_t events =
		(uint64_t)bud_metrics_gauge(cleaner->options.metrics, BUD_GAUGE_EVENTS_RETAINED);
	uint64_t budget =
		(uint64_t)bud_metrics_gauge(cleaner->options.metrics, BUD_GAUGE_RETENTION_BUDGET);
	uint64_t most;

	if (!cleaner->is_short || (limit > 0 && used > limit / 100 * HARD_PERCENT))
		return TRIM_MOST;
	if (events == 0)
		return TRIM_LEAST;
	most = (used - budget) / (used / events + 1) / BUD_PARTITIONS + TRIM_LEAST;
	return most < TRIM_MOST ? (unsigned)most : TRIM_MOST;
}

static void tell_full(struct bud_cleaner *cleaner, bool is_full)
{
	const struct bud_shard *shard = cleaner->options.store->shard;

	if (!shard->is_full || atomic_exchange(shard->is_full, is_full) == is_full)
		return;
	if (is_full)
		bud_log_warn("Redis has hardly any memory left: no notices of dead letters");
	else
		bud_log_info("Redis has memory again");
}

static void on_memory(void *owner, int err, uint64_t used, uint64_t limit)
{
	struct bud_cleaner *cleaner = owner;
	struct bud_metrics *metrics = cleaner->options.metrics;
	uint64_t budget;

	bud_metrics_set(metrics, BUD_GAUGE_REDIS_UP, err == 0);
	if (err < 0)
		return;
	bud_metrics_set(metrics, BUD_GAUGE_REDIS_USED_BYTES, (int64_t)used);
	bud_metrics_set(metrics, BUD_GAUGE_REDIS_MAX_BYTES, (int64_t)limit);
	budget = cleaner->options.budget_bytes > 0 ? (uint64_t)cleaner->options.budget_bytes
						   : limit / 100 * SHORT_PERCENT;
	bud_metrics_set(metrics, BUD_GAUGE_RETENTION_BUDGET, (int64_t)budget);
	cleaner->is_short = budget > 0 && used > budget;
	cleaner->most = trim_most(cleaner, used, limit);
	tell_full(cleaner, limit > 0 && used > limit / 100 * FULL_PERCENT);
	trim(cleaner);
}

static void on_lanes(void *owner, int err, int64_t n)
{
	struct bud_cleaner *cleaner = owner;

	if (err == 0)
		bud_metrics_set(cleaner->options.metrics, BUD_GAUGE_LANES_DUE, n);
}

static void on_pending(void *owner, int err, int64_t n)
{
	struct bud_cleaner *cleaner = owner;

	if (err == 0)
		cleaner->pending += n;
}

static void on_pending_last(void *owner, int err, int64_t n)
{
	struct bud_cleaner *cleaner = owner;

	cleaner->is_measuring = false;
	on_pending(owner, err, n);
	if (err == 0)
		bud_metrics_set(cleaner->options.metrics, BUD_GAUGE_PENDING, cleaner->pending);
}

static void measure(struct bud_cleaner *cleaner)
{
	struct bud_store *store = cleaner->options.store;

	(void)!bud_lane_count(store, on_lanes, cleaner);
	if (cleaner->is_measuring)
		return;
	cleaner->pending = 0;
	for (unsigned i = 0; i < BUD_PARTITIONS - 1; i++)
		if (bud_partition_pending_count(store, i, on_pending, cleaner) < 0)
			return;
	cleaner->is_measuring = bud_partition_pending_count(
					store, BUD_PARTITIONS - 1, on_pending_last, cleaner) == 0;
}

/* A few subscriptions a second, round and round. */
static void visit_lanes(struct bud_cleaner *cleaner)
{
	int64_t cutoff_ms = cleaner->now_ms - cleaner->options.retention_ms;

	for (int i = 0; i < LANES_A_TURN; i++) {
		const struct bud_subscription *next =
			bud_table_next(cleaner->options.table, cleaner->serial);
		if (!next) {
			cleaner->serial = 0;
			forget_dead(create_lane(cleaner, BUD_LANE_POISON, cutoff_ms));
			return;
		}
		cleaner->serial = next->serial;
		forget_dead(create_lane(cleaner, next->id, cutoff_ms));
	}
}

static void wake_late(struct bud_cleaner *cleaner)
{
	int64_t now_ms = bud_clock_mono_ms();

	while (!bud_list_is_empty(&cleaner->late)) {
		struct lane *lane = bud_list_first(&cleaner->late, struct lane, link);
		if (now_ms < lane->late_mono_ms)
			return;
		bud_list_remove(&lane->link);
		bud_list_append(&cleaner->waiting, &lane->link);
	}
}

static void visit_deleted(struct bud_cleaner *cleaner)
{
	wake_late(cleaner);
	for (int i = 0; i < LANES_A_TURN && !bud_list_is_empty(&cleaner->waiting); i++) {
		struct lane *lane = bud_list_first(&cleaner->waiting, struct lane, link);
		bud_list_remove(&lane->link);
		forget_dead(lane);
	}
}

static void on_time(void *owner, int err, int64_t now_ms)
{
	struct bud_cleaner *cleaner = owner;

	if (err < 0 || bud_store_memory(cleaner->options.store, on_memory, cleaner) < 0) {
		bud_metrics_set(cleaner->options.metrics, BUD_GAUGE_REDIS_UP, 0);
		return;
	}
	cleaner->now_ms = now_ms;
	measure(cleaner);
	visit_lanes(cleaner);
	visit_deleted(cleaner);
	bud_expired_tick(&cleaner->expired, bud_clock_mono_ms());
}

static void on_timer(uv_timer_t *timer)
{
	struct bud_cleaner *cleaner = timer->data;

	if (bud_store_time(cleaner->options.store, on_time, cleaner) < 0)
		bud_metrics_set(cleaner->options.metrics, BUD_GAUGE_REDIS_UP, 0);
}
