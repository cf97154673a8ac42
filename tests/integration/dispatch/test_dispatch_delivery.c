/* A delivery, whole: an event reaches its receiver signed and is acked; one that fails is parked,
 * tried again and leaves nothing behind; one that fails to the end is a dead letter; one that is
 * slow is parked under a lease while it runs; one whose event is past its expirytime ends there. */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "core/limits.h"

static void is_delivered_and_acked(void **state)
{
	struct rig *rig = *state;

	rig_subscribe(rig, "s1", "t", "/a");
	rig_start(rig);
	rig_publish(rig, "t", "e", 3);
	rig_publish(rig, "other", "o", 1);
	rig_wait(rig, sink_count(&rig->sink, "/a", NULL) == 3 && rig_pending(rig) == 0);
	assert_int_equal(rig_events(rig), 4);
	assert_true(rig_is_clean(rig));
	rig_wait_count(rig, BUD_COUNTER_EVENTS_UNMATCHED, 1);
	rig_wait_count(rig, BUD_COUNTER_EVENTS_ACKED, 4);
	rig_wait(rig, rig_number(rig, "LLEN bud:{s0}:attempts:%s", "s1") == 3);

	redisReply *reply = redis_server_ask(rig->server, "LINDEX bud:{s0}:attempts:s1 -1");
	assert_non_null(strstr(reply->str, "\"event\":\"e"));
	assert_non_null(
		strstr(reply->str, "\"attempt\":1,\"result\":\"delivered\",\"status\":200"));
	freeReplyObject(reply);
}

static void is_tried_again_until_it_is_delivered(void **state)
{
	struct rig *rig = *state;

	rig_set_schedule(rig, 2, (uint32_t[]){1, 0});
	sink_tell(&rig->sink, "/a", 0, (int[]){500, 302, 200, 0});
	rig_subscribe(rig, "s1", "t", "/a");
	rig_start(rig);
	rig_publish(rig, "t", "e", 1);
	rig_wait(rig, rig_number(rig, "ZCARD bud:{s0}:parked:%s", "s1") == 1);
	assert_int_equal(rig_pending(rig), 0);
	assert_int_equal(sink_count(&rig->sink, "/a", NULL), 1);

	redisReply *reply =
		redis_server_ask(rig->server, "ZRANGE bud:{s0}:parked:s1 0 -1 WITHSCORES");
	assert_int_equal(strtoll(reply->element[1]->str, NULL, 10) % 64, 1);
	freeReplyObject(reply);

	rig_wait(rig, sink_count(&rig->sink, "/a", NULL) == 3);
	rig_wait(rig, rig_is_clean(rig));
	assert_int_equal(rig_number(rig, "EXISTS bud:{s0}:parked:%s", "s1"), 0);
	rig_wait_count(rig, BUD_COUNTER_OUTCOME_AGAIN, 2);
	assert_string_equal(rig->sink.seen[0].webhook_id, rig->sink.seen[2].webhook_id);
	rig_wait(rig, rig_number(rig, "LLEN bud:{s0}:attempts:%s", "s1") == 3);
}

static void becomes_a_dead_letter(void **state)
{
	struct rig *rig = *state;

	rig_set_schedule(rig, 1, (uint32_t[]){0});
	sink_tell(&rig->sink, "/a", 0, (int[]){500, 0});
	rig_subscribe(rig, "s1", "t", "/a");
	rig_start(rig);
	rig_publish(rig, "t", "e", 1);
	rig_wait(rig, rig_number(rig, "ZCARD bud:{s0}:dead:%s", "s1") == 1);
	assert_int_equal(sink_count(&rig->sink, "/a", NULL), 2);
	assert_int_equal(rig_number(rig, "EXISTS bud:{s0}:parked:%s", "s1"), 0);
	assert_int_equal(rig_number(rig, "EXISTS bud:{s0}:%s", "due"), 0);
	assert_int_equal(rig_number(rig, "HLEN bud:{s0}:%s", "kept"), 1);
	rig_wait(rig, rig_count(rig, BUD_COUNTER_DELIVERIES_DEAD) == 1);
	rig_wait_count(rig, BUD_COUNTER_OUTCOME_AGAIN, 1);
	rig_wait_count(rig, BUD_COUNTER_OUTCOME_DEAD, 1);
}

static void dies_at_once_without_a_schedule(void **state)
{
	struct rig *rig = *state;

	rig_set_schedule(rig, 0, NULL);
	sink_tell(&rig->sink, "/a", 0, (int[]){500, 0});
	rig_subscribe(rig, "s1", "t", "/a");
	rig_start(rig);
	rig_publish(rig, "t", "e", 1);
	rig_wait(rig, rig_number(rig, "ZCARD bud:{s0}:dead:%s", "s1") == 1);
	rig_wait(rig, rig_pending(rig) == 0); /* the notice, too */
	assert_int_equal(sink_count(&rig->sink, "/a", NULL), 1);
	rig_wait(rig, rig_count(rig, BUD_COUNTER_DELIVERIES_DEAD) == 1);
	assert_int_equal(rig_count(rig, BUD_COUNTER_DELIVERIES_PARKED), 0);
}

static long long stored(struct rig *rig)
{
	long long n = 0;

	for (int i = 0; i < 16; i++) {
		char partition[4];
		snprintf(partition, sizeof(partition), "%d", i);
		n += rig_number(rig, "XLEN bud:{s0}:p%s:events", partition);
	}
	return n;
}

/* Above Redis' limit dead letters are written still, and nothing that tells of them. */
static void dies_silently_when_memory_is_gone(void **state)
{
	static atomic_bool is_full;
	struct rig *rig = *state;

	rig->shard.is_full = &is_full;
	rig_set_schedule(rig, 1, (uint32_t[]){0});
	sink_tell(&rig->sink, "/a", 0, (int[]){500, 500, 413, 0});
	rig_subscribe(rig, "s1", "t", "/a");
	rig_start(rig);
	rig_publish(rig, "t", "e", 1);
	rig_wait(rig, rig_number(rig, "ZCARD bud:{s0}:dead:%s", "s1") == 1);
	assert_int_equal(stored(rig), 2); /* and its notice */
	atomic_store(&is_full, true);
	rig_publish(rig, "t", "f", 1);
	rig_wait(rig, rig_number(rig, "ZCARD bud:{s0}:dead:%s", "s1") == 2);
	assert_int_equal(stored(rig), 3);
	assert_int_equal(rig_number(rig, "HLEN bud:{s0}:%s", "why"), 2);
	rig->shard.is_full = NULL;
}

static void is_parked_under_a_lease_while_it_runs(void **state)
{
	struct rig *rig = *state;

	sink_tell(&rig->sink, "/slow", 2600, (int[]){200, 0});
	rig_subscribe(rig, "s1", "t", "/slow");
	rig_subscribe(rig, "s2", "t", "/fast");
	rig_start(rig);
	rig_publish(rig, "t", "e", 1);
	rig_wait(rig, rig_number(rig, "ZCARD bud:{s0}:parked:%s", "s1") == 1);
	assert_int_equal(rig_pending(rig), 0);
	assert_int_equal(rig->sink.n_waiting, 1);
	assert_int_equal(rig_number(rig, "EXISTS bud:{s0}:parked:%s", "s2"), 0);
	assert_false(bud_dispatch_is_idle(rig->dispatch));
	rig_wait(rig, rig_is_clean(rig));
	rig_pass_ms(rig, 300); /* nobody else takes it up */
	assert_int_equal(sink_count(&rig->sink, NULL, NULL), 2);
}

static void a_slow_failure_is_parked_again(void **state)
{
	struct rig *rig = *state;

	rig_set_schedule(rig, 1, (uint32_t[]){0});
	sink_tell(&rig->sink, "/slow", 2200, (int[]){500, 200, 0});
	rig_subscribe(rig, "s1", "t", "/slow");
	rig_start(rig);
	rig_publish(rig, "t", "e", 1);
	rig_wait(rig, sink_count(&rig->sink, "/slow", NULL) == 2); /* not after the lease */
	rig_wait(rig, rig_is_clean(rig));
}

static void set_expiry(struct rig *rig, char *members, size_t size, int64_t in_ms)
{
	char time[25];

	bud_clock_write(bud_clock_wall_ms() + in_ms, time);
	snprintf(members, size, ",'expirytime':'%s'", time);
	rig->event_members = members;
}

static void nothing_is_left_of_it(struct rig *rig)
{
	rig_wait(rig, rig_count(rig, BUD_COUNTER_DELIVERIES_EXPIRED) == 1);
	rig_wait(rig, rig_is_clean(rig));
	assert_int_equal(rig_number(rig, "EXISTS bud:{s0}:dead:%s", "s1"), 0);
	assert_int_equal(rig_number(rig, "EXISTS bud:{s0}:parked:%s", "s1"), 0);
	assert_int_equal(rig_count(rig, BUD_COUNTER_DELIVERIES_DEAD), 0);
}

static void expires_before_its_first_attempt(void **state)
{
	struct rig *rig = *state;
	char members[64];

	set_expiry(rig, members, sizeof(members), -1);
	rig_subscribe(rig, "s1", "t", "/a");
	rig_start(rig);
	rig_publish(rig, "t", "e", 1);
	nothing_is_left_of_it(rig);
	assert_int_equal(sink_count(&rig->sink, "/a", NULL), 0);
}

/* It waits for a slot, and by then nobody wants it any more. */
static void expires_while_it_waits_in_hand(void **state)
{
	struct rig *rig = *state;
	char members[64];

	sink_tell(&rig->sink, "/a", 1200, (int[]){200, 0});
	rig_subscribe(rig, "s1", "t", "/a");
	rig_start(rig);
	rig_publish(rig, "t", "e", (int)BUD_ENDPOINT_WINDOW);
	rig_wait(rig, rig->sink.n_waiting == BUD_ENDPOINT_WINDOW);
	set_expiry(rig, members, sizeof(members), 500);
	rig_publish(rig, "t", "f", 1);
	rig_wait(rig, rig_count(rig, BUD_COUNTER_DELIVERIES_EXPIRED) == 1);
	rig_wait(rig, rig_is_clean(rig));
	assert_int_equal(rig_count(rig, BUD_COUNTER_DELIVERIES_PARKED), 0);
	assert_int_equal(sink_count(&rig->sink, "/a", NULL), BUD_ENDPOINT_WINDOW);
}

/* Its receiver is left alone for a second, and by then nobody wants it any more. */
static void expires_while_it_is_parked(void **state)
{
	struct rig *rig = *state;
	char members[64];

	rig_set_schedule(rig, 2, (uint32_t[]){1, 60});
	sink_tell(&rig->sink, "/a", 0, (int[]){429, 200, 0});
	sink_tell_retry_after(&rig->sink, "/a", "1");
	rig_subscribe(rig, "s1", "t", "/a");
	rig_start(rig);
	rig_publish(rig, "t", "e", 1);
	rig_wait(rig, rig_number(rig, "ZCARD bud:{s0}:parked:%s", "s1") == 1);
	set_expiry(rig, members, sizeof(members), 500);
	rig_publish(rig, "t", "f", 1);
	rig_wait(rig, rig_number(rig, "ZCARD bud:{s0}:parked:%s", "s1") == 2);
	assert_int_equal(rig_count(rig, BUD_COUNTER_DELIVERIES_EXPIRED), 0);
	nothing_is_left_of_it(rig);
	assert_int_equal(sink_count(&rig->sink, "/a", "e0"), 2);
	assert_int_equal(sink_count(&rig->sink, "/a", "f0"), 0);
}

/* Its next attempt would come too late. */
static void expires_when_it_fails(void **state)
{
	struct rig *rig = *state;
	char members[64];

	rig_set_schedule(rig, 1, (uint32_t[]){60});
	sink_tell(&rig->sink, "/a", 0, (int[]){500, 0});
	set_expiry(rig, members, sizeof(members), 5000);
	rig_subscribe(rig, "s1", "t", "/a");
	rig_start(rig);
	rig_publish(rig, "t", "e", 1);
	nothing_is_left_of_it(rig);
	assert_int_equal(sink_count(&rig->sink, "/a", NULL), 1);
	rig_wait_count(rig, BUD_COUNTER_OUTCOME_EXPIRED, 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_set_up, rig_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(is_delivered_and_acked),
		TEST(is_tried_again_until_it_is_delivered),
		TEST(becomes_a_dead_letter),
		TEST(dies_at_once_without_a_schedule),
		TEST(dies_silently_when_memory_is_gone),
		TEST(is_parked_under_a_lease_while_it_runs),
		TEST(a_slow_failure_is_parked_again),
		TEST(expires_before_its_first_attempt),
		TEST(expires_while_it_waits_in_hand),
		TEST(expires_while_it_is_parked),
		TEST(expires_when_it_fails),
	};

	return cmocka_run_group_tests(tests, rig_group_set_up, rig_group_tear_down);
}
