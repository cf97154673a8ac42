/* What must not start: nothing is matched before the table is new enough, no attempt is made while
 * nobody confirms the table, a deleted subscription gets nothing more, and a drain leaves nothing
 * in hand. */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "subscription/table.h"

static void nothing_is_matched_before_its_time(void **state)
{
	struct rig *rig = *state;

	redis_server_do(rig->server, "SET bud:{s0}:subs:version 5-1");
	rig_start(rig);
	rig_publish(rig, "t", "e", 3);
	rig_wait(rig, rig_pending(rig) == 3);
	rig_pass_ms(rig, 200);
	assert_int_equal(rig_pending(rig), 3);
	rig_subscribe(rig, "s1", "t", "/a"); /* it is this one that the table lacked */
	bud_table_set_version(rig->table, (struct bud_table_version){5, 0});
	rig_pass_ms(rig, 50);
	assert_int_equal(rig->sink.n, 0);
	bud_table_set_version(rig->table, (struct bud_table_version){5, 1});
	rig_wait(rig, rig->sink.n == 3 && rig_is_clean(rig));
}

static void nothing_is_matched_without_a_registry(void **state)
{
	struct rig *rig = *state;

	rig_subscribe(rig, "s1", "t", "/a");
	rig_start(rig);
	redis_server_do(rig->server, "DEL bud:{s0}:subs:version");
	rig_publish(rig, "t", "e", 3);
	rig_wait(rig, atomic_load(&rig->following.is_broken));
	rig_pass_ms(rig, 100);
	assert_int_equal(rig_pending(rig), 3);
	assert_int_equal(rig->sink.n, 0);
	redis_server_do(rig->server, "SET bud:{s0}:subs:version 0-0");
	atomic_store(&rig->following.is_broken, false);
	rig_wait(rig, rig->sink.n == 3 && rig_is_clean(rig));
}

/* What waits is parked after its time, not attempted; then the lane waits, too. */
static void nothing_starts_while_nobody_confirms(void **state)
{
	struct rig *rig = *state;

	rig_subscribe(rig, "s1", "t", "/a");
	rig_start(rig);
	rig->is_confirmed = false;
	atomic_store(&rig->following.confirmed_mono_ms, bud_clock_mono_ms() - 1000);
	rig_publish(rig, "t", "e", 3);
	rig_wait(rig, rig_number(rig, "ZCARD bud:{s0}:parked:%s", "s1") == 3);
	rig_pass_ms(rig, 1200);
	assert_int_equal(rig->sink.n, 0);
	rig->is_confirmed = true;
	rig_wait(rig, rig->sink.n == 3 && rig_is_clean(rig));
}

static void what_a_deleted_one_had_is_forgotten(void **state)
{
	struct rig *rig = *state;

	rig_set_schedule(rig, 1, (uint32_t[]){1});
	sink_tell(&rig->sink, "/a", 0, (int[]){500, 0});
	rig_subscribe(rig, "s1", "t", "/a");
	rig_start(rig);
	rig_publish(rig, "t", "e", 2);
	rig_wait(rig, rig_number(rig, "ZCARD bud:{s0}:parked:%s", "s1") == 2);
	bud_table_remove(rig->table, "s1", 1);
	redis_server_do(rig->server, "HSET bud:{s0}:held s1 1");
	rig_publish(rig, "t", "later", 1);
	rig_wait(rig, rig_is_clean(rig));
	assert_int_equal(sink_count(&rig->sink, "/a", NULL), 2);
	assert_int_equal(rig_number(rig, "EXISTS bud:{s0}:dead:%s", "s1"), 0);
	rig_wait(rig, rig_number(rig, "EXISTS bud:{s0}:%s", "held") == 0);
	rig_wait(rig, rig_count(rig, BUD_COUNTER_DELIVERIES_CANCELLED) >= 2);
}

/* Whenever it would have been tried again, and however much it is. */
static void what_a_deleted_one_had_for_later_is_forgotten(void **state)
{
	struct rig *rig = *state;

	rig_set_schedule(rig, 1, (uint32_t[]){43200});
	sink_tell(&rig->sink, "/a", 0, (int[]){500, 0});
	rig_subscribe(rig, "s1", "t", "/a");
	rig_start(rig);
	rig_publish(rig, "t", "e", 1);
	rig_wait(rig, rig_number(rig, "ZCARD bud:{s0}:parked:%s", "s1") == 1);
	for (int i = 0; i < 600; i++) { /* more than are forgotten in a call */
		char member[32];
		snprintf(member, sizeof(member), "00-1-%010d", i);
		redis_server_do(rig->server, "ZADD bud:{s0}:parked:s1 900000000000000 %s", member);
		redis_server_do(rig->server, "HSET bud:{s0}:refs %s 1", member);
		redis_server_do(rig->server, "HSET bud:{s0}:kept %s x", member);
	}
	bud_table_remove(rig->table, "s1", 1);
	redis_server_do(rig->server, "ZADD bud:{s0}:due 1 s1 1 s1~replay");
	rig_wait(rig, rig_is_clean(rig));
	assert_int_equal(rig_number(rig, "EXISTS bud:{s0}:parked:%s", "s1"), 0);
	rig_wait_count(rig, BUD_COUNTER_DELIVERIES_CANCELLED, 601);
}

/* Unknown is not deleted. */
static void an_unknown_lane_is_kept(void **state)
{
	struct rig *rig = *state;

	sink_tell(&rig->sink, "/a", 0, (int[]){500, 0});
	rig_set_schedule(rig, 1, (uint32_t[]){0});
	rig_subscribe(rig, "s1", "t", "/a");
	rig_start(rig);
	rig_publish(rig, "t", "e", 1);
	rig_wait(rig, rig_number(rig, "ZCARD bud:{s0}:dead:%s", "s1") == 1);
	redis_server_do(rig->server, "ZADD bud:{s0}:parked:other 64 00-1-0000000001");
	redis_server_do(rig->server, "ZADD bud:{s0}:due 1 other");
	rig_pass_ms(rig, 300);
	assert_int_equal(rig_number(rig, "ZCARD bud:{s0}:parked:%s", "other"), 1);
	assert_int_equal(rig_number(rig, "ZCARD bud:{s0}:%s", "due"), 1);
}

/* A change of the subscription between two attempts: the second one goes where it points now. */
static void a_retry_follows_the_change(void **state)
{
	struct rig *rig = *state;

	rig_set_schedule(rig, 1, (uint32_t[]){1});
	sink_tell(&rig->sink, "/a", 0, (int[]){500, 0});
	rig_subscribe(rig, "s1", "t", "/a");
	rig_start(rig);
	rig_publish(rig, "t", "e", 1);
	rig_wait(rig, rig_number(rig, "ZCARD bud:{s0}:parked:%s", "s1") == 1);
	rig->serial = 0;
	rig_subscribe(rig, "s1", "t", "/b");
	rig_wait(rig, rig_is_clean(rig));
	assert_int_equal(sink_count(&rig->sink, "/b", "e0"), 1);
	assert_int_equal(rig->sink.n, 2);
}

static void a_drain_leaves_nothing_in_hand(void **state)
{
	struct rig *rig = *state;

	sink_tell(&rig->sink, "/a", 3000, (int[]){200, 0});
	rig_subscribe(rig, "s1", "t", "/a");
	rig_start(rig);
	rig_publish(rig, "t", "e", 40);
	rig_wait(rig, rig->sink.n_waiting == 16 && rig_pending(rig) == 40);
	bud_dispatch_stop(rig->dispatch);
	rig_publish(rig, "t", "later", 3);
	bud_dispatch_park_all(rig->dispatch);
	rig_wait(rig, rig_number(rig, "ZCARD bud:{s0}:parked:%s", "s1") >= 40);
	assert_int_equal(rig->sink.n_waiting, 16); /* it was not the answers that did it */
	rig_wait(rig, bud_dispatch_is_idle(rig->dispatch));
	assert_int_equal(rig->sink.n, 16);
	/* What the last read brought in is parked, too; the rest is nobody's. */
	assert_int_equal(rig_pending(rig), 0);
	assert_in_range(rig_number(rig, "ZCARD bud:{s0}:parked:%s", "s1"), 24, 27);
}

/* Closing without a drain, with everything under way, is a tested path. */
static void closes_in_the_middle(void **state)
{
	struct rig *rig = *state;

	sink_tell(&rig->sink, "/a", 60000, (int[]){200, 0});
	sink_tell(&rig->sink, "/b", 0, (int[]){500, 0});
	rig_set_schedule(rig, 2, (uint32_t[]){0, 0});
	rig_subscribe(rig, "s1", "t", "/a");
	rig_subscribe(rig, "s2", "t", "/b");
	rig_start(rig);
	rig_publish(rig, "t", "e", 60);
	rig_wait(rig, rig->sink.n_waiting == 16 && sink_count(&rig->sink, "/b", NULL) > 2);
	/* rig_tear_down() closes now; the sink drops what it owes */
}

/* The same with claims that wait for the table. */
static void closes_with_claims_at_the_barrier(void **state)
{
	struct rig *rig = *state;

	rig_set_schedule(rig, 2, (uint32_t[]){0, 0});
	sink_tell(&rig->sink, "/a", 0, (int[]){500, 0});
	rig_subscribe(rig, "s1", "t", "/a");
	redis_server_do(rig->server, "SET bud:{s0}:subs:version 0-0");
	rig_start(rig);
	rig_publish(rig, "t", "e", 1);
	rig_wait(rig, rig->sink.n == 1);
	redis_server_do(rig->server, "SET bud:{s0}:subs:version 9-0");
	rig_pass_ms(rig, 300);
	assert_in_range(rig->sink.n, 1, 2);
	assert_false(bud_dispatch_is_idle(rig->dispatch));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_set_up, rig_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_matched_before_its_time),
		TEST(nothing_is_matched_without_a_registry),
		TEST(nothing_starts_while_nobody_confirms),
		TEST(what_a_deleted_one_had_is_forgotten),
		TEST(what_a_deleted_one_had_for_later_is_forgotten),
		TEST(an_unknown_lane_is_kept),
		TEST(a_retry_follows_the_change),
		TEST(a_drain_leaves_nothing_in_hand),
		TEST(closes_in_the_middle),
		TEST(closes_with_claims_at_the_barrier),
	};

	return cmocka_run_group_tests(tests, rig_group_set_up, rig_group_tear_down);
}
