/* Many at once: a broadcast is parked in chunks and reaches everybody; a Redis that dies while
 * sending is under way loses nothing; a backlog beyond the hand table is worked off. */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "core/limits.h"

static void subscribe_many(struct rig *rig, int n)
{
	for (int i = 0; i < n; i++) {
		char id[16];
		char path[16];
		snprintf(id, sizeof(id), "s%d", i);
		snprintf(path, sizeof(path), "/b/%d", i);
		rig_subscribe(rig, id, "t", path);
	}
}

static void a_broadcast_reaches_all(void **state)
{
	struct rig *rig = *state;
	int n = (int)BUD_BROADCAST_CHUNK + 44;

	subscribe_many(rig, n);
	rig_start(rig);
	rig_publish(rig, "t", "e", 1);
	rig_wait(rig, sink_distinct(&rig->sink) == (size_t)n);
	rig_wait(rig, rig_is_clean(rig));
	assert_int_equal(rig->sink.n, n);
	rig_wait_count(rig, BUD_COUNTER_DELIVERIES_MATCHED, n);
}

/* The cursor says up to which serial it was parked: the rest follows, and nobody twice. */
static void a_broadcast_goes_on_behind_its_cursor(void **state)
{
	struct rig *rig = *state;
	int n = (int)BUD_BROADCAST_CHUNK + 44;

	subscribe_many(rig, n);
	rig_publish(rig, "t", "e", 1);
	for (int i = 0; i < 16; i++) {
		redis_server_do(rig->server, "EVAL %s 2 bud:{s0}:p%d:events bud:{s0}:cursors %d",
			"local r = redis.call('XREADGROUP', 'GROUP', 'dispatch', 'n1', 'STREAMS', "
			"KEYS[1], '>') "
			"if r then local id = r[1][2][1][1] "
			"local ms, seq = string.match(id, '(%d+)-(%d+)') "
			"redis.call('HSET', KEYS[2], string.format('%02d-%s-%010d', ARGV[1], ms, "
			"seq), 290) end return 1",
			i, i);
	}
	rig_start(rig);
	rig_wait(rig, rig_pending(rig) == 0);
	rig_wait(rig, rig_is_clean(rig));
	assert_int_equal(rig->sink.n, n - 290);
}

static void nothing_is_lost_with_redis(void **state)
{
	struct rig *rig = *state;
	int n = 300;

	sink_tell(&rig->sink, "/a", 20, (int[]){200, 0});
	sink_tell(&rig->sink, "/b", 10, (int[]){500, 200, 0});
	rig_set_schedule(rig, 3, (uint32_t[]){0, 0, 0});
	rig_subscribe(rig, "s1", "t", "/a");
	rig_subscribe(rig, "s2", "t", "/b");
	rig_start(rig);
	rig_publish(rig, "t", "e", n);
	for (size_t kills = 1; kills <= 3; kills++) {
		rig_wait(rig, sink_count(&rig->sink, "/a", NULL) >= 60 * kills);
		redis_server_kill(rig->server);
		rig_pass_ms(rig, 100);
		redis_server_restart(rig->server, NULL, true);
	}
	rig_wait_ms(rig, sink_distinct(&rig->sink) == 2 * (size_t)n, 40000);
	/* A claim whose answer was lost waits for its lease; there are none but for that. */
	rig_wait(rig, rig_pending(rig) == 0);
	print_message("%zu requests for %d deliveries\n", rig->sink.n, 2 * n);
}

/* An answer that comes while Redis is away is settled afterwards. */
static void settles_when_redis_is_back(void **state)
{
	struct rig *rig = *state;

	sink_tell(&rig->sink, "/a", 300, (int[]){200, 0});
	sink_tell(&rig->sink, "/b", 300, (int[]){500, 0});
	rig_set_schedule(rig, 1, (uint32_t[]){60});
	rig_subscribe(rig, "s1", "t", "/a");
	rig_subscribe(rig, "s2", "u", "/b");
	rig_start(rig);
	rig_publish(rig, "t", "e", 5);
	rig_publish(rig, "u", "u", 2);
	rig_wait(rig, rig->sink.n_waiting == 7);
	redis_server_kill(rig->server);
	rig_wait(rig, rig->sink.n_waiting == 0);
	rig_pass_ms(rig, 100);
	redis_server_restart(rig->server, NULL, true);
	rig_wait(rig, rig_pending(rig) == 0);
	assert_int_equal(rig_number(rig, "ZCARD bud:{s0}:parked:%s", "s2"), 2);
	rig_pass_ms(rig, 600); /* the sweep behind the reconnect */
	assert_int_equal(rig->sink.n, 7);
}

static void works_off_a_backlog(void **state)
{
	struct rig *rig = *state;
	int n = 3 * (int)BUD_HAND_EVENTS_MAX;

	rig_subscribe(rig, "s1", "t", "/a");
	rig_publish(rig, "t", "e", n);
	rig_start(rig);
	rig_wait_ms(rig, rig->sink.n >= (size_t)n && rig_is_clean(rig), 40000);
	assert_int_equal(rig->sink.n, n);
	assert_int_equal(sink_distinct(&rig->sink), n);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_set_up, rig_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_broadcast_reaches_all),
		TEST(a_broadcast_goes_on_behind_its_cursor),
		TEST(nothing_is_lost_with_redis),
		TEST(settles_when_redis_is_back),
		TEST(works_off_a_backlog),
	};

	return cmocka_run_group_tests(tests, rig_group_set_up, rig_group_tear_down);
}
