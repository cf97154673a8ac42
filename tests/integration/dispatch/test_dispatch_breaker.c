/* A receiver that fails is cut off: what matches meanwhile is parked without using an attempt up,
 * one probe brings it back, and others go on undisturbed. */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "dispatch/endpoint.h"

/* Attempts used up by all parked deliveries of a lane. */
static long long attempts_used(struct rig *rig, const char *lane)
{
	redisReply *reply =
		redis_server_ask(rig->server, "ZRANGE bud:{s0}:parked:%s 0 -1 WITHSCORES", lane);
	long long sum = 0;

	for (size_t i = 1; i < reply->elements; i += 2)
		sum += strtoll(reply->element[i]->str, NULL, 10) % 64;
	freeReplyObject(reply);
	return sum;
}

static void cuts_off_and_probes(void **state)
{
	struct rig *rig = *state;

	rig_set_schedule(rig, 3, (uint32_t[]){0, 0, 60});
	sink_tell(&rig->sink, "/a", 0, (int[]){500, 0});
	rig_subscribe(rig, "s1", "t", "/a");
	rig_subscribe(rig, "s2", "t", "/b");
	rig_start(rig);
	rig_publish(rig, "t", "first", 1);
	rig_wait(rig, bud_endpoints_open_count(rig->endpoints) == 1);
	assert_int_equal(sink_count(&rig->sink, "/a", NULL), 3);
	rig_wait_count(rig, BUD_COUNTER_BREAKER_OPENED, 1);

	sink_tell(&rig->sink, "/a", 0, (int[]){200, 0});
	rig_publish(rig, "t", "e", 5);
	rig_wait(rig,
		rig_number(rig, "ZCARD bud:{s0}:parked:%s", "s1") == 6 && rig_pending(rig) == 0);
	assert_int_equal(sink_count(&rig->sink, "/a", NULL), 3);
	assert_int_equal(sink_count(&rig->sink, "/b", NULL), 6);
	assert_int_equal(attempts_used(rig, "s1"), 3);

	rig_wait(rig, sink_count(&rig->sink, "/a", NULL) == 8);
	assert_int_equal(bud_endpoints_open_count(rig->endpoints), 0);
	rig_wait(rig, rig_number(rig, "ZCARD bud:{s0}:parked:%s", "s1") == 1);
	assert_int_equal(attempts_used(rig, "s1"), 3);
}

static void a_failed_probe_keeps_it_cut_off(void **state)
{
	struct rig *rig = *state;

	rig_set_schedule(rig, 5, (uint32_t[]){0, 0, 0, 0, 60});
	sink_tell(&rig->sink, "/a", 0, (int[]){500, 500, 500, 500, 200, 0});
	rig_subscribe(rig, "s1", "t", "/a");
	rig_start(rig);
	rig_publish(rig, "t", "e", 1);
	rig_wait(rig, sink_count(&rig->sink, "/a", NULL) == 4);
	rig_wait(rig, rig_count(rig, BUD_COUNTER_BREAKER_OPENED) == 2);
	rig_wait(rig, rig_is_clean(rig));
	assert_int_equal(sink_count(&rig->sink, "/a", NULL), 5);
	assert_int_equal(bud_endpoints_open_count(rig->endpoints), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_set_up, rig_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(cuts_off_and_probes),
		TEST(a_failed_probe_keeps_it_cut_off),
	};

	return cmocka_run_group_tests(tests, rig_group_set_up, rig_group_tear_down);
}
