/* Work for a matcher, as the program has it. */
#include "match_load.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/error.h"
#include "event/event.h"
#include "match_write.h"
#include "subscription/compact.h"
#include "subscription/pool.h"
#include "subscription/subscription.h"
#include "subscription/table.h"

static const struct bud_subscription_defaults load_defaults = {
	.owner = "local", .now_ms = LOAD_NOW_MS, .timeout_ms = 15000};

/* As POST makes it; appends its stored form. */
static void write_record(const struct work *work, size_t number, struct bud_buffer *out)
{
	static _Thread_local struct work_filter filter;
	static _Thread_local struct bud_buffer json;
	struct bud_subscription_defaults defaults = load_defaults;
	struct bud_subscription *made = NULL;
	struct bud_error error = {0};
	char id[33];

	snprintf(id, sizeof(id), "%032zx", number);
	defaults.id = id;
	work_make_filter(work, number, &filter);
	bud_buffer_clear(&json);
	bud_buffer_text(&json, "{\"sink\":\"https://receiver.example.no/hook\","
			       "\"protocol\":\"HTTP\",\"filters\":");
	work_write_dialect(&filter, &json);
	bud_buffer_byte(&json, '}');
	if (bud_subscription_parse(bud_buffer_as_span(&json), &defaults, &made, &error) < 0) {
		fprintf(stderr, "filter %zu: %s\n", number, error.text);
		abort();
	}
	bud_subscription_write_record(made, out);
	bud_subscription_destroy(made);
}

static struct bud_subscription *read_record(struct bud_span record, size_t number)
{
	static struct bud_pool *pool; /* of one thread at a time; kept as long as the process */
	struct bud_subscription_beside beside = {
		.serial = number + 1, .etag = bud_span("0123456789abcdef")};
	struct bud_subscription *made = NULL;
	struct bud_error error = {0};

	if (!pool)
		pool = bud_pool_create();
	if (bud_subscription_load_compact(record, &beside, &load_defaults, pool, &made, &error) <
		0) {
		fprintf(stderr, "record %zu: %s\n", number, error.text);
		abort();
	}
	return made;
}

struct bud_subscription *load_subscription(const struct work *work, size_t number)
{
	static _Thread_local struct bud_buffer record;

	bud_buffer_clear(&record);
	write_record(work, number, &record);
	return read_record(bud_buffer_as_span(&record), number);
}

struct bud_subscription **load_subscriptions(const struct work *work, int64_t *out_ns)
{
	struct bud_subscription **made =
		bud_alloc(work->filters * sizeof(struct bud_subscription *));
	struct bud_buffer record = {0};
	int64_t ns = 0;

	for (size_t i = 0; i < work->filters; i++) {
		int64_t began;
		bud_buffer_clear(&record);
		write_record(work, i, &record);
		began = load_now_ns();
		made[i] = read_record(bud_buffer_as_span(&record), i);
		ns += load_now_ns() - began;
	}
	if (out_ns)
		*out_ns = ns;
	bud_buffer_finish(&record);
	return made;
}

struct bud_table *load_table(struct bud_subscription **subscriptions, size_t n, size_t readers)
{
	struct bud_table *table = bud_table_create(readers);
	struct bud_table_change changes[1024];

	for (size_t at = 0; at < n;) {
		size_t some = 0;
		while (some < 1024 && at < n)
			changes[some++] = (struct bud_table_change){.put = subscriptions[at++]};
		bud_table_apply(table, changes, some, (struct bud_table_version){1, at});
	}
	return table;
}

struct bud_event **load_events(const struct work *work, int64_t *out_ns)
{
	struct bud_event **events = bud_alloc(work->events * sizeof(struct bud_event *));
	struct work_event event = {0};
	struct bud_buffer json = {0};
	int64_t ns = 0;

	for (size_t i = 0; i < work->events; i++) {
		int64_t began;
		bud_buffer_clear(&json);
		work_make_event(work, i, &event);
		work_write_event(&event, i, &json);
		began = load_now_ns();
		events[i] = bud_event_create(bud_span("local"), bud_buffer_as_span(&json));
		ns += load_now_ns() - began;
		if (!events[i]) {
			fprintf(stderr, "event %zu is none: %s\n", i, json.at);
			abort();
		}
	}
	if (out_ns)
		*out_ns = ns;
	work_event_finish(&event);
	bud_buffer_finish(&json);
	return events;
}

void load_events_destroy(struct bud_event **events, size_t n)
{
	for (size_t i = 0; i < n; i++)
		bud_event_unref(events[i]);
	free(events);
}

size_t load_match(struct bud_table *table, size_t reader, const struct bud_event *event,
	uint64_t number, uint64_t *checksum)
{
	const struct bud_subscription *found[LOAD_CHUNK];
	struct bud_match match = {
		.event = event, .now_ms = LOAD_NOW_MS, .found = found, .max = LOAD_CHUNK};
	size_t matches = 0;

	do {
		bud_table_lock(table, reader);
		size_t n = bud_table_match(table, &match);
		if (n > 0)
			match.after_serial = found[n - 1]->serial;
		for (size_t i = 0; checksum && i < n; i++)
			*checksum += work_match_hash(number, found[i]->serial - 1);
		bud_table_unlock(table, reader);
		matches += n;
	} while (match.more);
	return matches;
}

size_t load_heap_bytes(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

size_t load_resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	size_t total, resident = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%zu %zu", &total, &resident) != 2)
		resident = 0;
	fclose(file);
	return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static int64_t read_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t load_thread_cpu_ns(void)
{
	return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

int64_t load_now_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}
