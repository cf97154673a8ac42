/* The follower against a real Redis: the table has what the registry has, soon and through
 * reconnects; it is known to be fresh while that is so, also while changes never pause; and
 * whatever is missing from the registry is an alarm first and a new load then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "life.h"
#include "lifecycle/follow.h"
#include "store/following.h"
#include "subscription/table.h"

#define KEY "bud:{s0}:"

static struct bud_table *table;
static struct bud_following following;
static struct bud_follower *follower;
static char deleted[256];

static void on_deleted(void *owner, const char *id)
{
	(void)owner;
	strcat(strcat(deleted, id), " ");
}

static void on_up(void *owner)
{
	(void)owner;
	bud_follower_on_up(follower);
}

/* The one connection serves for writing, too: a write waits for the end of a round. */
static void start(struct life *life)
{
	struct bud_follow_options options = {
		.loop = &life->loop,
		.store = &life->store,
		.table = table,
		.following = &following,
		.metrics = &life->metrics,
		.timeout_ms = 1000,
		.block_ms = 20,
		.retry_ms = 50,
		.on_deleted = on_deleted,
	};

	follower = bud_follower_open(&options);
	life->on_up = on_up;
	bud_follower_on_up(follower);
}

static bool is_fresh(void)
{
	return bud_following_is_fresh(&following, bud_clock_mono_ms());
}

static uint64_t reloads(struct life *life)
{
	return bud_metrics_counter(&life->metrics, BUD_COUNTER_REGISTRY_RELOADS);
}

static bool is_alarming(struct life *life)
{
	return bud_metrics_gauge(&life->metrics, BUD_GAUGE_REGISTRY_MISSING) == 1 &&
	       following.is_broken;
}

static int set_up(void **state)
{
	memset(&following, 0, sizeof(following));
	deleted[0] = '\0';
	table = bud_table_create(1);
	return life_set_up(state);
}

static int tear_down(void **state)
{
	struct life *life = *state;

	life_close_redis(life);
	bud_follower_close(follower);
	int r = life_tear_down(state);
	bud_table_destroy(table);
	return r;
}

static void test_loads_and_follows(void **state)
{
	struct life *life = *state;

	life_put(life, "a", false);
	life_put(life, "b", false);
	life_put(life, "gone", false);
	life_put(life, "gone", true);
	start(life);
	life_wait(life, is_fresh());
	assert_int_equal(bud_table_count(table), 2);
	assert_string_equal(deleted, "gone ");
	assert_int_equal(bud_table_find(table, "gone", NULL), BUD_TABLE_DELETED);
	life_put(life, "c", false);
	life_wait(life, bud_table_count(table) == 3);
	life_put(life, "a", true);
	life_wait(life, bud_table_count(table) == 2);
	assert_string_equal(deleted, "gone a ");
	assert_int_equal(reloads(life), 1);
	life_stays_ms(life, is_fresh(), 1200);
}

/* What everybody else does to the registry, without our connection. */
static void change_behind_back(struct life *life, int i)
{
	redis_server_do(life->server,
		"EVAL %s 3 " KEY "subs:records " KEY "subs:changes " KEY "subs:version %d",
		"redis.call('HSET', KEYS[1], 'x' .. ARGV[1], '9 e f\\n') "
		"local id = redis.call('XADD', KEYS[2], '*', 'id', 'x' .. ARGV[1], "
		"'before', redis.call('GET', KEYS[3])) "
		"return redis.call('SET', KEYS[3], id)",
		i);
}

static void test_fresh_while_changes_never_pause(void **state)
{
	struct life *life = *state;
	int64_t end = bud_clock_mono_ms() + 1500;

	start(life);
	life_wait(life, is_fresh());
	for (int i = 0; bud_clock_mono_ms() < end; i++) {
		change_behind_back(life, i % 10);
		deleted[0] = '\0';
		uv_run(&life->loop, UV_RUN_NOWAIT);
		assert_true(is_fresh());
	}
	assert_int_equal(reloads(life), 1);
}

/* Each is an alarm, and then all is loaded anew. */
static void must_reload(struct life *life)
{
	uint64_t before = reloads(life);

	life_wait(life, is_alarming(life));
	life_wait(life, reloads(life) == before + 1);
	life_wait(life, !is_alarming(life) && is_fresh());
	/* And goes on from there. */
	size_t count = bud_table_count(table);
	life_put(life, "after", false);
	life_wait(life, bud_table_count(table) == count + 1);
	assert_int_equal(reloads(life), before + 1);
}

static void must_reload_after_gap(struct life *life)
{
	redis_server_do(life->server, "EVAL %s 2 " KEY "subs:changes " KEY "subs:version",
		"return redis.call('SET', KEYS[2], "
		"redis.call('XADD', KEYS[1], '*', 'id', 'a', 'before', '5-5'))");
	must_reload(life);
}

static void test_gap(void **state)
{
	struct life *life = *state;

	life_put(life, "a", false);
	start(life);
	life_wait(life, is_fresh());
	must_reload_after_gap(life);
}

static void test_change_is_missing(void **state)
{
	struct life *life = *state;

	life_put(life, "a", false);
	start(life);
	life_wait(life, is_fresh());
	redis_server_do(life->server, "EVAL %s 2 " KEY "subs:changes " KEY "subs:version",
		"redis.call('SET', KEYS[2], "
		"redis.call('XADD', KEYS[1], '*', 'id', 'a', 'before', redis.call('GET', KEYS[2]))) "
		"return redis.call('DEL', KEYS[1])");
	must_reload(life);
}

static void test_malformed_change(void **state)
{
	struct life *life = *state;

	life_put(life, "a", false);
	start(life);
	life_wait(life, is_fresh());
	redis_server_do(life->server, "EVAL %s 2 " KEY "subs:changes " KEY "subs:version",
		"return redis.call('SET', KEYS[2], redis.call('XADD', KEYS[1], '*', 'x', 'y'))");
	must_reload(life);
}

static void test_went_back(void **state)
{
	struct life *life = *state;

	life_put(life, "a", false);
	life_put(life, "b", false);
	start(life);
	life_wait(life, is_fresh());
	/* As an older copy of the data would have it. */
	redis_server_do(life->server,
		"EVAL %s 3 " KEY "subs:records " KEY "subs:changes " KEY "subs:version",
		"local all = redis.call('XRANGE', KEYS[2], '-', '+') "
		"redis.call('XDEL', KEYS[2], all[2][1]) "
		"redis.call('HDEL', KEYS[1], 'b') "
		"return redis.call('SET', KEYS[3], all[1][1])");
	must_reload(life);
	assert_int_equal(bud_table_count(table), 2); /* a and the one behind it */
}

static void test_gone_and_back(void **state)
{
	struct life *life = *state;

	life_put(life, "a", false);
	start(life);
	life_wait(life, is_fresh());
	redis_server_do(life->server, "RENAME " KEY "subs:version elsewhere");
	life_wait(life, is_alarming(life));
	life_stays_ms(life, is_alarming(life) && !is_fresh(), 300);
	assert_int_equal(bud_table_count(table), 1);
	redis_server_do(life->server, "RENAME elsewhere " KEY "subs:version");
	life_wait(life, is_fresh() && !is_alarming(life));
	assert_int_equal(bud_table_count(table), 1);
}

static void test_no_record_at_start(void **state)
{
	struct life *life = *state;

	life_put(life, "a", false);
	redis_server_do(life->server, "DEL " KEY "subs:records");
	start(life);
	life_wait(life, is_alarming(life));
	life_stays_ms(life, is_alarming(life), 300);
	assert_int_equal(reloads(life), 0);
}

static void test_redis_dies(void **state)
{
	struct life *life = *state;

	life_put(life, "a", false);
	start(life);
	life_wait(life, is_fresh());
	redis_server_kill(life->server);
	life_wait(life, !is_fresh());
	assert_false(is_alarming(life));
	redis_server_restart(life->server, NULL, true);
	life_wait(life, is_fresh());
	life_put(life, "b", false);
	life_wait(life, bud_table_count(table) == 2);
	assert_int_equal(reloads(life), 1);
}

/* "a" so many times more, under the ids f<number>; nobody is told of it. */
static void fill(struct life *life, int n)
{
	redis_server_do(life->server, "EVAL %s 1 " KEY "subs:records %d",
		"local record = redis.call('HGET', KEYS[1], 'a') "
		"for i = 1, tonumber(ARGV[1]) do "
		"redis.call('HSET', KEYS[1], 'f' .. i, (string.gsub(string.gsub(record, "
		"'\"id\":\"a\"', '\"id\":\"f' .. i .. '\"'), '^%%d+', tostring(i + 100)))) "
		"end return 1",
		n);
}

/* And with a change, as registry_put announces it. */
static void bury_behind_back(struct life *life, const char *id)
{
	redis_server_do(life->server,
		"EVAL %s 3 " KEY "subs:records " KEY "subs:changes " KEY "subs:version %s",
		"redis.call('HSET', KEYS[1], ARGV[1], '101 e f\\n') "
		"local id = redis.call('XADD', KEYS[2], '*', 'id', ARGV[1], "
		"'before', redis.call('GET', KEYS[3])) "
		"return redis.call('SET', KEYS[3], id)",
		id);
}

#define MANY 5000

static void start_many(struct life *life)
{
	life_put(life, "a", false);
	fill(life, MANY);
	start(life);
	life_wait(life, following.total > 0);
	assert_int_equal(following.total, MANY + 1);
	assert_false(is_fresh());
}

static void test_loads_many_pages(void **state)
{
	struct life *life = *state;
	uint64_t loaded = 0;

	start_many(life);
	while (following.total > 0) {
		assert_true(following.loaded >= loaded && following.loaded <= MANY + 1);
		assert_int_equal(bud_table_count(table), 0); /* at once, at the end */
		loaded = following.loaded;
		uv_run(&life->loop, UV_RUN_ONCE);
	}
	assert_true(loaded > 0);
	life_wait(life, is_fresh());
	assert_int_equal(bud_table_count(table), MANY + 1);
	assert_int_equal(reloads(life), 1);
	assert_int_equal(bud_table_find(table, "f4711", NULL), BUD_TABLE_LIVE);
}

static void test_changes_while_loading(void **state)
{
	struct life *life = *state;

	start_many(life);
	bury_behind_back(life, "f17");
	bury_behind_back(life, "f4711");
	life_wait(life, is_fresh());
	assert_int_equal(bud_table_count(table), MANY - 1);
	assert_int_equal(bud_table_find(table, "f4711", NULL), BUD_TABLE_DELETED);
	assert_int_equal(reloads(life), 1);
	must_reload_after_gap(life);
	assert_int_equal(bud_table_count(table), MANY);
}

static void test_redis_dies_while_loading(void **state)
{
	struct life *life = *state;

	start_many(life);
	redis_server_kill(life->server);
	life_wait(life, following.total == 0);
	assert_false(is_fresh());
	assert_int_equal(bud_table_count(table), 0);
	redis_server_restart(life->server, NULL, true);
	life_wait(life, is_fresh());
	assert_int_equal(bud_table_count(table), MANY + 1);
}

/* tear_down() closes it: pages are being parsed then, and nothing may be left. */
static void test_closes_while_loading(void **state)
{
	struct life *life = *state;

	start_many(life);
	life_wait(life, following.loaded > 0 || following.total == 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(loads_and_follows),
		TEST(fresh_while_changes_never_pause),
		TEST(gap),
		TEST(change_is_missing),
		TEST(malformed_change),
		TEST(went_back),
		TEST(gone_and_back),
		TEST(no_record_at_start),
		TEST(redis_dies),
		TEST(loads_many_pages),
		TEST(changes_while_loading),
		TEST(redis_dies_while_loading),
		TEST(closes_while_loading),
	};

	return cmocka_run_group_tests(tests, life_group_set_up, life_group_tear_down);
}
