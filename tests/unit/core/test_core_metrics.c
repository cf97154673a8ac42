/* Metrics must add up over threads, and the text be what Prometheus reads: buckets that only grow,
 * sums in seconds, the count equal to the last bucket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "core/metrics.h"

static struct bud_buffer write_sets(const struct bud_metrics *const *sets, size_t n)
{
	struct bud_buffer out = {0};

	bud_metrics_write(sets, n, &out);
	return out;
}

static void check_line(const struct bud_buffer *text, const char *line)
{
	if (!strstr(text->at, line))
		fail_msg("no line \"%s\"", line);
}

static void test_sums_over_threads(void **state)
{
	static struct bud_metrics one;
	static struct bud_metrics two;
	const struct bud_metrics *sets[] = {&one, &two};
	bud_auto(buffer) struct bud_buffer text = {0};

	(void)state;
	bud_metrics_add(&one, BUD_COUNTER_EVENTS_ACCEPTED, 2);
	bud_metrics_add(&one, BUD_COUNTER_EVENTS_ACCEPTED, 1);
	bud_metrics_add(&two, BUD_COUNTER_EVENTS_ACCEPTED, 4);
	bud_metrics_set(&one, BUD_GAUGE_HAND_EVENTS, 9);
	bud_metrics_set(&one, BUD_GAUGE_HAND_EVENTS, 5);
	bud_metrics_set(&two, BUD_GAUGE_HAND_EVENTS, -7);
	assert_int_equal(bud_metrics_counter(&one, BUD_COUNTER_EVENTS_ACCEPTED), 3);
	assert_int_equal(bud_metrics_gauge(&two, BUD_GAUGE_HAND_EVENTS), -7);
	text = write_sets(sets, 2);
	check_line(&text, "\nbudstikke_events_accepted_total 7\n");
	check_line(&text, "# TYPE budstikke_events_accepted_total counter\n");
	check_line(&text, "\nbudstikke_hand_events -2\n");
	check_line(&text, "# TYPE budstikke_hand_events gauge\n");
}

static void test_times(void **state)
{
	static struct bud_metrics metrics;
	const struct bud_metrics *sets[] = {&metrics};
	bud_auto(buffer) struct bud_buffer text = {0};

	(void)state;
	bud_metrics_time(&metrics, BUD_HISTOGRAM_PUSH, -5);
	bud_metrics_time(&metrics, BUD_HISTOGRAM_PUSH, 1500);
	bud_metrics_time(&metrics, BUD_HISTOGRAM_PUSH, 1LL << 50);
	text = write_sets(sets, 1);
	check_line(&text, "# TYPE budstikke_push_seconds histogram\n");
	check_line(&text, "\nbudstikke_push_seconds_bucket{le=\"0.001024\"} 1\n");
	check_line(&text, "\nbudstikke_push_seconds_bucket{le=\"0.001536\"} 2\n");
	check_line(&text, "\nbudstikke_push_seconds_bucket{le=\"8.388608\"} 2\n");
	check_line(&text, "\nbudstikke_push_seconds_bucket{le=\"+Inf\"} 3\n");
	check_line(&text, "\nbudstikke_push_seconds_count 3\n");
	check_line(&text, "\nbudstikke_push_seconds_sum 1125899906.844124\n");
}

/* The number of times at most `us` in the text: that of the smallest bucket not below it. */
static unsigned long long count_below(const char *text, double us)
{
	static const char start[] = "budstikke_match_seconds_bucket{le=\"";
	const char *at = text;

	while ((at = strstr(at, start)) != NULL) {
		double end;
		at += strlen(start);
		end = strncmp(at, "+Inf", 4) == 0 ? 1e30 : strtod(at, NULL) * 1e6;
		if (end * 1.0001 >= us)
			return strtoull(strchr(at, ' '), NULL, 10);
	}
	return 0;
}

/* A time is counted in the bucket whose bounds hold it, whatever the time. */
static void test_every_time_is_in_its_bucket(void **state)
{
	(void)state;
	for (int64_t us = 3; us < 10000000; us += us / 7 + 1) {
		struct bud_metrics metrics = {0};
		const struct bud_metrics *sets[] = {&metrics};
		bud_auto(buffer) struct bud_buffer text = {0};
		bud_metrics_time(&metrics, BUD_HISTOGRAM_MATCH, us);
		text = write_sets(sets, 1);
		assert_int_equal(count_below(text.at, (double)us), 1);
		assert_int_equal(count_below(text.at, (double)us / 1.6), 0);
	}
}

/* Two lines with the same bound would make Prometheus refuse the page. */
static void test_bounds_grow(void **state)
{
	static const char start[] = "budstikke_match_seconds_bucket{le=\"";
	static struct bud_metrics metrics;
	const struct bud_metrics *sets[] = {&metrics};
	bud_auto(buffer) struct bud_buffer text = {0};
	double before = 0;

	(void)state;
	text = write_sets(sets, 1);
	for (const char *at = text.at; (at = strstr(at, start)) != NULL;) {
		double end;
		at += strlen(start);
		end = strncmp(at, "+Inf", 4) == 0 ? 1e30 : strtod(at, NULL);
		assert_true(end > before);
		before = end;
	}
	assert_true(before > 1e29);
}

static void test_every_name_is_described(void **state)
{
	static struct bud_metrics metrics;
	const struct bud_metrics *sets[] = {&metrics};
	bud_auto(buffer) struct bud_buffer text = {0};
	size_t helps = 0;

	(void)state;
	text = write_sets(sets, 1);
	assert_null(strstr(text.at, "(null)"));
	for (const char *at = text.at; (at = strstr(at, "# HELP budstikke_")) != NULL; at++)
		helps++;
	assert_int_equal(helps, BUD_COUNTERS + BUD_GAUGES + BUD_HISTOGRAMS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums_over_threads),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_every_time_is_in_its_bucket),
		cmocka_unit_test(test_bounds_grow),
		cmocka_unit_test(test_every_name_is_described),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
