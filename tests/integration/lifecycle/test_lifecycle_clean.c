/* The cleaner against a real Redis: what is settled goes by age or when memory is short, what is
 * not settled never; dead letters go by age, and with their subscription. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "life.h"
#include "lifecycle/clean.h"
#include "subscription/subscription.h"
#include "subscription/table.h"

#define KEY          "bud:{s0}:"
#define RETENTION_MS 60000

/* Between our clock and that of Redis. */
static int64_t ahead_ms;

int64_t __real_bud_clock_wall_ms(void);
int64_t __wrap_bud_clock_wall_ms(void);

int64_t __wrap_bud_clock_wall_ms(void)
{
	return __real_bud_clock_wall_ms() + ahead_ms;
}

static struct bud_table *table;
static struct bud_cleaner *cleaner;

static void start(struct life *life)
{
	struct bud_clean_options options = {
		.loop = &life->loop,
		.store = &life->store,
		.table = table,
		.metrics = &life->metrics,
		.retention_ms = RETENTION_MS,
		.each_ms = 20,
		.late_ms = 300,
	};

	cleaner = bud_cleaner_open(&options);
}

static int set_up(void **state)
{
	table = bud_table_create(1);
	return life_set_up(state);
}

static int tear_down(void **state)
{
	struct life *life = *state;

	ahead_ms = 0;
	life_close_redis(life);
	bud_cleaner_close(cleaner);
	int r = life_tear_down(state);
	bud_table_destroy(table);
	return r;
}

/* 1000 events of partition 0, 600 of them acked, 200 read and not acked, the rest not read. */
static void fill(struct life *life, int64_t first_ms)
{
	redis_server_do(life->server, "EVAL %s 1 " KEY "p0:events %lld",
		"for i = 0, 999 do redis.call('XADD', KEYS[1], string.format('%.0f', ARGV[1] + i) "
		".. '-1', 'o', 'local', 'e', '{}') end "
		"redis.call('XREADGROUP', 'GROUP', 'dispatch', 'me', 'COUNT', 800, 'STREAMS', "
		"KEYS[1], '>') "
		"for i = 0, 599 do redis.call('XACK', KEYS[1], 'dispatch', "
		"string.format('%.0f', ARGV[1] + i) .. '-1') end",
		(long long)first_ms);
}

static long long left(struct life *life)
{
	return life_number(life, "XLEN " KEY "p0:events");
}

/* Whole nodes of the stream only, of about 100. */
static void must_keep_unsettled(struct life *life)
{
	life_wait(life, left(life) < 550);
	life_stays_ms(life, left(life) >= 400, 200);
	redisReply *reply =
		redis_server_ask(life->server, "XPENDING " KEY "p0:events dispatch - + 1000");
	assert_int_equal(reply->elements, 200);
	freeReplyObject(reply);
	assert_int_equal(
		bud_metrics_counter(&life->metrics, BUD_COUNTER_EVENTS_TRIMMED), 1000 - left(life));
}

static void test_retention(void **state)
{
	struct life *life = *state;

	fill(life, bud_clock_wall_ms() - 2 * RETENTION_MS);
	start(life);
	must_keep_unsettled(life);
	life_wait(life, bud_metrics_gauge(&life->metrics, BUD_GAUGE_PENDING) == 200);
}

static void test_memory_is_short(void **state)
{
	struct life *life = *state;

	fill(life, bud_clock_wall_ms() - 2000);
	start(life);
	life_stays_ms(life, left(life) == 1000, 300);
	redisReply *info = redis_server_ask(life->server, "INFO memory");
	unsigned long long used = strtoull(strstr(info->str, "used_memory:") + 12, NULL, 10);
	freeReplyObject(info);
	redis_server_do(life->server, "CONFIG SET maxmemory %llu", used / 3 * 4);
	must_keep_unsettled(life);
}

/* Who writes what may be left out learns that there is no room for it, and that there is again. */
static void test_memory_is_gone(void **state)
{
	static atomic_bool is_full;
	struct life *life = *state;

	life->shard.is_full = &is_full;
	start(life);
	life_stays_ms(life, !bud_shard_is_full(&life->shard), 200);
	redis_server_do(life->server, "CONFIG SET maxmemory 500000");
	life_wait(life, bud_shard_is_full(&life->shard));
	redis_server_do(life->server, "CONFIG SET maxmemory 0");
	life_wait(life, !bud_shard_is_full(&life->shard));
}

static void bury(struct life *life, const char *subscription, const char *member, int64_t at_ms)
{
	redis_server_do(life->server, "ZADD " KEY "dead:%s %lld %s", subscription,
		(long long)at_ms * 64 + 3, member);
	redis_server_do(life->server, "HINCRBY " KEY "refs %s 1", member);
	redis_server_do(life->server, "HSET " KEY "kept %s local\n{}", member);
}

static void add_to_table(const char *id, uint64_t serial)
{
	static const char json[] = "{\"protocol\":\"HTTP\",\"sink\":\"http://127.0.0.1/\"}";
	struct bud_subscription_defaults defaults = {
		.id = id, .owner = "local", .timeout_ms = 1000};
	struct bud_subscription *subscription;

	assert_int_equal(bud_subscription_parse(bud_span(json), &defaults, &subscription, NULL), 0);
	subscription->serial = serial;
	bud_table_put(table, subscription);
}

static void test_dead_letters(void **state)
{
	struct life *life = *state;
	int64_t now_ms = bud_clock_wall_ms();
	char id[16];

	for (int i = 0; i < 120; i++) { /* more than are visited in a turn */
		snprintf(id, sizeof(id), "s%d", i);
		add_to_table(id, (uint64_t)i + 1);
	}
	bury(life, "s0", "00-1-0000000001", now_ms - 2 * RETENTION_MS);
	bury(life, "s119", "00-1-0000000001", now_ms - 2 * RETENTION_MS);
	bury(life, "s119", "00-1-0000000002", now_ms - RETENTION_MS / 2);
	bury(life, "-", "00-1-0000000003", now_ms - 2 * RETENTION_MS);
	start(life);
	life_wait(life, life_number(life, "HLEN " KEY "kept") == 1);
	assert_int_equal(life_number(life, "EXISTS " KEY "dead:s0 " KEY "dead:-"), 0);
	assert_int_equal(life_number(life, "ZCARD " KEY "dead:s119"), 1);
	life_stays_ms(life, life_number(life, "HLEN " KEY "kept") == 1, 200);
}

/* One node's clock is wrong: what others keep and list stays. */
static void test_our_clock_is_ahead(void **state)
{
	struct life *life = *state;
	int64_t now_ms = bud_clock_wall_ms();

	add_to_table("s0", 1);
	bury(life, "s0", "00-1-0000000001", now_ms - RETENTION_MS / 2);
	bury(life, "-", "00-1-0000000002", now_ms - RETENTION_MS / 2);
	fill(life, now_ms - RETENTION_MS / 2);
	ahead_ms = 365 * 86400000LL;
	start(life);
	life_stays_ms(life, life_number(life, "HLEN " KEY "kept") == 2 && left(life) == 1000, 300);
}

static void test_our_clock_is_behind(void **state)
{
	struct life *life = *state;
	int64_t now_ms = bud_clock_wall_ms();

	add_to_table("s0", 1);
	bury(life, "s0", "00-1-0000000001", now_ms - 2 * RETENTION_MS);
	fill(life, now_ms - 2 * RETENTION_MS);
	ahead_ms = -365 * 86400000LL;
	start(life);
	must_keep_unsettled(life);
	life_wait(life, life_number(life, "HLEN " KEY "kept") == 0);
}

static void test_deleted(void **state)
{
	struct life *life = *state;
	char member[32];
	char id[16];

	for (int i = 0; i < 600; i++) { /* more than are forgotten in a call */
		snprintf(member, sizeof(member), "00-1-%010d", i);
		bury(life, "d7", member, bud_clock_wall_ms());
	}
	redis_server_do(life->server, "LPUSH " KEY "attempts:d7 x");
	redis_server_do(life->server, "LPUSH " KEY "attempts:d199 x");
	redis_server_do(life->server, "HSET " KEY "failing d7 1 other 1");
	redis_server_do(life->server, "HSET " KEY "failed d7 1 other 1");
	redis_server_do(life->server, "LPUSH " KEY "attempts:other x");
	redis_server_do(life->server, "HSET " KEY "stats:d7 delivered 1");
	redis_server_do(life->server, "HSET " KEY "held d7 1 d7~replay 1 d7~rest 1 other 1");
	redis_server_do(
		life->server, "ZADD " KEY "due 9e12 d8 9e12 d8~replay 9e12 d8/00 9e12 other");
	start(life);
	for (int told = 0; told < 3; told++) { /* each load tells them again */
		for (int i = 0; i < 200; i++) {
			snprintf(id, sizeof(id), "d%d", i);
			bud_cleaner_on_deleted(cleaner, id);
		}
	}
	life_wait(life, life_number(life, "EXISTS " KEY "attempts:d7 " KEY "attempts:d199") == 0);
	assert_int_equal(life_number(life, "EXISTS " KEY "dead:d7 " KEY "kept " KEY "refs"), 0);
	assert_int_equal(life_number(life, "EXISTS " KEY "attempts:other"), 1);
	assert_int_equal(life_number(life, "HLEN " KEY "failing"), 1);
	assert_int_equal(life_number(life, "HLEN " KEY "failed"), 1);
	assert_int_equal(life_number(life, "EXISTS " KEY "stats:d7"), 0);
	assert_int_equal(life_number(life, "HLEN " KEY "held"), 1);
	life_wait(life, life_number(life, "ZCOUNT " KEY "due 0 8e12") == 3); /* looked at now */
	/* Attempts that ran when it was deleted. */
	redis_server_do(life->server, "LPUSH " KEY "attempts:d7 x");
	redis_server_do(life->server, "HSET " KEY "stats:d7 delivered 1");
	redis_server_do(life->server, "HSET " KEY "failing d7 1");
	life_wait(life, life_number(life, "EXISTS " KEY "attempts:d7 " KEY "stats:d7") == 0);
	assert_int_equal(life_number(life, "HLEN " KEY "failing"), 1);
}

static void test_redis_dies_meanwhile(void **state)
{
	struct life *life = *state;
	char id[16];

	start(life);
	for (int i = 0; i < 120; i++) {
		snprintf(id, sizeof(id), "d%d", i);
		redis_server_do(life->server, "LPUSH " KEY "attempts:%s x", id);
		bud_cleaner_on_deleted(cleaner, id);
	}
	redis_server_pause(life->server);
	life_stays_ms(life, true, 100);
	redis_server_kill(life->server);
	life_wait(life, bud_metrics_gauge(&life->metrics, BUD_GAUGE_REDIS_UP) == 0);
	redis_server_restart(life->server, NULL, true);
	life_wait(life, life_number(life, "DBSIZE") < 30);
	for (int i = 0; i < 120; i++)
		assert_int_equal(life_number(life, "EXISTS " KEY "attempts:d%d", i), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(retention),
		TEST(memory_is_short),
		TEST(memory_is_gone),
		TEST(dead_letters),
		TEST(our_clock_is_ahead),
		TEST(our_clock_is_behind),
		TEST(deleted),
		TEST(redis_dies_meanwhile),
	};

	return cmocka_run_group_tests(tests, life_group_set_up, life_group_tear_down);
}
