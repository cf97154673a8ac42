/* The sweep: what an earlier run of this node left pending is taken up; what can never be handled,
 * or kills whoever handles it, goes to the dead letters and stops nobody else. */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <stdio.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>

/* Read by `consumer` as often as said, and never settled. */
static void leave_pending(struct rig *rig, const char *consumer, int deliveries)
{
	static const char script[] =
		"local r = redis.call('XREADGROUP', 'GROUP', 'dispatch', ARGV[1], 'STREAMS', "
		"KEYS[1], '>') "
		"if r then for _, entry in ipairs(r[1][2]) do "
		"redis.call('XCLAIM', KEYS[1], 'dispatch', ARGV[1], 0, entry[1], 'RETRYCOUNT', "
		"ARGV[2]) "
		"end end return 1";

	for (int i = 0; i < 16; i++)
		redis_server_do(rig->server, "EVAL %s 1 bud:{s0}:p%d:events %s %d", script, i,
			consumer, deliveries);
}

static void takes_up_what_was_left(void **state)
{
	struct rig *rig = *state;

	rig_subscribe(rig, "s1", "t", "/a");
	rig_publish(rig, "t", "left", 100);
	leave_pending(rig, RIG_NODE, 1);
	assert_int_equal(rig_pending(rig), 100);
	rig_publish(rig, "t", "new", 10);
	rig_start(rig);
	rig_wait(rig, rig->sink.n >= 110 && rig_pending(rig) == 0);
	assert_int_equal(sink_distinct(&rig->sink), 110);
	assert_int_equal(rig->sink.n, 110);
	rig_wait_count(rig, BUD_COUNTER_EVENTS_SWEPT, 100);
	assert_true(rig_is_clean(rig));
}

static void leaves_others_alone(void **state)
{
	struct rig *rig = *state;

	rig_subscribe(rig, "s1", "t", "/a");
	rig_publish(rig, "t", "e", 10);
	leave_pending(rig, "n2", 1);
	rig_start(rig);
	rig_pass_ms(rig, 300);
	assert_int_equal(rig->sink.n, 0);
	assert_int_equal(rig_pending(rig), 10);
}

/* In the middle of its life, too: what a reply lost on the way has left. */
static void sweeps_when_asked(void **state)
{
	struct rig *rig = *state;

	rig_subscribe(rig, "s1", "t", "/a");
	rig_start(rig);
	rig_publish(rig, "t", "first", 1);
	rig_wait(rig, rig->sink.n == 1);
	redis_server_do(rig->server, "XADD bud:{s0}:p3:events * o local e "
				     "{\"specversion\":\"1.0\",\"id\":\"x\",\"source\":\"/t\","
				     "\"type\":\"t\"}");
	leave_pending(rig, RIG_NODE, 1); /* unless the reader was faster */
	bud_dispatch_sweep(rig->dispatch);
	rig_wait(rig, rig->sink.n == 2 && rig_pending(rig) == 0);
}

static void what_is_no_event_is_a_dead_letter(void **state)
{
	struct rig *rig = *state;

	rig_subscribe(rig, "s1", "t", "/a");
	rig_start(rig);
	redis_server_do(rig->server, "XADD bud:{s0}:p3:events * o local e {no");
	rig_publish(rig, "t", "e", 1);
	rig_wait(rig, rig_number(rig, "ZCARD bud:{s0}:dead:%s", "-") == 1);
	rig_wait(rig, rig->sink.n == 1 && rig_pending(rig) == 0);
	assert_int_equal(rig_number(rig, "HLEN bud:{s0}:%s", "kept"), 1);
	rig_wait_count(rig, BUD_COUNTER_EVENTS_POISONED, 1);
}

static void poison_is_a_dead_letter(void **state)
{
	struct rig *rig = *state;

	rig_subscribe(rig, "s1", "t", "/a");
	rig_publish(rig, "t", "poison", 1);
	leave_pending(rig, RIG_NODE, 5);
	rig_publish(rig, "t", "e", 5);
	rig_start(rig);
	rig_wait(rig, rig_number(rig, "ZCARD bud:{s0}:dead:%s", "-") == 1);
	rig_wait(rig, rig->sink.n == 5 && rig_pending(rig) == 0);
	assert_int_equal(sink_count(&rig->sink, NULL, "poison0"), 0);
}

/* Suspects go one at a time, and to their lanes at once; new events do not wait for them. */
static void suspects_do_not_hold_others_up(void **state)
{
	struct rig *rig = *state;

	sink_tell(&rig->sink, "/a", 50, (int[]){200, 0});
	rig_subscribe(rig, "s1", "suspect", "/a");
	rig_subscribe(rig, "s2", "t", "/b");
	rig_publish(rig, "suspect", "e", 40);
	leave_pending(rig, RIG_NODE, 3);
	rig_start(rig);
	rig_wait(rig, rig_count(rig, BUD_COUNTER_DELIVERIES_PARKED) >= 2);
	rig_publish(rig, "t", "new", 3);
	rig_wait(rig, sink_count(&rig->sink, "/b", NULL) == 3);
	assert_true(rig_pending(rig) > 0);
	rig_wait(rig, sink_count(&rig->sink, "/a", NULL) == 40 && rig_is_clean(rig));
	rig_wait_count(rig, BUD_COUNTER_DELIVERIES_PARKED, 40);
	assert_int_equal(rig->sink.n, 43);
}

/* A group that is gone is told, not hammered; reading goes on when it is back. */
static void waits_for_a_missing_group(void **state)
{
	struct rig *rig = *state;
	redisReply *reply;
	long long before;

	rig_subscribe(rig, "s1", "t", "/a");
	redis_server_do(rig->server, "XGROUP DESTROY bud:{s0}:p0:events dispatch");
	redis_server_do(rig->server, "CONFIG RESETSTAT");
	rig_start(rig);
	rig_pass_ms(rig, 700);
	reply = redis_server_ask(rig->server, "INFO commandstats");
	before = strtoll(strstr(reply->str, "cmdstat_xpending:calls=") + 23, NULL, 10);
	freeReplyObject(reply);
	assert_in_range(before, 1, 10);
	redis_server_do(rig->server, "XGROUP CREATE bud:{s0}:p0:events dispatch 0");
	rig_publish(rig, "t", "e", 40);
	rig_wait(rig, rig->sink.n == 40 && rig_pending(rig) == 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_set_up, rig_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(takes_up_what_was_left),
		TEST(leaves_others_alone),
		TEST(sweeps_when_asked),
		TEST(what_is_no_event_is_a_dead_letter),
		TEST(poison_is_a_dead_letter),
		TEST(suspects_do_not_hold_others_up),
		TEST(waits_for_a_missing_group),
	};

	return cmocka_run_group_tests(tests, rig_group_set_up, rig_group_tear_down);
}
