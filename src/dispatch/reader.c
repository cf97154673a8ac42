/* The reader. idle -> reading | sweeping -> versioning -> barrier -> (hands match) -> idle.
 *
 * Sweep and reads share one connection, so every read that Redis executed before the sweep's
 * XPENDING is in hand when its answer is looked at. Behind each answer with events comes the
 * version that the table must have reached: a subscription's 201 precedes the publish, which
 * precedes the read. */
#include "dispatch/reader.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <uv.h>

#include "core/clock.h"
#include "core/limits.h"
#include "core/log.h"
#include "core/metrics.h"
#include "dispatch/desk.h"
#include "dispatch/hand.h"
#include "dispatch/sweep.h"
#include "store/following.h"
#include "store/keys.h"
#include "store/partition.h"
#include "store/registry.h"
#include "subscription/table.h"

#define BLOCK_MS     1000
#define LEFT_MS      20 /* the same, while the sweep has left something */
#define FEW          16
#define FEW_PAUSE_MS 1
#define BARRIER_MS   1
#define RETRY_MS     500

enum state {
	READER_IDLE,
	READER_READING,
	READER_SWEEPING,
	READER_VERSIONING, /* waits for the version behind the events */
	READER_BARRIER,    /* waits for the table to reach it */
	READER_FULL,       /* no room in hand */
	READER_PAUSED,     /* the timer runs */
};

struct bud_reader {
	const struct bud_desk *desk;
	struct bud_hands *hands;
	enum state state;
	uv_timer_t timer;
	struct bud_sweep *sweep;
	bool is_stopped;
	bool has_read;   /* since the sweep ended last */
	bool is_alarmed; /* about a missing stream or registry; once */
	size_t n_read;   /* by the last read */
	int64_t barrier_us;
	struct bud_table_version wanted;
};

static void step(struct bud_reader *reader);
static void ask_version(struct bud_reader *reader);

static void on_timer(uv_timer_t *timer)
{
	struct bud_reader *reader = timer->data;

	if (reader->state == READER_VERSIONING) {
		ask_version(reader);
		return;
	}
	if (reader->state == READER_PAUSED)
		reader->state = READER_IDLE;
	step(reader);
}

static void on_swept(void *owner, int err, bool has_events);

struct bud_reader *bud_reader_open(const struct bud_desk *desk, struct bud_hands *hands)
{
	struct bud_reader *reader = bud_new(struct bud_reader);

	reader->desk = desk;
	reader->hands = hands;
	reader->sweep = bud_sweep_create(desk, hands, on_swept, reader);
	reader->is_stopped = desk->worker >= BUD_PARTITIONS; /* nothing is left for it */
	uv_timer_init(desk->loop, &reader->timer);
	reader->timer.data = reader;
	return reader;
}

static void on_closed(uv_handle_t *handle)
{
	struct bud_reader *reader = handle->data;

	bud_sweep_destroy(reader->sweep);
	free(reader);
}

void bud_reader_close(struct bud_reader *reader)
{
	if (reader)
		uv_close((uv_handle_t *)&reader->timer, on_closed);
}

bool bud_reader_is_idle(const struct bud_reader *reader)
{
	return reader->state == READER_IDLE || reader->state == READER_FULL ||
	       reader->state == READER_PAUSED;
}

void bud_reader_stop(struct bud_reader *reader)
{
	reader->is_stopped = true;
}

static void pause_reading(struct bud_reader *reader, uint64_t ms)
{
	reader->state = READER_PAUSED;
	uv_timer_start(&reader->timer, on_timer, ms, 0);
}

/* Says once that a part of the shard is gone; tries again until it is back. */
static void alarm_and_retry(struct bud_reader *reader, int err, const char *what)
{
	if (err == -ENOENT && !reader->is_alarmed) {
		reader->is_alarmed = true;
		bud_log_error("a part of the store is gone: reading stops until it is back",
			"missing", what, "node", reader->desk->node);
	}
	pause_reading(reader, RETRY_MS);
}

static void on_version(void *owner, int err, struct bud_member version)
{
	struct bud_reader *reader = owner;

	assert(reader->state == READER_VERSIONING);
	if (err < 0) {
		/* What was read stays in hand, unmatched, until the registry can be asked. */
		if (err == -ENOENT)
			atomic_store(&reader->desk->following->is_broken, true);
		uv_timer_start(&reader->timer, on_timer, RETRY_MS, 0);
		return;
	}
	reader->wanted = (struct bud_table_version){version.ms, version.seq};
	reader->state = READER_BARRIER;
	step(reader);
}

static void ask_version(struct bud_reader *reader)
{
	reader->state = READER_VERSIONING;
	if (bud_registry_version(reader->desk->reading, on_version, reader) < 0)
		uv_timer_start(&reader->timer, on_timer, RETRY_MS, 0);
}

static void on_entries(void *owner, int err, const struct bud_entry *entries, size_t n)
{
	struct bud_reader *reader = owner;

	assert(reader->state == READER_READING);
	reader->n_read = n;
	if (err < 0) {
		alarm_and_retry(reader, err, "an event stream or its group");
		return;
	}
	reader->is_alarmed = false;
	for (size_t i = 0; i < n; i++)
		bud_hands_take(reader->hands, &(struct bud_take){.entry = &entries[i]});
	bud_metrics_add(reader->desk->metrics, BUD_COUNTER_EVENTS_READ, n);
	reader->barrier_us = bud_clock_mono_us();
	reader->state = n > 0 ? READER_VERSIONING : READER_IDLE;
}

/* The answer to the version that was sent behind the read; without events nobody needs it. */
static void on_version_behind(void *owner, int err, struct bud_member version)
{
	struct bud_reader *reader = owner;

	if (reader->state == READER_VERSIONING)
		on_version(owner, err, version);
	else if (reader->state == READER_IDLE)
		step(reader);
}

static void read_next(struct bud_reader *reader)
{
	const struct bud_desk *desk = reader->desk;
	unsigned partitions = (BUD_PARTITIONS + desk->workers - 1) / desk->workers;
	size_t room = bud_hands_room(reader->hands);
	struct bud_read read = {
		.consumer = desk->node,
		.first = desk->worker,
		.step = desk->workers,
		.count = (unsigned)(room / partitions),
		.block_ms = bud_sweep_has_left(reader->sweep) ? LEFT_MS : BLOCK_MS,
	};

	reader->has_read = true;
	if (read.count == 0) {
		reader->state = READER_FULL;
		return;
	}
	if (read.count > BUD_READ_MAX / partitions)
		read.count = BUD_READ_MAX / partitions;
	reader->state = READER_READING;
	if (bud_partition_read(desk->reading, &read, on_entries, reader) < 0) {
		reader->state = READER_IDLE; /* on_up comes again */
		return;
	}
	if (bud_registry_version(desk->reading, on_version_behind, reader) < 0)
		assert(!"the connection was up for the read");
}

static bool table_is_ready(struct bud_reader *reader)
{
	const struct bud_desk *desk = reader->desk;
	struct bud_table_version version;

	if (atomic_load(&desk->following->is_broken))
		return false;
	bud_table_lock(desk->table, desk->table_reader);
	version = bud_table_version(desk->table);
	bud_table_unlock(desk->table, desk->table_reader);
	if (version.ms != reader->wanted.ms)
		return version.ms > reader->wanted.ms;
	return version.seq >= reader->wanted.seq;
}

static void pass_barrier(struct bud_reader *reader)
{
	if (!table_is_ready(reader)) {
		uv_timer_start(&reader->timer, on_timer, BARRIER_MS, 0);
		return;
	}
	uv_timer_stop(&reader->timer);
	bud_metrics_time(reader->desk->metrics, BUD_HISTOGRAM_BARRIER,
		bud_clock_mono_us() - reader->barrier_us);
	reader->state = READER_IDLE;
	bud_hands_match(reader->hands);
	/* Batches are what makes Redis cheap: after a few events, let some more gather. */
	if (reader->n_read < FEW && !bud_sweep_is_wanted(reader->sweep))
		pause_reading(reader, FEW_PAUSE_MS);
	else
		step(reader);
}

static void on_swept(void *owner, int err, bool has_events)
{
	struct bud_reader *reader = owner;

	if (err < 0) {
		alarm_and_retry(reader, err, "an event stream or its group");
		return;
	}
	reader->barrier_us = bud_clock_mono_us();
	reader->n_read = FEW;
	if (has_events) {
		ask_version(reader);
		return;
	}
	reader->state = READER_IDLE;
	step(reader);
}

static void step(struct bud_reader *reader)
{
	if (reader->state == READER_BARRIER) {
		pass_barrier(reader);
		return;
	}
	if (reader->is_stopped || reader->state != READER_IDLE)
		return;
	if (bud_sweep_has_left(reader->sweep) && reader->has_read)
		bud_sweep_want(reader->sweep);
	if (bud_sweep_is_wanted(reader->sweep)) {
		reader->has_read = false;
		reader->state = READER_SWEEPING;
		if (bud_sweep_next(reader->sweep) < 0)
			reader->state = READER_IDLE; /* on_up comes again */
		return;
	}
	read_next(reader);
}

void bud_reader_on_up(struct bud_reader *reader)
{
	bud_sweep_want(reader->sweep);
	if (reader->state == READER_FULL || reader->state == READER_PAUSED) {
		uv_timer_stop(&reader->timer);
		reader->state = READER_IDLE;
	}
	step(reader);
}

void bud_reader_on_room(struct bud_reader *reader)
{
	if (reader->state != READER_FULL || !bud_hands_is_roomy(reader->hands))
		return;
	reader->state = READER_IDLE;
	step(reader);
}

void bud_reader_sweep(struct bud_reader *reader)
{
	bud_sweep_want(reader->sweep);
	step(reader);
}
