/* When this node has no descriptor or no transfer left, that is no attempt: nothing counts against
 * the receiver, no step of the schedule is used up, and all is delivered when there is one again.
 */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>

#include "core/limits.h"

static void is_no_attempt(void **state)
{
	struct rig *rig = *state;
	struct rlimit before;
	struct rlimit tight;
	int n = 3 * (int)BUD_ENDPOINT_WINDOW;
	int spare;

	/* One failure would cut the endpoint off, and be the last. */
	rig->config.delivery.breaker_failures = 1;
	rig_set_schedule(rig, 0, NULL);
	sink_tell(&rig->sink, "/a", 0, (int[]){200, 0});
	rig_subscribe(rig, "s1", "t", "/a");
	rig_start(rig);
	assert_int_equal(rig_pending(rig), 0); /* its connection is there */
	rig_pass_ms(rig, 50);
	getrlimit(RLIMIT_NOFILE, &before);
	spare = dup(0);
	close(spare);
	tight = before;
	tight.rlim_cur = (rlim_t)spare;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	rig_publish(rig, "t", "e", n);
	rig_wait(rig, rig_count(rig, BUD_COUNTER_ATTEMPTS_BLOCKED) >= (uint64_t)n);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(sink_count(&rig->sink, NULL, NULL), 0);
	rig_wait_ms(rig, sink_distinct(&rig->sink) == (size_t)n && rig_is_clean(rig), 20000);
	assert_int_equal(sink_count(&rig->sink, NULL, NULL), n);
	assert_int_equal(rig_count(rig, BUD_COUNTER_ATTEMPTS_FAILED), 0);
	assert_int_equal(rig_count(rig, BUD_COUNTER_BREAKER_OPENED), 0);
	assert_int_equal(rig_count(rig, BUD_COUNTER_WINDOW_HALVINGS), 0);
	assert_int_equal(rig_count(rig, BUD_COUNTER_DELIVERIES_DEAD), 0);
	rig_wait(rig, rig_number(rig, "LLEN bud:{s0}:attempts:%s", "s1") == n);
}

/* Nor is it one when all transfers are taken: by other receivers, say. */
static void nor_is_it_without_a_free_transfer(void **state)
{
	struct rig *rig = *state;
	int n = (int)BUD_ENDPOINT_WINDOW;

	rig->config.delivery.breaker_failures = 1;
	rig_set_schedule(rig, 0, NULL);
	rig->connections_max = 2;
	sink_tell(&rig->sink, "/a", 20, (int[]){200, 0});
	rig_subscribe(rig, "s1", "t", "/a");
	rig_start(rig);
	rig_publish(rig, "t", "e", n);
	rig_wait(rig, rig_count(rig, BUD_COUNTER_FETCH_FULL) > 0);
	rig_wait_ms(rig, sink_distinct(&rig->sink) == (size_t)n && rig_is_clean(rig), 60000);
	assert_in_range(rig->sink.most_at_a_time, 1, 2);
	assert_int_equal(rig_count(rig, BUD_COUNTER_ATTEMPTS_FAILED), 0);
	assert_int_equal(rig_count(rig, BUD_COUNTER_DELIVERIES_DEAD), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(is_no_attempt, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(
			nor_is_it_without_a_free_transfer, rig_set_up, rig_tear_down),
	};

	return cmocka_run_group_tests(tests, rig_group_set_up, rig_group_tear_down);
}
