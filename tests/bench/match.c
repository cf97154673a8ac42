/* What matching costs: fills a table with work from match_work.c, checks that the table, the linear
 * evaluator and a plain walk over the trees agree, and measures. Prints one JSON line.
 *
 *   bench_match --work w1 --filters 1000000 [--events N] [--seed N] [--passes 5] [--sample N]
 *
 * Times are CPU time of this thread, so that neighbours on the machine count as little as they can;
 * only the percentiles are by the clock. The linear evaluator and the walk go over all filters for
 * each event of a sample, the first ones. With sql there is no walk. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "core/alloc.h"
#include "event/event.h"
#include "match_load.h"
#include "match_write.h"
#include "subscription/matcher.h"
#include "subscription/subscription.h"
#include "subscription/table.h"

#define WARM_PASSES 3
#define PASSES_MAX  25
#define HOT_EVENTS  1000
#define FRESH       64 /* events that the caches nearby hold */
#define LINE        64
/* Comparisons by the linear evaluator. */
#define LINEAR_WORK 50000000u

struct run {
	struct work work;
	struct bud_subscription **subscriptions; /* the table's */
	struct bud_table *table;
	struct bud_event **events;
	size_t passes;
	size_t sample;
	bool has_walk;
	/* Found out. */
	double parsed_per_s, built_per_s;
	double record_bytes, table_bytes, index_bytes, resident_bytes;
	double event_ns;
	double pass_ns[PASSES_MAX]; /* per event; sorted in the end */
	double fresh_ns[PASSES_MAX];
	double hot_ns;
	double linear_ns;
	uint64_t matches, sample_matches, checksum;
	struct latency latency; /* in ns */
	int64_t longest_ns;
};

static double per(int64_t total, size_t n)
{
	return (double)total / (double)n;
}

static double rate(size_t n, int64_t ns)
{
	return (double)n * 1e9 / (double)(ns > 0 ? ns : 1);
}

/* In a child, so that what it allocates and frees does not show in our own books. */
static double measure_index(const struct run *run)
{
	double bytes = -1;
	int ends[2];
	pid_t child;

	if (pipe(ends) < 0)
		return bytes;
	fflush(NULL);
	child = fork();
	if (child == 0) {
		struct bud_matcher matcher;
		size_t before = load_heap_bytes();
		bud_matcher_init(&matcher);
		for (size_t i = 0; i < run->work.filters; i++) {
			run->subscriptions[i]->slot = (uint32_t)i;
			bud_matcher_add(&matcher, run->subscriptions[i]);
		}
		bytes = per((int64_t)(load_heap_bytes() - before), run->work.filters);
		_exit(write(ends[1], &bytes, sizeof(bytes)) == sizeof(bytes) ? 0 : 1);
	}
	close(ends[1]);
	if (read(ends[0], &bytes, sizeof(bytes)) != sizeof(bytes))
		bytes = -1;
	close(ends[0]);
	waitpid(child, NULL, 0);
	return bytes;
}

static void build(struct run *run)
{
	size_t n = run->work.filters;
	size_t resident = load_resident_bytes();
	size_t heap = load_heap_bytes();
	size_t records;
	int64_t began;

	run->subscriptions = load_subscriptions(&run->work, &began);
	run->parsed_per_s = rate(n, began);
	records = load_heap_bytes();
	run->record_bytes = per((int64_t)(records - heap), n);
	run->index_bytes = measure_index(run);
	began = load_thread_cpu_ns();
	run->table = load_table(run->subscriptions, n, 1);
	run->built_per_s = rate(n, load_thread_cpu_ns() - began);
	run->table_bytes = per((int64_t)(load_heap_bytes() - records), n);
	run->resident_bytes = per((int64_t)(load_resident_bytes() - resident), n);
	run->events = load_events(&run->work, &began);
	run->event_ns = per(began, run->work.events);
}

/* Engines. Each gives the matches and the checksum of events 0 to n - 1. */

struct result {
	uint64_t matches;
	uint64_t checksum;
};

static struct result by_table(const struct run *run, size_t n)
{
	struct result result = {0};

	for (size_t i = 0; i < n; i++)
		result.matches += load_match(run->table, 0, run->events[i], i, &result.checksum);
	return result;
}

static struct result by_linear_evaluator(struct run *run, size_t n)
{
	struct result result = {0};
	int64_t began = load_thread_cpu_ns();

	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < run->work.filters; j++) {
			if (!bud_subscription_match(
				    run->subscriptions[j], run->events[i], LOAD_NOW_MS))
				continue;
			result.matches++;
			result.checksum += work_match_hash(i, j);
		}
	}
	run->linear_ns = per(load_thread_cpu_ns() - began, n);
	return result;
}

static struct result by_walk(const struct run *run, size_t n)
{
	struct work_event *events = bud_alloc_zero(n * sizeof(*events));
	struct work_filter filter = {0};
	struct result result = {0};

	for (size_t i = 0; i < n; i++)
		work_make_event(&run->work, i, &events[i]);
	for (size_t j = 0; j < run->work.filters; j++) {
		work_make_filter(&run->work, j, &filter);
		for (size_t i = 0; i < n; i++) {
			if (!work_matches(&filter, &events[i]))
				continue;
			result.matches++;
			result.checksum += work_match_hash(i, j);
		}
	}
	for (size_t i = 0; i < n; i++)
		work_event_finish(&events[i]);
	free(events);
	work_filter_finish(&filter);
	return result;
}

static bool agrees(const char *engine, struct result result, struct result wanted)
{
	if (result.matches == wanted.matches && result.checksum == wanted.checksum)
		return true;
	fprintf(stderr,
		"%s: %" PRIu64 " matches, checksum %016" PRIx64 "; the table: %" PRIu64
		", %016" PRIx64 "\n",
		engine, result.matches, result.checksum, wanted.matches, wanted.checksum);
	return false;
}

static bool check(struct run *run)
{
	struct work_filter filter = {0};
	struct result all = by_table(run, run->work.events);
	struct result sample = by_table(run, run->sample);
	bool all_agree = agrees("linear evaluator", by_linear_evaluator(run, run->sample), sample);

	work_make_filter(&run->work, 0, &filter);
	run->has_walk = !work_has_sql(&filter);
	work_filter_finish(&filter);
	if (run->has_walk)
		all_agree &= agrees("plain walk", by_walk(run, run->sample), sample);
	run->matches = all.matches;
	run->sample_matches = sample.matches;
	run->checksum = all.checksum;
	return all_agree;
}

/* Measuring. */

static double time_pass(const struct run *run, size_t n, size_t times)
{
	int64_t began = load_thread_cpu_ns();
	uint64_t matches = 0;

	for (size_t j = 0; j < times; j++)
		for (size_t i = 0; i < n; i++)
			matches += load_match(run->table, 0, run->events[i], i, NULL);
	if (n == run->work.events && matches != run->matches * times)
		abort();
	return per(load_thread_cpu_ns() - began, n * times);
}

static unsigned touch(const struct bud_event *event)
{
	const volatile char *at = (const volatile char *)event;
	const char *end = event->bytes.at + event->bytes.len;
	unsigned sum = 0;

	for (; at < end; at += LINE)
		sum += (unsigned)*at;
	return sum;
}

/* Events that were just made, as in the dispatcher: some are read, then matched. */
static double time_fresh_pass(const struct run *run)
{
	size_t n = run->work.events;
	int64_t ns = 0;
	unsigned sum = 0;

	for (size_t from = 0; from < n; from += FRESH) {
		size_t end = from + FRESH < n ? from + FRESH : n;
		int64_t began;
		for (size_t i = from; i < end; i++)
			sum += touch(run->events[i]);
		began = load_thread_cpu_ns();
		for (size_t i = from; i < end; i++)
			load_match(run->table, 0, run->events[i], i, NULL);
		ns += load_thread_cpu_ns() - began;
	}
	return sum == UINT32_MAX ? 0 : per(ns, n); /* so that it is used */
}

static void time_each(struct run *run)
{
	for (size_t i = 0; i < run->work.events; i++) {
		int64_t ns = load_now_ns();
		load_match(run->table, 0, run->events[i], i, NULL);
		ns = load_now_ns() - ns;
		latency_add(&run->latency, ns);
		if (ns > run->longest_ns)
			run->longest_ns = ns;
	}
}

static int by_value(const void *a, const void *b)
{
	double left = *(const double *)a;
	double right = *(const double *)b;

	return left < right ? -1 : left > right;
}

static void measure(struct run *run)
{
	size_t n = run->work.events;
	size_t hot = n < HOT_EVENTS ? n : HOT_EVENTS;

	for (size_t i = 0; i < WARM_PASSES; i++)
		time_pass(run, n, 1);
	for (size_t i = 0; i < run->passes; i++) {
		run->pass_ns[i] = time_pass(run, n, 1);
		run->fresh_ns[i] = time_fresh_pass(run);
	}
	qsort(run->pass_ns, run->passes, sizeof(double), by_value);
	qsort(run->fresh_ns, run->passes, sizeof(double), by_value);
	time_pass(run, hot, 1);
	run->hot_ns = time_pass(run, hot, 1 + n / hot / 10);
	time_each(run);
}

static void print(const struct run *run)
{
	const struct work *work = &run->work;
	double ns = run->fresh_ns[run->passes / 2];
	double matches = per((int64_t)run->matches, work->events);

	printf("{\"work\":\"%s\",\"seed\":%" PRIu64 ",\"filters\":%zu,\"events\":%zu",
		work_name(work), work->seed, work->filters, work->events);
	printf(",\"ns\":%.1f,\"ns_least\":%.1f,\"ns_most\":%.1f,\"hot_ns\":%.1f", ns,
		run->fresh_ns[0], run->fresh_ns[run->passes - 1], run->hot_ns);
	printf(",\"cold_ns\":%.1f,\"cold_ns_least\":%.1f", run->pass_ns[run->passes / 2],
		run->pass_ns[0]);
	printf(",\"p50_ns\":%.0f,\"p99_ns\":%.0f,\"longest_ns\":%" PRId64,
		latency_us(&run->latency, 0.5), latency_us(&run->latency, 0.99), run->longest_ns);
	printf(",\"matches\":%.3f,\"ns_match\":%.1f", matches, run->matches ? ns / matches : 0.0);
	printf(",\"linear_ns\":%.0f,\"times_linear\":%.0f,\"event_ns\":%.0f", run->linear_ns,
		run->linear_ns / ns, run->event_ns);
	printf(",\"record_bytes\":%.0f,\"table_bytes\":%.0f,\"index_bytes\":%.0f",
		run->record_bytes, run->table_bytes, run->index_bytes);
	printf(",\"resident_bytes\":%.0f,\"parsed_per_s\":%.0f,\"built_per_s\":%.0f",
		run->resident_bytes, run->parsed_per_s, run->built_per_s);
	printf(",\"sample\":%zu,\"engines\":%d,\"checksum\":\"%016" PRIx64 "\"}\n", run->sample,
		run->has_walk ? 3 : 2, run->checksum);
}

static size_t sample_size(const struct work *work, long wanted)
{
	size_t size = wanted > 0 ? (size_t)wanted : LINEAR_WORK / work->filters;

	if (size > 500 && wanted <= 0)
		size = 500;
	if (size > work->events)
		size = work->events;
	return size > 0 ? size : 1;
}

int main(int argc, char **argv)
{
	struct run run = {.passes = (size_t)option_number(argc, argv, "--passes", 5)};
	const char *name = option_text(argc, argv, "--work", "w1");
	bool all_agree;

	if (run.passes < 1 || run.passes > PASSES_MAX ||
		work_init(&run.work, name, (uint64_t)option_number(argc, argv, "--seed", 1),
			(size_t)option_number(argc, argv, "--filters", 0),
			(size_t)option_number(argc, argv, "--events", 0)) < 0) {
		fprintf(stderr, "no such work: %s\n", name);
		return 2;
	}
	run.sample = sample_size(&run.work, option_number(argc, argv, "--sample", 0));
	build(&run);
	all_agree = check(&run);
	if (all_agree) {
		measure(&run);
		print(&run);
	}
	load_events_destroy(run.events, run.work.events);
	bud_table_destroy(run.table);
	free(run.subscriptions);
	work_finish(&run.work);
	return all_agree ? 0 : 1;
}
