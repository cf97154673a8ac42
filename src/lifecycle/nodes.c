/* The watch over nodes. Each second: beat -> everybody's values -> whose value stood still for 15 s
 * by our own monotonic clock is dead -> take over partition by partition -> off the list. */
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

#define BEAT_MS 1000
#define DEAD_MS 15000

/* Another node, as we have seen it. */
struct seen {
	struct bud_watch *watch;
	char *id;
	char *value;
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
	struct bud_map seen; /* struct seen by id */
};

static void on_timer(uv_timer_t *timer);

struct bud_watch *bud_watch_open(const struct bud_watch_options *options)
{
	struct bud_watch *watch = bud_new(struct bud_watch);

	watch->options = *options;
	uv_timer_init(options->loop, &watch->timer);
	watch->timer.data = watch;
	uv_timer_start(&watch->timer, on_timer, 0, BEAT_MS);
	return watch;
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

static void on_forgotten(void *owner, int err, int64_t n)
{
	struct seen *seen = owner;

	seen->is_taking = false; /* if something is left, the next beat begins again */
	if (err < 0 || n == 0)
		return;
	bud_metrics_add(seen->watch->options.metrics, BUD_COUNTER_TAKE_OVERS, 1);
	bud_log_warn("took over from a dead node", "node", seen->id, "events",
		bud_log_number(seen->moved));
	bud_map_remove(&seen->watch->seen, bud_span(seen->id));
	free_seen(seen);
}

static void on_moved(void *owner, int err, size_t asked, size_t moved)
{
	struct seen *seen = owner;
	struct bud_watch *watch = seen->watch;

	if (err < 0) {
		seen->is_taking = false;
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
	} else {
		if (seen->moved > 0)
			watch->options.on_taken(watch->options.owner);
		r = bud_node_forget(
			store, bud_span(seen->id), bud_span(seen->value), on_forgotten, seen);
	}
	if (r < 0)
		seen->is_taking = false;
}

static void look_at(struct bud_watch *watch, const struct bud_node *node, int64_t mono_ms)
{
	struct seen *seen = bud_map_get(&watch->seen, node->id);

	if (!seen) {
		seen = bud_new(struct seen);
		seen->watch = watch;
		seen->id = bud_strndup(node->id.at, node->id.len);
		bud_map_put(&watch->seen, bud_span(seen->id), seen);
	}
	if (seen->is_taking)
		return;
	if (!seen->value || !bud_span_is(node->value, seen->value)) {
		free(seen->value);
		seen->value = bud_strndup(node->value.at, node->value.len);
		seen->changed_mono_ms = mono_ms;
		return;
	}
	if (mono_ms - seen->changed_mono_ms < DEAD_MS)
		return;
	seen->is_taking = true;
	seen->partition = 0;
	seen->moved = 0;
	take_over(seen);
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
	watch->has_beaten = true;
	for (size_t i = 0; i < n; i++)
		if (!bud_span_is(nodes[i].id, watch->options.node))
			look_at(watch, &nodes[i], mono_ms);
	bud_metrics_set(watch->options.metrics, BUD_GAUGE_NODES_LIVE, (int64_t)n);
}

static void on_timer(uv_timer_t *timer)
{
	struct bud_watch *watch = timer->data;
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
