/* One receiver's window: never more attempts at a time, whoever makes them; what finds no room is
 * parked and arrives; a slow one takes its own slot only; lanes of one receiver share. */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "core/limits.h"

#define UNTIL_RELEASED_MS 300000

/* Everything is parked until the table is confirmed again. */
static void hold(struct rig *rig)
{
	rig->is_confirmed = false;
	atomic_store(&rig->following.confirmed_mono_ms, bud_clock_mono_ms() - 1000);
}

/* More than the window and the queue: the rest is parked, everything arrives. */
static void never_more_than_the_window_at_a_time(void **state)
{
	struct rig *rig = *state;
	int n = (int)(BUD_ENDPOINT_WINDOW + BUD_ENDPOINT_QUEUE_MAX) + 40;

	sink_tell(&rig->sink, "/a", 30, (int[]){200, 0});
	rig_subscribe(rig, "s1", "t", "/a");
	rig_start(rig);
	rig_publish(rig, "t", "e", n);
	rig_wait(rig, sink_distinct(&rig->sink) == (size_t)n);
	rig_wait(rig, rig_is_clean(rig));
	assert_int_equal(sink_count(&rig->sink, NULL, NULL), n);
	assert_true(rig_count(rig, BUD_COUNTER_DELIVERIES_PARKED) > 0);
	assert_in_range(rig->sink.most_at_a_time, BUD_ENDPOINT_WINDOW, BUD_ENDPOINT_WINDOW_MAX);
}

/* One parked delivery that is slow takes one slot, not the window. */
static void a_slow_retry_leaves_the_other_slots(void **state)
{
	struct rig *rig = *state;

	rig_set_schedule(rig, 1, (uint32_t[]){0});
	sink_tell(&rig->sink, "/a", UNTIL_RELEASED_MS, (int[]){500, 200, 0});
	rig->config.delivery.timeout_ms = UNTIL_RELEASED_MS;
	rig_subscribe(rig, "s1", "t", "/a");
	rig_start(rig);
	rig_publish(rig, "t", "slow", 1);
	rig_wait(rig, rig->sink.n_waiting == 1);
	sink_release(&rig->sink);
	rig_wait(rig, sink_count(&rig->sink, "/a", "slow0") == 2);
	sink_tell(&rig->sink, "/a", 0, (int[]){200, 0});
	rig_publish(rig, "t", "e", 20);
	rig_wait(rig, sink_distinct(&rig->sink) == 21 && rig_pending(rig) == 0);
	assert_int_equal(rig->sink.n_waiting, 1);
	sink_release(&rig->sink);
	rig_wait(rig, rig_is_clean(rig));
}

/* A lane asks for as many as its receiver's window has learned to bear. */
static void one_lane_uses_what_the_window_learned(void **state)
{
	struct rig *rig = *state;
	int n = 200;

	/* Slow enough that what an attempt takes is the receiver's, also on a busy machine. */
	sink_tell(&rig->sink, "/a", 150, (int[]){200, 0});
	rig_subscribe(rig, "s1", "t", "/a");
	rig_start(rig);
	hold(rig);
	rig_publish(rig, "t", "e", n);
	rig_wait(rig,
		rig_pending(rig) == 0 && rig_number(rig, "ZCARD bud:{s0}:%s", "parked:s1") == n);
	rig->is_confirmed = true;
	rig_wait_ms(rig, sink_distinct(&rig->sink) == (size_t)n, 40000);
	rig_wait(rig, rig_is_clean(rig));
	assert_in_range(rig->sink.most_at_a_time, BUD_ENDPOINT_WINDOW + 4, BUD_ENDPOINT_WINDOW_MAX);
}

/* A lane goes on with the slots that are free while one of its attempts hangs. */
static void one_that_hangs_does_not_keep_its_lane(void **state)
{
	struct rig *rig = *state;
	int n = 300;

	rig->sink.slow_event = "e150";
	rig->sink.slow_ms = UNTIL_RELEASED_MS;
	rig->config.delivery.timeout_ms = UNTIL_RELEASED_MS;
	rig_subscribe(rig, "s1", "t", "/a");
	rig_start(rig);
	hold(rig);
	rig_publish(rig, "t", "e", n);
	rig_wait(rig,
		rig_pending(rig) == 0 && rig_number(rig, "ZCARD bud:{s0}:%s", "parked:s1") == n);
	rig->is_confirmed = true;
	rig_wait(rig, rig->sink.n_waiting == 1);
	rig_wait(rig, rig->sink.n == (size_t)n);
	assert_int_equal(rig->sink.n_waiting, 1);
	sink_release(&rig->sink);
	rig_wait(rig, rig_is_clean(rig));
	assert_int_equal(rig->sink.n, n);
}

/* Nor when it was the only one that was claimed: what becomes due behind it does not wait. */
static void one_that_hangs_alone_does_not_keep_its_lane(void **state)
{
	struct rig *rig = *state;
	int n = 20;

	rig->sink.slow_event = "slow0";
	rig->sink.slow_ms = UNTIL_RELEASED_MS;
	rig->config.delivery.timeout_ms = UNTIL_RELEASED_MS;
	rig_subscribe(rig, "s1", "t", "/a");
	rig_start(rig);
	hold(rig);
	rig_publish(rig, "t", "slow", 1);
	rig_wait(rig, rig_number(rig, "ZCARD bud:{s0}:%s", "parked:s1") == 1);
	rig->is_confirmed = true;
	rig_wait(rig, rig->sink.n_waiting == 1);
	hold(rig);
	rig_publish(rig, "t", "e", n);
	rig_wait(rig, rig_number(rig, "ZCARD bud:{s0}:%s", "parked:s1") == n + 1);
	rig->is_confirmed = true;
	rig_wait(rig, rig->sink.n == (size_t)n + 1);
	assert_int_equal(rig->sink.n_waiting, 1);
	sink_release(&rig->sink);
	rig_wait(rig, rig_is_clean(rig));
	assert_int_equal(rig->sink.n, n + 1);
}

static int count_of(const struct rig *rig, char prefix)
{
	int n = 0;

	for (size_t i = 0; i < rig->sink.n; i++)
		n += rig->sink.seen[i].event[0] == prefix;
	return n;
}

/* Of those parked in a lane. */
static long long count_due(struct rig *rig, const char *lane)
{
	char format[64];

	snprintf(format, sizeof(format), "ZCOUNT bud:{s0}:parked:%%s 0 %lld",
		(long long)bud_clock_wall_ms() * 64);
	return rig_number(rig, format, lane);
}

/* A lane that always has more leaves slots to another one of its receiver. */
static void lanes_of_one_receiver_go_by_turns(void **state)
{
	struct rig *rig = *state;
	int n = 4000;

	rig_subscribe(rig, "s1", "t", "/a?t");
	rig_subscribe(rig, "s2", "u", "/a?u");
	rig_start(rig);
	hold(rig);
	rig_publish(rig, "t", "t", n);
	rig_publish(rig, "u", "u", n);
	rig_wait_ms(rig, count_due(rig, "s1") == n && count_due(rig, "s2") == n, 20000);
	rig->is_confirmed = true;
	rig_wait_ms(rig, count_of(rig, 't') == n || count_of(rig, 'u') == n, 20000);
	assert_in_range(count_of(rig, 't'), n / 4, n);
	assert_in_range(count_of(rig, 'u'), n / 4, n);
	rig_wait_ms(rig, rig_is_clean(rig), 20000);
	assert_int_equal(rig->sink.n, 2 * n);
}

/* Many lanes of one receiver share its window. */
static void many_lanes_of_one_receiver(void **state)
{
	struct rig *rig = *state;

	rig_set_schedule(rig, 2, (uint32_t[]){0, 0});
	for (int i = 0; i < 60; i++) {
		char id[8];
		snprintf(id, sizeof(id), "s%d", i);
		rig_subscribe(rig, id, "t", i % 2 ? "/a?x" : "/a?y");
	}
	rig_start(rig);
	hold(rig);
	rig_publish(rig, "t", "e", 1);
	rig_wait(rig, rig_pending(rig) == 0 && rig_number(rig, "ZCARD bud:{s0}:%s", "due") == 60);
	rig->is_confirmed = true;
	rig_wait_ms(rig, sink_count(&rig->sink, "/a", NULL) == 60, 10000);
	rig_wait(rig, rig_is_clean(rig));
}

/* Their lanes stay due, for they have more; whoever comes behind them gets a turn all the same. */
static void lanes_that_hang_leave_others_their_turn(void **state)
{
	struct rig *rig = *state;
	int n = 70;

	rig_set_schedule(rig, 1, (uint32_t[]){0});
	sink_tell(&rig->sink, "/slow/*", 20000, (int[]){200, 0});
	sink_tell(&rig->sink, "/a", 0, (int[]){500, 200, 0});
	for (int i = 0; i < n; i++) {
		char id[8];
		char path[16];
		snprintf(id, sizeof(id), "s%d", i);
		snprintf(path, sizeof(path), "/slow/%d", i);
		rig_subscribe(rig, id, "t", path);
	}
	rig_subscribe(rig, "other", "u", "/a");
	rig_start(rig);
	hold(rig);
	rig_publish(rig, "t", "e", 2);
	rig_wait(rig, rig_pending(rig) == 0 && rig_number(rig, "ZCARD bud:{s0}:%s", "due") == n);
	rig->is_confirmed = true;
	rig_wait(rig, rig->sink.n_waiting == (size_t)n);
	rig_publish(rig, "u", "u", 1);
	rig_wait(rig, sink_count(&rig->sink, "/a", NULL) == 2);
	assert_int_equal(rig->sink.n_waiting, n);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_set_up, rig_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(never_more_than_the_window_at_a_time),
		TEST(a_slow_retry_leaves_the_other_slots),
		TEST(one_lane_uses_what_the_window_learned),
		TEST(one_that_hangs_does_not_keep_its_lane),
		TEST(one_that_hangs_alone_does_not_keep_its_lane),
		TEST(lanes_of_one_receiver_go_by_turns),
		TEST(many_lanes_of_one_receiver),
		TEST(lanes_that_hang_leave_others_their_turn),
	};

	return cmocka_run_group_tests(tests, rig_group_set_up, rig_group_tear_down);
}
