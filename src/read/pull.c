/* A pull: ask -> on_rows: each event filtered, then permitted -> go on with the next step … ->
 * page. An empty page at the end waits, if it may: wake -> go on. Every step is one call of Redis
 * with at most BUD_INDEX_ROWS_MAX events; every page ends at the bounds of core/limits.h.
 *
 * What may not be read is passed over for good, so that must be true: at the first such event the
 * reading becomes wary, and asks before each step which version the registry has, until that is
 * known here: a grant that was answered before is in force then. */
#include "read/pull.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/limits.h"
#include "core/metrics.h"
#include "event/event.h"
#include "read/waits.h"
#include "store/index.h"
#include "store/registry.h"
#include "subscription/table.h"

#define STEP_BYTES (1u << 20)
/* How soon, and how long, is asked again what may be read. */
#define LATER_MS     50
#define LATER_MAX_MS 5000
/* An event's `time` is at most so much later than it was stored: `from` need not read what was
 * stored before. */
#define AHEAD_MS (24 * 3600 * 1000LL)

struct bud_pull {
	struct bud_pull_options options;
	struct bud_waits *waits;
	size_t n;          /* being read or waiting */
	size_t held_bytes; /* of events in pages that are not finished */
	bool is_stopped;
};

struct reading {
	struct bud_wait wait;
	struct bud_pull *pull;
	struct bud_pull_query query;
	bud_pull_fn fn;
	void *owner;
	int64_t end_mono_ms;   /* of waiting */
	int64_t later_mono_ms; /* since when it is not known what may be read; 0: it is */
	int64_t began_us;      /* the last time it did not wait */
	size_t examined_n;
	size_t examined_bytes;
	size_t bytes;
	bool is_end;
	bool is_full;
	bool is_later;
	bool is_wary;
	bool is_current; /* all that was granted before the step is known */
	bool is_stale;   /* what the step was told may not be true */
	uint64_t position;
	size_t n;
	struct bud_event **events; /* of query.size */
	uint64_t *positions;
};

static int ask(struct reading *reading);
static void go_on(struct reading *reading);
static void on_wake(struct bud_wait *wait);
static bool is_over(const struct bud_wait *wait);

struct bud_pull *bud_pull_open(const struct bud_pull_options *options)
{
	struct bud_pull *pull = bud_new(struct bud_pull);

	pull->options = *options;
	pull->waits = bud_waits_open(options->loop, options->store);
	return pull;
}

void bud_pull_stop(struct bud_pull *pull)
{
	pull->is_stopped = true;
	bud_waits_wake(pull->waits);
}

void bud_pull_close(struct bud_pull *pull)
{
	if (!pull)
		return;
	assert(pull->n == 0);
	bud_waits_close(pull->waits);
	free(pull);
}

unsigned bud_pull_kinds(const struct bud_pull *pull)
{
	return pull ? pull->options.kinds : 0;
}

static void destroy(struct reading *reading)
{
	reading->pull->n--;
	reading->pull->held_bytes -= reading->bytes;
	for (size_t i = 0; i < reading->n; i++)
		bud_event_unref(reading->events[i]);
	free(reading->events);
	free(reading->positions);
	free(reading);
}

int bud_pull_read(
	struct bud_pull *pull, const struct bud_pull_query *query, bud_pull_fn fn, void *owner)
{
	struct reading *reading;
	int r;

	assert(query->size > 0 && query->size <= BUD_PAGE_MAX);
	if (pull->n - bud_waits_count(pull->waits) >= BUD_PULL_READS_MAX)
		return -EBUSY;
	reading = bud_new(struct reading);
	reading->pull = pull;
	reading->query = *query;
	reading->fn = fn;
	reading->owner = owner;
	reading->position = query->after;
	reading->began_us = bud_clock_mono_us();
	reading->end_mono_ms = bud_clock_mono_ms() + query->wait_ms;
	reading->wait.key = query->key;
	reading->wait.wake = on_wake;
	reading->wait.is_over = is_over;
	bud_list_init(&reading->wait.link);
	reading->events = bud_alloc(query->size * sizeof(struct bud_event *));
	reading->positions = bud_alloc(query->size * sizeof(uint64_t));
	pull->n++;
	r = ask(reading);
	if (r < 0)
		destroy(reading);
	return r;
}

static void finish(struct reading *reading, int err)
{
	struct bud_metrics *metrics = reading->pull->options.metrics;
	struct bud_pull_page page = {reading->events, reading->positions, reading->n,
		reading->position, !reading->is_end || reading->is_full || reading->is_later};

	if (err == 0) {
		bud_metrics_add(metrics, BUD_COUNTER_PULL_PAGES, 1);
		bud_metrics_add(metrics, BUD_COUNTER_PULL_EVENTS, reading->n);
		bud_metrics_time(
			metrics, BUD_HISTOGRAM_PULL, bud_clock_mono_us() - reading->began_us);
	}
	reading->fn(reading->owner, err, err < 0 ? NULL : &page);
	destroy(reading);
}

static bool has_room(const struct reading *reading, size_t bytes)
{
	const struct bud_pull *pull = reading->pull;

	return reading->n == 0 || (reading->bytes + bytes <= BUD_PULL_BYTES_MAX &&
					  pull->held_bytes + bytes <= BUD_PULL_HELD_BYTES_MAX);
}

/* False: the page ends before this event, which takes over nothing. */
static bool add(struct reading *reading, struct bud_event *event, uint64_t position)
{
	if (reading->n == reading->query.size || !has_room(reading, event->bytes.len)) {
		reading->is_full = true;
		return false;
	}
	reading->events[reading->n] = bud_event_ref(event);
	reading->positions[reading->n++] = position;
	reading->bytes += event->bytes.len;
	reading->pull->held_bytes += event->bytes.len;
	return true;
}

static enum bud_decision ask_permit(struct reading *reading, const struct bud_event *event)
{
	const struct bud_pull_query *query = &reading->query;
	enum bud_decision decision = query->may_read(query->may_owner, event);

	if (decision == BUD_DECISION_DENY && reading->pull->options.table && !reading->is_current &&
		!reading->is_later)
		reading->is_stale = true;
	return decision;
}

/* Behind one that is not known yet the others are asked about, but not added. */
static void visit(struct reading *reading, const struct bud_index_row *row)
{
	const struct bud_pull_query *query = &reading->query;
	enum bud_decision decision = BUD_DECISION_DENY;
	struct bud_event *event;

	if (reading->is_full || reading->is_stale)
		return;
	event = bud_event_create(row->entry.owner, row->entry.bytes);
	reading->examined_n++;
	reading->examined_bytes += row->entry.bytes.len;
	if (event && bud_read_filter_match(&query->filter, event, (int64_t)row->entry.id.ms))
		decision = ask_permit(reading, event);
	if (decision == BUD_DECISION_LATER)
		reading->is_later = true;
	if (!reading->is_later && !reading->is_stale &&
		(decision == BUD_DECISION_DENY || add(reading, event, row->position)))
		reading->position = row->position;
	bud_event_unref(event);
}

static bool is_enough(const struct reading *reading)
{
	return reading->is_end || reading->is_full || reading->n == reading->query.size ||
	       reading->examined_n >= BUD_PULL_EXAMINED_MAX ||
	       reading->examined_bytes >= BUD_PULL_EXAMINED_BYTES;
}

static bool has_left(const struct reading *reading)
{
	const struct bud_pull_query *query = &reading->query;

	return query->has_left && query->has_left(query->may_owner);
}

static bool is_over(const struct bud_wait *wait)
{
	return has_left(bud_container(wait, struct reading, wait));
}

static void set_waiting(struct reading *reading)
{
	bud_metrics_set(reading->pull->options.metrics, BUD_GAUGE_PULL_WAITING,
		(int64_t)bud_waits_count(reading->pull->waits));
}

static void wait(struct reading *reading, int64_t end_mono_ms, bool is_pause)
{
	reading->wait.position = reading->position;
	reading->wait.end_mono_ms = end_mono_ms;
	reading->wait.is_pause = is_pause;
	if (!bud_waits_add(reading->pull->waits, &reading->wait)) {
		finish(reading, -EBUSY);
		return;
	}
	set_waiting(reading);
}

/* It is not known yet whether the next one may be read. */
static void on_later(struct reading *reading)
{
	int64_t now_ms = bud_clock_mono_ms();

	if (reading->n > 0) {
		finish(reading, 0);
		return;
	}
	if (reading->later_mono_ms == 0)
		reading->later_mono_ms = now_ms;
	if (reading->pull->is_stopped || has_left(reading) ||
		now_ms - reading->later_mono_ms >= LATER_MAX_MS)
		finish(reading, -ETIMEDOUT);
	else
		wait(reading, now_ms + LATER_MS, true);
}

static void on_rows(void *owner, int err, const struct bud_index_rows *rows)
{
	struct reading *reading = owner;
	bool may_wait;

	if (err < 0) {
		finish(reading, err);
		return;
	}
	reading->is_end = rows->is_end;
	for (size_t i = 0; i < rows->n; i++)
		visit(reading, &rows->rows[i]);
	reading->is_current = false;
	if (reading->is_stale) {
		reading->is_stale = false;
		reading->is_wary = true;
		go_on(reading);
		return;
	}
	reading->examined_n += rows->gone_n;
	if (!reading->is_full && !reading->is_later)
		reading->position = rows->position;
	if (reading->is_later) {
		on_later(reading);
		return;
	}
	reading->later_mono_ms = 0;
	may_wait = reading->n == 0 && reading->is_end && !reading->pull->is_stopped &&
		   !has_left(reading) && bud_clock_mono_ms() < reading->end_mono_ms;
	if (may_wait)
		wait(reading, reading->end_mono_ms, false);
	else if (is_enough(reading))
		finish(reading, 0);
	else
		go_on(reading);
}

/* Without a filter no more than the page takes; with one, whole steps. */
static size_t step(const struct reading *reading)
{
	size_t left = reading->query.size - reading->n;

	if (left > BUD_INDEX_ROWS_MAX || reading->examined_n > reading->n)
		return BUD_INDEX_ROWS_MAX;
	return left;
}

/* Who only wants what happened from some time on need not read all that was stored before. Behind a
 * position nothing is left out: what is stored later may be of a time that is still to come. */
static uint64_t begin(const struct reading *reading)
{
	int64_t from_ms = reading->query.filter.from_ms;

	if (reading->position > 0 || from_ms <= AHEAD_MS)
		return 0;
	return (uint64_t)(from_ms - AHEAD_MS) * 1000;
}

static int read_rows(struct reading *reading)
{
	struct bud_index_read read = {
		.key = reading->query.key,
		.after = reading->position,
		.begin = begin(reading),
		.count = step(reading),
		.bytes = STEP_BYTES,
	};

	return bud_index_read(reading->pull->options.store, &read, on_rows, reading);
}

static bool has_reached(const struct bud_pull_options *options, struct bud_member version)
{
	struct bud_table_version have;

	bud_table_lock(options->table, options->table_reader);
	have = bud_table_version(options->table);
	bud_table_unlock(options->table, options->table_reader);
	return have.ms > version.ms || (have.ms == version.ms && have.seq >= version.seq);
}

static void on_version(void *owner, int err, struct bud_member version)
{
	struct reading *reading = owner;
	int r = err;

	if (r == 0 && !has_reached(&reading->pull->options, version)) {
		reading->is_later = true;
		on_later(reading);
		return;
	}
	reading->is_current = true;
	if (r == 0)
		r = read_rows(reading);
	if (r < 0)
		finish(reading, r);
}

static int ask(struct reading *reading)
{
	if (!reading->is_wary)
		return read_rows(reading);
	return bud_registry_version(reading->pull->options.store, on_version, reading);
}

static void go_on(struct reading *reading)
{
	int r = ask(reading);

	if (r < 0)
		finish(reading, r);
}

static void on_wake(struct bud_wait *wait)
{
	struct reading *reading = bud_container(wait, struct reading, wait);

	set_waiting(reading);
	reading->is_later = false;
	reading->is_end = false;
	reading->examined_n = 0;
	reading->examined_bytes = 0;
	reading->began_us = bud_clock_mono_us();
	go_on(reading);
}
