/* The trimmer. Each second: floor -> some names of index keys -> their oldest entries, again for
 * those that have more, within so many calls; what is left is for the next second. Where memory is
 * short, names go on being read until the calls are used up: events went before their age, and
 * their entries are what is left of them. */
#include "read/trimmer.h"

#include <stdlib.h>
#include <uv.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/metrics.h"
#include "store/index_key.h"
#include "store/index_upkeep.h"

#define EACH_MS      1000
#define CALLS_A_TURN 50

struct name {
	char text[BUD_INDEX_KEY_TEXT_BYTES];
};

struct bud_trimmer {
	struct bud_trimmer_options options;
	uv_timer_t timer;
	bool is_busy;
	bool is_done; /* nothing is indexed, and nothing is left */
	unsigned calls;
	uint64_t cursor;
	size_t seen;        /* names in this walk */
	struct name *names; /* still to be looked at */
	size_t n;
	size_t room;
	size_t asked; /* of them, the last ones, by the call under way */
};

static void on_timer(uv_timer_t *timer);
static void trim(struct bud_trimmer *trimmer);
static void on_names(void *owner, int err, uint64_t cursor, const struct bud_span *names, size_t n);

struct bud_trimmer *bud_trimmer_open(const struct bud_trimmer_options *options)
{
	struct bud_trimmer *trimmer = bud_new(struct bud_trimmer);
	uint64_t each_ms = options->each_ms ? (uint64_t)options->each_ms : EACH_MS;

	trimmer->options = *options;
	uv_timer_init(options->loop, &trimmer->timer);
	trimmer->timer.data = trimmer;
	uv_timer_start(&trimmer->timer, on_timer, each_ms, each_ms);
	return trimmer;
}

static void on_closed(uv_handle_t *handle)
{
	struct bud_trimmer *trimmer = handle->data;

	free(trimmer->names);
	free(trimmer);
}

void bud_trimmer_close(struct bud_trimmer *trimmer)
{
	if (trimmer)
		uv_close((uv_handle_t *)&trimmer->timer, on_closed);
}

static void keep_name(struct bud_trimmer *trimmer, struct bud_span name)
{
	if (name.len >= sizeof(trimmer->names[0].text))
		return; /* none of ours */
	if (trimmer->n == trimmer->room) {
		trimmer->room = trimmer->room ? trimmer->room * 2 : 256;
		trimmer->names =
			bud_realloc(trimmer->names, trimmer->room * sizeof(*trimmer->names));
	}
	memcpy(trimmer->names[trimmer->n].text, name.at, name.len);
	trimmer->names[trimmer->n++].text[name.len] = '\0';
}

static void on_names(void *owner, int err, uint64_t cursor, const struct bud_span *names, size_t n)
{
	struct bud_trimmer *trimmer = owner;

	if (err < 0) {
		trimmer->is_busy = false;
		return;
	}
	for (size_t i = 0; i < n; i++)
		keep_name(trimmer, names[i]);
	trimmer->cursor = cursor;
	trimmer->seen += n;
	if (cursor == 0) {
		trimmer->is_done = trimmer->seen == 0 && !trimmer->options.is_indexed;
		trimmer->seen = 0;
	}
	trim(trimmer);
}

static void on_trimmed(void *owner, int err, size_t removed, const size_t *more, size_t more_n)
{
	struct bud_trimmer *trimmer = owner;
	size_t first = trimmer->n - trimmer->asked;

	if (err < 0) {
		trimmer->is_busy = false;
		return;
	}
	bud_metrics_add(trimmer->options.metrics, BUD_COUNTER_INDEX_TRIMMED, removed);
	for (size_t i = 0; i < more_n; i++)
		trimmer->names[first + i] = trimmer->names[first + more[i]];
	trimmer->n = first + more_n;
	trim(trimmer);
}

static bool is_short(const struct bud_trimmer *trimmer)
{
	const struct bud_metrics *metrics = trimmer->options.metrics;
	int64_t budget = bud_metrics_gauge(metrics, BUD_GAUGE_RETENTION_BUDGET);

	return budget > 0 &&
	       bud_metrics_gauge(metrics, BUD_GAUGE_REDIS_USED_BYTES) > budget / 10 * 9;
}

static void scan(struct bud_trimmer *trimmer)
{
	trimmer->calls++;
	trimmer->is_busy =
		bud_index_scan(trimmer->options.store, trimmer->cursor, on_names, trimmer) == 0;
}

static void trim(struct bud_trimmer *trimmer)
{
	struct bud_span names[BUD_INDEX_TRIM_KEYS];

	if (trimmer->n == 0 && trimmer->cursor != 0 && trimmer->calls < CALLS_A_TURN &&
		is_short(trimmer)) {
		scan(trimmer);
		return;
	}
	trimmer->asked = trimmer->n < BUD_INDEX_TRIM_KEYS ? trimmer->n : BUD_INDEX_TRIM_KEYS;
	for (size_t i = 0; i < trimmer->asked; i++)
		names[i] = bud_span(trimmer->names[trimmer->n - trimmer->asked + i].text);
	trimmer->is_busy = trimmer->n > 0 && trimmer->calls++ < CALLS_A_TURN &&
			   bud_index_trim(trimmer->options.store, names, trimmer->asked, on_trimmed,
				   trimmer) == 0;
}

static void on_floor(void *owner, int err, size_t events, int64_t oldest_ms)
{
	struct bud_trimmer *trimmer = owner;
	struct bud_metrics *metrics = trimmer->options.metrics;
	int64_t age_ms = bud_clock_wall_ms() - oldest_ms;

	trimmer->is_busy = false;
	if (err < 0)
		return;
	bud_metrics_set(metrics, BUD_GAUGE_EVENTS_RETAINED, (int64_t)events);
	bud_metrics_set(
		metrics, BUD_GAUGE_OLDEST_EVENT, oldest_ms > 0 && age_ms > 0 ? age_ms / 1000 : 0);
	if (trimmer->n > 0)
		trim(trimmer);
	else if (!trimmer->is_done)
		scan(trimmer);
}

static void on_timer(uv_timer_t *timer)
{
	struct bud_trimmer *trimmer = timer->data;

	if (trimmer->is_busy)
		return;
	trimmer->calls = 0;
	trimmer->is_busy = bud_index_floor(trimmer->options.store, trimmer->options.retention_ms,
				   on_floor, trimmer) == 0;
}
