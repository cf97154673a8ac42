/* The measurer. Each ten seconds: lock -> (ours: a page of lanes -> their bytes -> added up by
 * owner
 * -> … the next page, until the cursor is 0 -> put) -> what was put last is got -> the quota knows.
 * One step at a time; a failure ends the round, and what was known stays. */
#include "lifecycle/measure.h"

#include <stdlib.h>
#include <uv.h>

#include "auth/quota.h"
#include "core/alloc.h"
#include "core/limits.h"
#include "core/log.h"
#include "core/map.h"
#include "core/metrics.h"
#include "store/lane_name.h"
#include "store/lock.h"
#include "store/parked.h"
#include "subscription/subscription.h"
#include "subscription/table.h"

#define EACH_MS 10000
#define LOCK    "measure"

/* What is told of a subscription goes by its id behind this; no owner is called so. */
#define SUBSCRIPTION "sub:"

/* What an owner has parked, or one of its subscriptions, as far as it is added up. */
struct share {
	int64_t bytes;
	struct share *owner; /* of a subscription's */
	size_t n;            /* of an owner's: its subscriptions that have something parked */
	char name[];         /* of the owner; or SUBSCRIPTION and the id */
};

struct bud_measurer {
	struct bud_measure_options options;
	uv_timer_t timer;
	bool is_busy;
	size_t full_n; /* owners that were full the last time */
	uint64_t cursor;
	struct bud_map shares;                       /* struct share by its name */
	struct share *of_page[BUD_PARKED_LANES_MAX]; /* of each lane; NULL: nobody's */
};

static void on_timer(uv_timer_t *timer);
static void on_locked(void *owner, int err, int64_t number);
static void on_page(void *owner, int err, uint64_t cursor, const struct bud_span *lanes, size_t n);
static void on_bytes(void *owner, int err, const int64_t *bytes, size_t n);
static void on_put(void *owner, int err, int64_t number);
static void on_uses(void *owner, int err, struct bud_quota_use *uses, size_t n);

struct bud_measurer *bud_measurer_open(const struct bud_measure_options *options)
{
	struct bud_measurer *measurer = bud_new(struct bud_measurer);
	uint64_t each_ms = options->each_ms ? (uint64_t)options->each_ms : EACH_MS;

	measurer->options = *options;
	uv_timer_init(options->loop, &measurer->timer);
	measurer->timer.data = measurer;
	uv_timer_start(&measurer->timer, on_timer, each_ms, each_ms);
	return measurer;
}

static void end_round(struct bud_measurer *measurer)
{
	struct share *share;
	size_t position = 0;

	while ((share = bud_map_next(&measurer->shares, &position)))
		free(share);
	bud_map_finish(&measurer->shares);
	measurer->shares = (struct bud_map){0};
	measurer->is_busy = false;
}

static void on_closed(uv_handle_t *handle)
{
	struct bud_measurer *measurer = handle->data;

	end_round(measurer);
	free(measurer);
}

void bud_measurer_close(struct bud_measurer *measurer)
{
	if (measurer)
		uv_close((uv_handle_t *)&measurer->timer, on_closed);
}

static void on_timer(uv_timer_t *timer)
{
	struct bud_measurer *measurer = timer->data;
	int64_t each_ms = (int64_t)uv_timer_get_repeat(timer);

	if (measurer->is_busy || !bud_quota_bounds_parked(measurer->options.quota))
		return;
	measurer->is_busy = true;
	if (bud_lock_take(measurer->options.store, bud_span(LOCK), each_ms - each_ms / 20,
		    on_locked, measurer) < 0)
		end_round(measurer);
}

static void scan(struct bud_measurer *measurer, uint64_t cursor)
{
	if (bud_parked_scan(measurer->options.store, cursor, on_page, measurer) < 0)
		end_round(measurer);
}

static void get(struct bud_measurer *measurer)
{
	if (bud_parked_get(measurer->options.store, on_uses, measurer) < 0)
		end_round(measurer);
}

static void on_locked(void *owner, int err, int64_t number)
{
	if (err < 0)
		end_round(owner);
	else if (number == 0)
		get(owner);
	else
		scan(owner, 0);
}

static struct share *share_of(struct bud_measurer *measurer, struct bud_span name)
{
	struct share *share = bud_map_get(&measurer->shares, name);

	if (share)
		return share;
	share = bud_alloc_zero(sizeof(*share) + name.len + 1);
	memcpy(share->name, name.at, name.len);
	bud_map_put(&measurer->shares, bud_span(share->name), share);
	return share;
}

/* NULL: its subscription is deleted, or not known yet. */
static struct share *share_of_lane(struct bud_measurer *measurer, struct bud_span lane)
{
	struct bud_span id = bud_lane_subscription(lane);
	const struct bud_subscription *subscription = NULL;
	char name[sizeof(SUBSCRIPTION) + BUD_SUBSCRIPTION_ID_MAX] = SUBSCRIPTION;
	char *text = name + strlen(SUBSCRIPTION);
	struct share *share;

	if (id.len > BUD_SUBSCRIPTION_ID_MAX)
		return NULL;
	memcpy(text, id.at, id.len);
	if (bud_table_find(measurer->options.table, text, &subscription) != BUD_TABLE_LIVE)
		return NULL;
	share = share_of(measurer, bud_span(name));
	if (!share->owner) {
		share->owner = share_of(measurer, bud_span(subscription->owner));
		share->owner->n++;
	}
	return share;
}

/* Of one whose owner has as much as it may those subscriptions are to get no more that have at
 * least half as much as all would have if they had the same. The others, which may be well, have
 * less than half of the bound together: so it is held all in all, and who takes what it gets is
 * not made to suffer for who does not. */
static bool is_in_the_way(struct bud_measurer *measurer, const struct share *share)
{
	const struct share *owner = share->owner;
	struct bud_quotas quotas;

	bud_quota_of(measurer->options.quota, bud_span(owner->name), &quotas);
	return quotas.parked_bytes > 0 && owner->bytes >= quotas.parked_bytes &&
	       share->bytes >= quotas.parked_bytes / 2 / (int64_t)owner->n;
}

static void put(struct bud_measurer *measurer)
{
	bud_auto(free) struct bud_quota_use *uses =
		bud_alloc((measurer->shares.n + 1) * sizeof(*uses));
	const struct share *share;
	size_t position = 0;
	size_t n = 0;

	while ((share = bud_map_next(&measurer->shares, &position)))
		if (!share->owner || is_in_the_way(measurer, share))
			uses[n++] = (struct bud_quota_use){bud_span(share->name), share->bytes};
	if (bud_parked_put(measurer->options.store, uses, n, on_put, measurer) < 0)
		end_round(measurer);
}

static void go_on(struct bud_measurer *measurer)
{
	if (measurer->cursor == 0)
		put(measurer);
	else
		scan(measurer, measurer->cursor);
}

static void on_page(void *owner, int err, uint64_t cursor, const struct bud_span *lanes, size_t n)
{
	struct bud_measurer *measurer = owner;

	if (err < 0) {
		end_round(measurer);
		return;
	}
	measurer->cursor = cursor;
	for (size_t i = 0; i < n; i++)
		measurer->of_page[i] = share_of_lane(measurer, lanes[i]);
	if (n == 0)
		go_on(measurer);
	else if (bud_parked_measure(measurer->options.store, lanes, n, on_bytes, measurer) < 0)
		end_round(measurer);
}

static void on_bytes(void *owner, int err, const int64_t *bytes, size_t n)
{
	struct bud_measurer *measurer = owner;

	if (err < 0) {
		end_round(measurer);
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (measurer->of_page[i]) {
			measurer->of_page[i]->bytes += bytes[i];
			measurer->of_page[i]->owner->bytes += bytes[i];
		}
	go_on(measurer);
}

static void on_put(void *owner, int err, int64_t number)
{
	(void)number;
	if (err < 0)
		end_round(owner);
	else
		get(owner);
}

/* Once for each change. */
static void tell_full(struct bud_measurer *measurer, size_t full_n)
{
	bud_metrics_set(measurer->options.metrics, BUD_GAUGE_QUOTA_FULL_OWNERS, (int64_t)full_n);
	if (full_n > measurer->full_n)
		bud_log_warn("an owner has as much parked as it may: it cannot publish or replay, "
			     "and what comes for it goes to its dead letters, until some of that "
			     "is taken",
			"owners", bud_log_number((int64_t)full_n));
	measurer->full_n = full_n;
}

/* What is told of owners stays in `uses`, and how many they are is returned. */
static size_t take_refused(struct bud_measurer *measurer, struct bud_quota_use *uses, size_t n)
{
	bud_auto(free) struct bud_span *refused = bud_alloc((n + 1) * sizeof(*refused));
	size_t prefix = strlen(SUBSCRIPTION);
	size_t owners_n = 0;
	size_t refused_n = 0;

	for (size_t i = 0; i < n; i++) {
		struct bud_span name = uses[i].owner;
		if (bud_span_starts(name, bud_span(SUBSCRIPTION)))
			refused[refused_n++] =
				(struct bud_span){name.at + prefix, name.len - prefix};
		else
			uses[owners_n++] = uses[i];
	}
	bud_quota_set_refused(measurer->options.quota, refused, refused_n);
	return owners_n;
}

static void on_uses(void *owner, int err, struct bud_quota_use *uses, size_t n)
{
	struct bud_measurer *measurer = owner;
	struct bud_metrics *metrics = measurer->options.metrics;
	int64_t bytes = 0;

	if (err == 0) {
		n = take_refused(measurer, uses, n);
		tell_full(measurer, bud_quota_set_parked(measurer->options.quota, uses, n));
		for (size_t i = 0; i < n; i++)
			bytes += uses[i].bytes;
		bud_metrics_set(metrics, BUD_GAUGE_PARKED_BYTES, bytes);
	}
	end_round(measurer);
}
