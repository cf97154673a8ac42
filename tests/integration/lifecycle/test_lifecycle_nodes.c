/* The watch against a real Redis: a dead node's events become ours, a living one's never do, not
 * even after Redis was away; what nobody claims is found; a rival of our name is noticed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "life.h"
#include "lifecycle/nodes.h"

#define KEY     "bud:{s0}:"
#define BEAT_MS 40
#define DEAD_MS 400

static struct bud_watch *watch;
static int joined;
static int taken;
static int rivals;

static void on_joined(void *owner)
{
	(void)owner;
	joined++;
}

static void on_taken(void *owner)
{
	(void)owner;
	taken++;
}

static void on_rival(void *owner)
{
	(void)owner;
	rivals++;
}

static int set_up(void **state)
{
	joined = taken = rivals = 0;
	life_set_up(state);
	struct life *life = *state;
	struct bud_watch_options options = {
		.loop = &life->loop,
		.store = &life->store,
		.metrics = &life->metrics,
		.node = "me",
		.run = "r1",
		.beat_ms = BEAT_MS,
		.dead_ms = DEAD_MS,
		.on_joined = on_joined,
		.on_taken = on_taken,
		.on_rival = on_rival,
	};

	watch = bud_watch_open(&options);
	life_wait(life, joined == 1);
	return 0;
}

static int tear_down(void **state)
{
	struct life *life = *state;

	life_close_redis(life);
	bud_watch_close(watch);
	return life_tear_down(state);
}

/* `n` events of partition 3 that are in the hands of `consumer`. */
static void give(struct life *life, const char *consumer, int n)
{
	for (int i = 0; i < n; i++)
		redis_server_do(life->server, "XADD " KEY "p3:events * o local e {}");
	redis_server_do(life->server,
		"XREADGROUP GROUP dispatch %s COUNT %d STREAMS " KEY "p3:events >", consumer, n);
}

static size_t pending_with(struct life *life, const char *consumer)
{
	redisReply *reply = redis_server_ask(
		life->server, "XPENDING " KEY "p3:events dispatch - + 10000 %s", consumer);
	size_t n = reply->elements;

	freeReplyObject(reply);
	return n;
}

static uint64_t take_overs(struct life *life)
{
	return bud_metrics_counter(&life->metrics, BUD_COUNTER_TAKE_OVERS);
}

static void test_dead(void **state)
{
	struct life *life = *state;

	redis_server_do(life->server, "HSET " KEY "nodes dead %s", "r9 17");
	give(life, "dead", 1500); /* more than a page */
	redis_server_do(life->server, "XACK " KEY "p3:events dispatch 0-1");
	life_wait(life, take_overs(life) == 1);
	assert_int_equal(pending_with(life, "me"), 1500);
	assert_int_equal(pending_with(life, "dead"), 0);
	assert_int_equal(life_number(life, "HEXISTS " KEY "nodes dead"), 0);
	assert_int_equal(life_number(life, "HEXISTS " KEY "nodes me"), 1);
	assert_int_equal(taken, 1);
	life_stays_ms(life, take_overs(life) == 1, 2 * DEAD_MS);
}

static void test_lost_content(void **state)
{
	struct life *life = *state;

	redis_server_do(life->server, "HSET " KEY "nodes dead %s", "r9 17");
	give(life, "dead", 3);
	redis_server_do(life->server, "XTRIM " KEY "p3:events MAXLEN = 1");
	life_wait(life, take_overs(life) == 1);
	assert_int_equal(pending_with(life, "me"), 1);
	assert_int_equal(bud_metrics_counter(&life->metrics, BUD_COUNTER_EVENTS_LOST), 2);
}

static void beat_of_another(struct life *life)
{
	redis_server_do(life->server, "EVAL %s 1 " KEY "nodes",
		"return redis.call('HSET', KEYS[1], 'other', redis.call('TIME')[2])");
}

static void test_living(void **state)
{
	struct life *life = *state;

	beat_of_another(life);
	give(life, "other", 3);
	for (int i = 0; i < 5; i++) {
		beat_of_another(life);
		life_stays_ms(life, take_overs(life) == 0, DEAD_MS / 2);
	}
	assert_int_equal(pending_with(life, "other"), 3);
}

static void test_redis_away(void **state)
{
	struct life *life = *state;

	beat_of_another(life);
	give(life, "other", 3);
	life_stays_ms(life, take_overs(life) == 0, 3 * BEAT_MS);
	redis_server_kill(life->server);
	life_stays_ms(life, take_overs(life) == 0, 2 * DEAD_MS);
	redis_server_restart(life->server, NULL, true);
	int ups = life->ups;
	life_wait(life, life->ups > ups);
	life_stays_ms(life, take_overs(life) == 0, DEAD_MS / 2);
	beat_of_another(life);
	life_stays_ms(life, take_overs(life) == 0, DEAD_MS / 2);
	assert_int_equal(pending_with(life, "other"), 3);
	/* It is dead in the end, and that is seen. */
	life_wait(life, take_overs(life) == 1);
	assert_int_equal(pending_with(life, "me"), 3);
	assert_int_equal(joined, 1);
}

static void test_taken_over_half(void **state)
{
	struct life *life = *state;

	/* Another group's stream is gone: the last step never comes to its end, what was moved
	 * before is swept all the same. */
	redis_server_do(life->server, "HSET " KEY "nodes dead %s", "r9 17");
	give(life, "dead", 3);
	redis_server_do(life->server, "DEL " KEY "p9:events");
	life_wait(life, taken == 1);
	assert_int_equal(pending_with(life, "me"), 3);
	assert_int_equal(take_overs(life), 0);
}

static void test_orphan(void **state)
{
	struct life *life = *state;

	give(life, "ghost", 3);
	life_wait(life, take_overs(life) == 1);
	assert_int_equal(pending_with(life, "me"), 3);
	assert_int_equal(taken, 1);
}

static void test_rival(void **state)
{
	struct life *life = *state;

	assert_int_equal(rivals, 0);
	redis_server_do(life->server, "HSET " KEY "nodes me %s", "r2 1");
	life_wait(life, rivals > 0);
	redisReply *reply = redis_server_ask(life->server, "HGET " KEY "nodes me");
	assert_string_equal(reply->str, "r2 1");
	freeReplyObject(reply);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(dead),
		TEST(lost_content),
		TEST(living),
		TEST(redis_away),
		TEST(taken_over_half),
		TEST(orphan),
		TEST(rival),
	};

	return cmocka_run_group_tests(tests, life_group_set_up, life_group_tear_down);
}
