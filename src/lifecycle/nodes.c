/* The watch over nodes. Each second: beat -> everybody's values -> whose value stood still for 15 s
 * by our own monotonic clock, while we could see it, is dead -> take over partition by partition ->
 * off the list. */
#include "lifecycle/nodes.h"

#include <errno.h>
#include <stdlib.h>
#include <uv.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/map.h"
#include "core/metrics.h"
#include "store/keys.h"
#include "store/nodes.h"
#include "store/partition.h"

#define BEAT_MS      1000
#define DEAD_MS      15000
#define BLIND_BEATS  3  /* without an answer: nobody could be seen, perhaps nobody could beat */
#define ORPHAN_BEATS 10 /* looked for each so many beats */

/* Another node, as we have seen it. */
struct seen {
	struct bud_watch *watch;
	char *id;
	char *value; /* NULL: an orphan */
	int64_t changed_mono_ms;
	bool is_taking; /* a take-over is under way */
	unsigned partition;
	size_t moved;
};

struct bud_watch {
	struct bud_watch_options options;
	uv_timer_t timer;
	bool is_beating;
	bool has_beaten;
	uint64_t counter;
	int64_t answered_mono_ms;
	struct bud_map seen; /* struct seen by id */
};

static void on_timer(uv_timer_t *timer);

struct bud_watch *bud_watch_open(const struct bud_watch_options *options)
{
	struct bud_watch *watch = bud_new(struct bud_watch);

	watch->options = *options;
	if (watch->options.beat_ms == 0)
		watch->options.beat_ms = BEAT_MS;
	if (watch->options.dead_ms == 0)
		watch->options.dead_ms = DEAD_MS;
	uv_timer_init(options->loop, &watch->timer);
	watch->timer.data = watch;
	uv_timer_start(&watch->timer, on_timer, 0, (uint64_t)watch->options.beat_ms);
	return watch;
}

static struct seen *create_seen(struct bud_watch *watch, struct bud_span id)
{
	struct seen *seen = bud_new(struct seen);

	seen->watch = watch;
	seen->id = bud_strndup(id.at, id.len);
	seen->changed_mono_ms = bud_clock_mono_ms();
	bud_map_put(&watch->seen, bud_span(seen->id), seen);
	return seen;
}

static void free_seen(struct seen *seen)
{
	free(seen->id);
	free(seen->value);
	free(seen);
}

static void on_closed(uv_handle_t *handle)
{
	struct bud_watch *watch = handle->data;
	size_t position = 0;
	struct seen *seen;

	while ((seen = bud_map_next(&watch->seen, &position)) != NULL)
		free_seen(seen);
	bud_map_finish(&watch->seen);
	free(watch);
}

void bud_watch_close(struct bud_watch *watch)
{
	if (watch)
		uv_close((uv_handle_t *)&watch->timer, on_closed);
}

static void take_over(struct seen *seen);

/* Whether or not it came to its end: what was moved is ours, and to be swept. If something is left,
 * the next beat begins again. */
static void end_take_over(struct seen *seen)
{
	seen->is_taking = false;
	if (seen->moved > 0)
		seen->watch->options.on_taken(seen->watch->options.owner);
}

static void finish_take_over(struct seen *seen)
{
	end_take_over(seen);
	bud_metrics_add(seen->watch->options.metrics, BUD_COUNTER_TAKE_OVERS, 1);
	bud_log_warn("took over from a dead node", "node", seen->id, "events",
		bud_log_number(seen->moved));
	bud_map_remove(&seen->watch->seen, bud_span(seen->id));
	free_seen(seen);
}

static void on_forgotten(void *owner, int err, int64_t n)
{
	struct seen *seen = owner;

	if (err == 0 && n > 0)
		finish_take_over(seen);
	else
		end_take_over(seen);
}

static void on_moved(void *owner, int err, size_t asked, size_t moved)
{
	struct seen *seen = owner;
	struct bud_watch *watch = seen->watch;

	if (err < 0) {
		end_take_over(seen);
		return;
	}
	seen->moved += moved;
	if (asked > moved) {
		bud_metrics_add(watch->options.metrics, BUD_COUNTER_EVENTS_LOST, asked - moved);
		bud_log_error("the content of a dead node's events is gone: they are lost", "node",
			seen->id, "events", bud_log_number(asked - moved));
	}
	if (asked == 0)
		seen->partition++;
	take_over(seen);
}

/* One page of one partition after the other; behind the last one the node goes off the list. */
static void take_over(struct seen *seen)
{
	struct bud_watch *watch = seen->watch;
	struct bud_store *store = watch->options.store;
	int r;

	if (seen->partition < BUD_PARTITIONS) {
		r = bud_partition_take_over(
			store, seen->partition, seen->id, watch->options.node, on_moved, seen);
	} else if (!seen->value) {
		finish_take_over(seen);
		return;
	} else {
		r = bud_node_forget(
			store, bud_span(seen->id), bud_span(seen->value), on_forgotten, seen);
	}
	if (r < 0)
		end_take_over(seen);
}

static void take_over_if_dead(struct seen *seen, int64_t mono_ms)
{
	if (seen->is_taking || mono_ms - seen->changed_mono_ms < seen->watch->options.dead_ms)
		return;
	seen->is_taking = true;
	seen->partition = 0;
	seen->moved = 0;
	take_over(seen);
}

static void look_at(struct bud_watch *watch, const struct bud_node *node, int64_t mono_ms)
{
	struct seen *seen = bud_map_get(&watch->seen, node->id);

	if (!seen)
		seen = create_seen(watch, node->id);
	if (seen->is_taking)
		return;
	if (!seen->value || !bud_span_is(node->value, seen->value)) {
		free(seen->value);
		seen->value = bud_strndup(node->value.at, node->value.len);
		seen->changed_mono_ms = mono_ms;
		return;
	}
	take_over_if_dead(seen, mono_ms);
}

static void look_at_orphans(struct bud_watch *watch, int64_t mono_ms)
{
	size_t position = 0;
	struct seen *seen;

	while ((seen = bud_map_next(&watch->seen, &position)) != NULL)
		if (!seen->value)
			take_over_if_dead(seen, mono_ms);
}

/* While we were blind others may have been, too: everybody gets the full time again. */
static void forgive_silence(struct bud_watch *watch, int64_t mono_ms)
{
	int64_t blind_ms = mono_ms - watch->answered_mono_ms;
	size_t position = 0;
	struct seen *seen;

	watch->answered_mono_ms = mono_ms;
	if (blind_ms < BLIND_BEATS * watch->options.beat_ms)
		return;
	while ((seen = bud_map_next(&watch->seen, &position)) != NULL)
		seen->changed_mono_ms = mono_ms;
}

static void on_consumers(void *owner, int err, const struct bud_span *names, size_t n)
{
	struct bud_watch *watch = owner;

	for (size_t i = 0; err == 0 && i < n; i++)
		if (!bud_span_is(names[i], watch->options.node) &&
			!bud_map_get(&watch->seen, names[i]))
			(void)create_seen(watch, names[i]);
}

static void look_for_orphans(struct bud_watch *watch)
{
	for (unsigned i = 0; i < BUD_PARTITIONS; i++)
		if (bud_partition_consumers(watch->options.store, i, on_consumers, watch) < 0)
			return;
}

static void on_nodes(void *owner, int err, const struct bud_node *nodes, size_t n)
{
	struct bud_watch *watch = owner;
	int64_t mono_ms = bud_clock_mono_ms();

	watch->is_beating = false;
	if (err < 0)
		return;
	if (n == 0) {
		bud_log_error("another process goes by this node's name: set another node.id",
			"node", watch->options.node);
		watch->options.on_rival(watch->options.owner);
		return;
	}
	if (!watch->has_beaten)
		watch->options.on_joined(watch->options.owner);
	watch->has_beaten = true;
	forgive_silence(watch, mono_ms);
	for (size_t i = 0; i < n; i++)
		if (!bud_span_is(nodes[i].id, watch->options.node))
			look_at(watch, &nodes[i], mono_ms);
	look_at_orphans(watch, mono_ms);
	if (watch->counter % ORPHAN_BEATS == 0)
		look_for_orphans(watch);
	bud_metrics_set(watch->options.metrics, BUD_GAUGE_NODES_LIVE, (int64_t)n);
}

static void beat(struct bud_watch *watch)
{
	struct bud_beat beat = {
		.node = watch->options.node,
		.run = watch->options.run,
		.counter = ++watch->counter,
		.is_first = !watch->has_beaten,
	};

	if (!watch->is_beating)
		watch->is_beating =
			bud_node_beat(watch->options.store, &beat, on_nodes, watch) == 0;
}

static void on_timer(uv_timer_t *timer)
{
	beat(timer->data);
}

void bud_watch_on_up(struct bud_watch *watch)
{
	beat(watch);
}
