/* Results on their way to Redis. queue -> sent -> gone; back to the queue when nobody answered. */
#include "dispatch/resolve.h"

#include <stdlib.h>

#include "core/clock.h"
#include "core/metrics.h"
#include "dispatch/desk.h"

#define BATCH    64
#define RETRY_MS 200

struct result {
	struct bud_list link;
	struct bud_resolution resolution;
	char lane[];
};

struct batch {
	struct bud_resolves *resolves;
	struct bud_list results;
	size_t n_dead;
};

void bud_resolves_init(struct bud_resolves *resolves, const struct bud_desk *desk)
{
	*resolves = (struct bud_resolves){.desk = desk};
	bud_list_init(&resolves->queue);
}

static void free_all(struct bud_list *list)
{
	struct result *result;
	struct result *after;

	bud_list_each_safe (result, after, list, link)
		free(result);
	bud_list_init(list);
}

void bud_resolves_finish(struct bud_resolves *resolves)
{
	free_all(&resolves->queue);
}

bool bud_resolves_is_empty(const struct bud_resolves *resolves)
{
	return bud_list_is_empty(&resolves->queue) && resolves->n_sent == 0;
}

void bud_resolves_add(
	struct bud_resolves *resolves, const char *lane, const struct bud_resolution *resolution)
{
	size_t len = strlen(lane);
	struct result *result = bud_alloc(sizeof(*result) + len + 1);

	result->resolution = *resolution;
	memcpy(result->lane, lane, len + 1);
	bud_list_init(&result->link);
	bud_list_append(&resolves->queue, &result->link);
}

static void take_back(struct batch *batch)
{
	while (!bud_list_is_empty(&batch->results)) {
		struct bud_list *link = batch->results.next;
		bud_list_remove(link);
		bud_list_append(&batch->resolves->queue, link);
	}
	batch->resolves->retry_mono_ms = bud_clock_mono_ms() + RETRY_MS;
}

static void on_resolved(void *owner, int err, int64_t changed)
{
	struct batch *batch = owner;

	(void)changed;
	batch->resolves->n_sent--;
	if (err < 0) {
		take_back(batch);
	} else {
		bud_metrics_add(
			batch->resolves->desk->metrics, BUD_COUNTER_DELIVERIES_DEAD, batch->n_dead);
		free_all(&batch->results);
	}
	free(batch);
}

/* All of the first one's lane, up to a bound. */
static bool send_lane(struct bud_resolves *resolves)
{
	struct result *first = bud_list_first(&resolves->queue, struct result, link);
	struct bud_resolution resolutions[BATCH];
	struct bud_lane_resolve resolve = {.lane = bud_span(first->lane),
		.subscription = bud_lane_subscription(bud_span(first->lane)),
		.resolutions = resolutions};
	struct batch *batch = bud_new(struct batch);
	struct result *result;
	struct result *after;
	size_t n = 0;

	batch->resolves = resolves;
	bud_list_init(&batch->results);
	bud_list_each_safe (result, after, &resolves->queue, link) {
		if (n == BATCH || strcmp(result->lane, first->lane) != 0)
			continue;
		resolutions[n++] = result->resolution;
		batch->n_dead += result->resolution.verb == BUD_RESOLVE_DEAD;
		bud_list_remove(&result->link);
		bud_list_append(&batch->results, &result->link);
	}
	resolve.n = n;
	if (bud_lane_resolve(resolves->desk->commands, &resolve, on_resolved, batch) == 0) {
		resolves->n_sent++;
		return true;
	}
	take_back(batch);
	free(batch);
	return false;
}

void bud_resolves_flush(struct bud_resolves *resolves, int64_t mono_ms)
{
	if (mono_ms < resolves->retry_mono_ms)
		return;
	while (!bud_list_is_empty(&resolves->queue) && send_lane(resolves))
		;
}
