/* How many filters a match compares: candidates per match. The linker puts the two functions below
 * between the index and the evaluators (--wrap), in this program only, so that counting costs the
 * real one nothing.
 *
 *   bench_match_count --work w1 --filters 10000 [--events N] [--seed N] */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "match_load.h"
#include "subscription/filter.h"
#include "subscription/subscription.h"
#include "subscription/table.h"

static uint64_t compared;
static bool is_inside; /* a subscription is compared, which compares its filter */

bool __real_bud_filter_match(const struct bud_filter *filter, const struct bud_event *event);
bool __wrap_bud_filter_match(const struct bud_filter *filter, const struct bud_event *event);
bool __real_bud_subscription_match(
	const struct bud_subscription *subscription, const struct bud_event *event, int64_t now_ms);
bool __wrap_bud_subscription_match(
	const struct bud_subscription *subscription, const struct bud_event *event, int64_t now_ms);

bool __wrap_bud_filter_match(const struct bud_filter *filter, const struct bud_event *event)
{
	compared += !is_inside;
	return __real_bud_filter_match(filter, event);
}

bool __wrap_bud_subscription_match(
	const struct bud_subscription *subscription, const struct bud_event *event, int64_t now_ms)
{
	bool holds;

	compared++;
	is_inside = true;
	holds = __real_bud_subscription_match(subscription, event, now_ms);
	is_inside = false;
	return holds;
}

static void print(const struct work *work, uint64_t matches, uint64_t most)
{
	double events = (double)work->events;

	printf("{\"work\":\"%s\",\"filters\":%zu,\"events\":%zu,\"matches\":%.3f", work_name(work),
		work->filters, work->events, (double)matches / events);
	printf(",\"compared\":%.3f,\"compared_most\":%" PRIu64, (double)compared / events, most);
	printf(",\"compared_per_match\":%.3f}\n",
		matches ? (double)compared / (double)matches : 0.0);
}

static void run(const struct work *work, struct bud_subscription **subscriptions)
{
	struct bud_table *table = load_table(subscriptions, work->filters, 1);
	struct bud_event **events = load_events(work, NULL);
	uint64_t matches = 0;
	uint64_t most = 0;

	compared = 0;
	for (size_t i = 0; i < work->events; i++) {
		uint64_t before = compared;
		matches += load_match(table, 0, events[i], i, NULL);
		if (compared - before > most)
			most = compared - before;
	}
	print(work, matches, most);
	load_events_destroy(events, work->events);
	bud_table_destroy(table);
}

int main(int argc, char **argv)
{
	const char *name = option_text(argc, argv, "--work", "w1");
	struct bud_subscription **subscriptions;
	struct work work;

	if (work_init(&work, name, (uint64_t)option_number(argc, argv, "--seed", 1),
		    (size_t)option_number(argc, argv, "--filters", 0),
		    (size_t)option_number(argc, argv, "--events", 0)) < 0) {
		fprintf(stderr, "no such work: %s\n", name);
		return 2;
	}
	subscriptions = load_subscriptions(&work, NULL);
	run(&work, subscriptions);
	free(subscriptions);
	work_finish(&work);
	return 0;
}
