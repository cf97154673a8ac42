/* What changes cost readers: W6. Readers match work from match_work.c in a loop while one writer
 * takes subscriptions out of the table and puts them back at a rate. Prints one JSON line per rate.
 *
 *   bench_match_churn --work w1 --filters 1000000 [--events N] [--readers 1] [--rounds 3]
 *                     [--ms 2000] [--seed N]
 *
 * Each round runs all rates in turn, so that all see the same neighbours; the figures are medians
 * over the rounds, the longest pause is the longest of all, by the clock, so it is the scheduler's,
 * too; what the writer's longest call took of its core is not. The writer has a core of its own
 * when there is one. A change is one removal or one put; the writer also reads the JSON of what it
 * puts.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"
#include "core/alloc.h"
#include "event/event.h"
#include "match_load.h"
#include "subscription/subscription.h"
#include "subscription/table.h"

#define ROUNDS_MAX  25
#define READERS_MAX 64
#define TICK_NS     1000000

static const unsigned rates[] = {0, 1000, 10000, 100000};
#define RATES (sizeof(rates) / sizeof(*rates))

struct reader {
	pthread_t thread;
	struct churn *churn;
	size_t number;
	uint64_t events;
	int64_t cpu_ns, wall_ns;
	struct latency latency; /* in ns */
	int64_t longest_ns;
};

struct outcome {
	double ns;      /* CPU per event, mean of the readers */
	double wall_ns; /* per event */
	double p999_ns;
	double changes_per_s;
	int64_t longest_ns;
	int64_t longest_apply_ns; /* CPU of the writer for one call, which may be several turns */
	double change_ns;         /* and for one change, of all its calls */
};

struct churn {
	cpu_set_t cores; /* of the process */
	struct work work;
	struct bud_table *table;
	struct bud_event **events;
	size_t readers;
	int64_t ms;
	bool is_over;
	struct draw draw; /* the writer's */
	int64_t longest_apply_ns, apply_ns;
	struct reader *all;
	struct outcome outcomes[RATES][ROUNDS_MAX];
};

static void stay_on(const cpu_set_t *cores, unsigned core)
{
	cpu_set_t all = *cores, one;

	CPU_ZERO(&one);
	if (CPU_COUNT(&all) < 2)
		return;
	for (int i = 0, seen = 0; i < CPU_SETSIZE; i++) {
		if (!CPU_ISSET(i, &all))
			continue;
		if (seen++ == (int)(core % (unsigned)CPU_COUNT(&all)))
			CPU_SET(i, &one);
	}
	(void)pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
}

static void *read_table(void *argument)
{
	struct reader *reader = argument;
	struct churn *churn = reader->churn;
	size_t n = churn->work.events;
	size_t at = reader->number * n / churn->readers;
	int64_t began, cpu;

	stay_on(&churn->cores, (unsigned)reader->number + 1);
	began = load_now_ns();
	cpu = load_thread_cpu_ns();
	while (!__atomic_load_n(&churn->is_over, __ATOMIC_RELAXED)) {
		int64_t ns = load_now_ns();
		load_match(churn->table, reader->number, churn->events[at], at, NULL);
		ns = load_now_ns() - ns;
		latency_add(&reader->latency, ns);
		if (ns > reader->longest_ns)
			reader->longest_ns = ns;
		at = at + 1 < n ? at + 1 : 0;
		reader->events++;
	}
	reader->cpu_ns = load_thread_cpu_ns() - cpu;
	reader->wall_ns = load_now_ns() - began;
	return NULL;
}

static void sleep_until(int64_t ns)
{
	struct timespec when = {ns / 1000000000, ns % 1000000000};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) == EINTR) {
	}
}

/* Takes out some and puts back those of the turn before; returns the changes made. */
static size_t turn(struct churn *churn, size_t *out, size_t *n_out, size_t changes)
{
	static struct bud_table_change list[2 * 4096];
	static char ids[4096][33];
	size_t n = 0;
	int64_t ns;

	for (size_t i = 0; i < *n_out; i++)
		list[n++] =
			(struct bud_table_change){.put = load_subscription(&churn->work, out[i])};
	changes = changes > n ? changes - n : 0;
	*n_out = 0;
	while (*n_out < changes && *n_out < 4096) {
		size_t number = draw_below(&churn->draw, churn->work.filters);
		snprintf(ids[*n_out], sizeof(ids[0]), "%032zx", number);
		list[n++] = (struct bud_table_change){.id = ids[*n_out], .serial = number + 1};
		out[(*n_out)++] = number;
	}
	ns = load_thread_cpu_ns();
	bud_table_apply(churn->table, list, n, (struct bud_table_version){1, 1});
	ns = load_thread_cpu_ns() - ns;
	churn->apply_ns += ns;
	if (ns > churn->longest_apply_ns)
		churn->longest_apply_ns = ns;
	return n;
}

/* Changes at the rate until the time is over, and puts back all; returns the changes made. */
static size_t write_table(struct churn *churn, unsigned rate)
{
	static size_t out[4096];
	int64_t began = load_now_ns();
	int64_t end = began + churn->ms * 1000000;
	size_t n_out = 0;
	size_t made = 0;

	for (int64_t now = began; now < end; now = load_now_ns()) {
		size_t due = (size_t)((double)(now - began) * rate / 1e9);
		if (due > made)
			made += turn(churn, out, &n_out, due - made > 4096 ? 4096 : due - made);
		sleep_until(now + TICK_NS);
	}
	turn(churn, out, &n_out, 0);
	return made;
}

static void run(struct churn *churn, size_t which, size_t round)
{
	struct outcome *outcome = &churn->outcomes[which][round];
	size_t made;

	__atomic_store_n(&churn->is_over, false, __ATOMIC_RELAXED);
	memset(churn->all, 0, churn->readers * sizeof(*churn->all));
	for (size_t i = 0; i < churn->readers; i++) {
		struct reader *reader = &churn->all[i];
		reader->churn = churn;
		reader->number = i;
		if (pthread_create(&reader->thread, NULL, read_table, reader) != 0)
			abort();
	}
	churn->longest_apply_ns = 0;
	churn->apply_ns = 0;
	made = write_table(churn, rates[which]);
	__atomic_store_n(&churn->is_over, true, __ATOMIC_RELAXED);
	outcome->changes_per_s = (double)made * 1000 / (double)churn->ms;
	outcome->longest_apply_ns = churn->longest_apply_ns;
	outcome->change_ns = made ? (double)churn->apply_ns / (double)made : 0;
	for (size_t i = 0; i < churn->readers; i++) {
		struct reader *reader = &churn->all[i];
		double events, p999;
		pthread_join(reader->thread, NULL);
		events = (double)reader->events * (double)churn->readers;
		p999 = latency_us(&reader->latency, 0.999);
		outcome->ns += (double)reader->cpu_ns / events;
		outcome->wall_ns += (double)reader->wall_ns / events;
		if (p999 > outcome->p999_ns)
			outcome->p999_ns = p999;
		if (reader->longest_ns > outcome->longest_ns)
			outcome->longest_ns = reader->longest_ns;
	}
}

static int by_value(const void *a, const void *b)
{
	double left = *(const double *)a;
	double right = *(const double *)b;

	return left < right ? -1 : left > right;
}

static double median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), by_value);
	return values[n / 2];
}

static void print(const struct churn *churn, size_t which, size_t rounds)
{
	double ns[ROUNDS_MAX], wall[ROUNDS_MAX], p999[ROUNDS_MAX], made[ROUNDS_MAX];
	double change[ROUNDS_MAX];
	int64_t longest = 0;
	int64_t longest_apply = 0;

	for (size_t i = 0; i < rounds; i++) {
		const struct outcome *outcome = &churn->outcomes[which][i];
		ns[i] = outcome->ns;
		wall[i] = outcome->wall_ns;
		p999[i] = outcome->p999_ns;
		made[i] = outcome->changes_per_s;
		change[i] = outcome->change_ns;
		if (outcome->longest_ns > longest)
			longest = outcome->longest_ns;
		if (outcome->longest_apply_ns > longest_apply)
			longest_apply = outcome->longest_apply_ns;
	}
	printf("{\"work\":\"%s\",\"filters\":%zu,\"readers\":%zu,\"changes_per_s\":%u",
		work_name(&churn->work), churn->work.filters, churn->readers, rates[which]);
	printf(",\"made_per_s\":%.0f,\"ns\":%.1f,\"wall_ns\":%.1f,\"p999_ns\":%.0f",
		median(made, rounds), median(ns, rounds), median(wall, rounds),
		median(p999, rounds));
	printf(",\"change_ns\":%.0f", median(change, rounds));
	printf(",\"longest_ns\":%" PRId64 ",\"longest_apply_ns\":%" PRId64 "}\n", longest,
		longest_apply);
}

static uint64_t checksum(const struct churn *churn)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < churn->work.events; i++)
		load_match(churn->table, 0, churn->events[i], i, &sum);
	return sum;
}

static int churn_all(struct churn *churn, size_t rounds)
{
	struct bud_subscription **subscriptions = load_subscriptions(&churn->work, NULL);
	uint64_t before;
	bool is_whole;

	churn->table = load_table(subscriptions, churn->work.filters, churn->readers);
	free(subscriptions);
	churn->events = load_events(&churn->work, NULL);
	churn->all = bud_alloc_zero(churn->readers * sizeof(*churn->all));
	draw_init(&churn->draw, churn->work.seed, UINT64_MAX);
	before = checksum(churn);
	if (sched_getaffinity(0, sizeof(churn->cores), &churn->cores) < 0)
		CPU_ZERO(&churn->cores);
	stay_on(&churn->cores, 0); /* its threads would begin there, too */
	for (size_t round = 0; round < rounds; round++)
		for (size_t which = 0; which < RATES; which++)
			run(churn, which, round);
	for (size_t which = 0; which < RATES; which++)
		print(churn, which, rounds);
	is_whole = checksum(churn) == before;
	if (!is_whole)
		fprintf(stderr, "the table does not match what it matched before\n");
	load_events_destroy(churn->events, churn->work.events);
	bud_table_destroy(churn->table);
	free(churn->all);
	return is_whole ? 0 : 1;
}

int main(int argc, char **argv)
{
	const char *name = option_text(argc, argv, "--work", "w1");
	size_t rounds = (size_t)option_number(argc, argv, "--rounds", 3);
	struct churn *churn = bud_new(struct churn);
	int r;

	churn->readers = (size_t)option_number(argc, argv, "--readers", 1);
	churn->ms = option_number(argc, argv, "--ms", 2000);
	if (rounds < 1 || rounds > ROUNDS_MAX || churn->readers < 1 ||
		churn->readers > READERS_MAX ||
		work_init(&churn->work, name, (uint64_t)option_number(argc, argv, "--seed", 1),
			(size_t)option_number(argc, argv, "--filters", 0),
			(size_t)option_number(argc, argv, "--events", 0)) < 0) {
		fprintf(stderr, "no such work: %s, or numbers out of range\n", name);
		free(churn);
		return 2;
	}
	r = churn_all(churn, rounds);
	work_finish(&churn->work);
	free(churn);
	return r;
}
