/* A replay job revives exactly what it asks for, by however many nodes and through a restart of
 * Redis, a little at a time; a job of a deleted subscription ends, and so does one that nobody can
 * read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "followed.h"
#include "auth/authorize.h"
#include "auth/quota.h"
#include "lifecycle/replay.h"
#include "store/replay_job.h"
#include "store/replays.h"

#define KEY   "bud:{s0}:"
#define NODES 2
#define AT_MS 1700000000000

static struct bud_replayer *replayers[NODES];
static struct bud_authority *authority;
static struct bud_quota *quota; /* of one test */

static void start(struct followed *followed)
{
	struct bud_replay_options options = {
		.loop = &followed->life->loop,
		.store = &followed->life->store,
		.table = followed->table,
		.each_ms = 10,
	};

	authority = bud_authority_create(&(struct bud_authority_options){.is_open = true});
	options.authority = authority;
	options.quota = quota;
	for (int i = 0; i < NODES; i++)
		replayers[i] = bud_replayer_open(&options);
	followed_start(followed);
}

static int tear_down(void **state)
{
	int r;

	followed_stop(*state);
	for (int i = 0; i < NODES; i++)
		bud_replayer_close(bud_move(replayers[i]));
	r = followed_tear_down(state);
	bud_authority_destroy(bud_move(authority));
	bud_quota_destroy(bud_move(quota));
	return r;
}

static void put_subscription(struct followed *followed)
{
	life_put_json(followed->life, "s1",
		"{\"protocol\":\"HTTP\",\"sink\":\"http://127.0.0.1/\",\"types\":[\"t0\",\"t1\"]}",
		NULL);
}

/* `n` events of each of the types t0, t1 and t2 in a partition, a millisecond apart. */
static void fill(struct followed *followed, int partition, int n)
{
	for (int i = 0; i < 3 * n; i++)
		redis_server_do(followed->life->server,
			"XADD " KEY "p%d:events %lld-1 o local e "
			"{\"specversion\":\"1.0\",\"id\":\"%d-%d\",\"source\":\"/s\",\"type\":\"t%"
			"d\"}",
			partition, AT_MS + i, partition, i, i % 3);
}

static void on_put(void *owner, int err, int64_t number)
{
	assert_int_equal(err, 0);
	assert_int_equal(number, 1);
	*(bool *)owner = true;
}

static void put_job(struct followed *followed, const char *id, struct bud_span value)
{
	struct bud_replay replay = {bud_span(id), value};
	bool is_put = false;

	assert_int_equal(bud_replays_put(&followed->life->store, &replay, on_put, &is_put), 0);
	life_wait(followed->life, is_put);
}

static void ask(struct followed *followed, const char *id, const struct bud_replay_job *job)
{
	bud_auto(buffer) struct bud_buffer value = {0};

	bud_replay_job_write(job, &value);
	put_job(followed, id, bud_buffer_as_span(&value));
}

static long long jobs(struct followed *followed)
{
	return life_number(followed->life, "HLEN " KEY "replays");
}

static long long parked(struct followed *followed)
{
	return life_number(followed->life, "ZCARD " KEY "parked:s1~replay");
}

/* Whose owner has as much parked as it may waits, and goes on from where it was. */
static void test_a_full_owner_waits(void **state)
{
	struct followed *followed = *state;
	struct bud_replay_job job = {.source = BUD_REPLAY_EVENTS, .to_ms = AT_MS + 1000};
	const struct bud_quota_use use = {bud_span("local"), 1000};

	quota = bud_quota_create(&(struct bud_quotas){.parked_bytes = 1000});
	(void)bud_quota_set_parked(quota, &use, 1);
	put_subscription(followed);
	fill(followed, 0, 20);
	start(followed);
	ask(followed, "s1", &job);
	life_stays_ms(followed->life, parked(followed) == 0 && jobs(followed) == 1, 300);
	(void)bud_quota_set_parked(quota, NULL, 0);
	life_wait(followed->life, jobs(followed) == 0);
	assert_int_equal(parked(followed), 2 * 20);
}

static void test_events_in_time(void **state)
{
	struct followed *followed = *state;
	/* 90 of each type are within; of those that match, the filter takes one type. */
	struct bud_replay_job job = {
		.source = BUD_REPLAY_EVENTS, .from_ms = AT_MS + 30, .to_ms = AT_MS + 299};

	put_subscription(followed);
	fill(followed, 0, 120);
	fill(followed, 7, 120);
	fill(followed, 15, 5); /* all before */
	start(followed);
	ask(followed, "s1", &job);
	life_wait(followed->life, jobs(followed) == 0);
	assert_int_equal(parked(followed), 2 * 2 * 90);
	assert_int_equal(life_number(followed->life, "HLEN " KEY "refs"), 2 * 2 * 90);
	assert_int_equal(life_number(followed->life, "ZCARD " KEY "due"), 1);
}

/* They wait by their ids, not for a time each. */
static void test_of_an_ordered_subscription(void **state)
{
	struct followed *followed = *state;
	struct bud_replay_job job = {.source = BUD_REPLAY_EVENTS, .to_ms = INT64_MAX};

	life_put_json(followed->life, "s1",
		"{\"protocol\":\"HTTP\",\"sink\":\"http://127.0.0.1/\",\"types\":[\"t0\"],"
		"\"config\":{\"ordered\":true}}",
		NULL);
	fill(followed, 0, 100);
	start(followed);
	ask(followed, "s1", &job);
	life_wait(followed->life, jobs(followed) == 0);
	assert_int_equal(life_number(followed->life, "ZCOUNT " KEY "parked:s1~replay 0 0"), 100);
}

static void test_further_filters(void **state)
{
	struct followed *followed = *state;
	struct bud_replay_job job = {.source = BUD_REPLAY_EVENTS,
		.to_ms = INT64_MAX,
		.filters = bud_span("[{\"exact\":{\"type\":\"t1\"}}]")};

	put_subscription(followed);
	fill(followed, 3, 100);
	start(followed);
	ask(followed, "s1", &job);
	life_wait(followed->life, jobs(followed) == 0);
	assert_int_equal(parked(followed), 100);
}

static void test_dead_letters(void **state)
{
	struct followed *followed = *state;
	struct life *life = followed->life;
	struct bud_replay_job job = {
		.source = BUD_REPLAY_DEAD, .from_ms = AT_MS, .to_ms = AT_MS + 149};

	put_subscription(followed);
	for (int i = 0; i < 200; i++) {
		char member[32];
		snprintf(member, sizeof(member), "%02d-%d-0000000001", i % 4, i + 1);
		redis_server_do(
			life->server, "ZADD " KEY "dead:s1 %lld %s", (AT_MS + i) * 64 + 11, member);
		redis_server_do(life->server, "HSET " KEY "refs %s 1", member);
		redis_server_do(life->server,
			"HSET " KEY "kept %s local\n{\"specversion\":\"1.0\",\"id\":\"%d\","
			"\"source\":\"/s\",\"type\":\"any\"}",
			member, i);
	}
	start(followed);
	ask(followed, "s1", &job);
	life_wait(life, jobs(followed) == 0);
	assert_int_equal(parked(followed), 150);
	assert_int_equal(life_number(life, "ZCARD " KEY "dead:s1"), 50);
	assert_int_equal(life_number(life, "HLEN " KEY "kept"), 200);
}

static void test_through_a_restart(void **state)
{
	struct followed *followed = *state;
	struct bud_replay_job job = {.source = BUD_REPLAY_EVENTS, .to_ms = INT64_MAX};

	put_subscription(followed);
	fill(followed, 0, 200);
	fill(followed, 1, 200);
	start(followed);
	ask(followed, "s1", &job);
	life_wait(followed->life, parked(followed) > 50);
	redis_server_kill(followed->life->server);
	life_stays_ms(followed->life, true, 50);
	redis_server_restart(followed->life->server, NULL, true);
	life_wait(followed->life, jobs(followed) == 0);
	assert_int_equal(parked(followed), 800);
	assert_int_equal(life_number(followed->life, "HLEN " KEY "refs"), 800);
}

static void test_whom_nobody_asks_for(void **state)
{
	struct followed *followed = *state;
	struct bud_replay_job job = {.source = BUD_REPLAY_EVENTS, .to_ms = INT64_MAX};

	put_subscription(followed);
	life_put(followed->life, "gone", false);
	life_put(followed->life, "gone", true);
	fill(followed, 0, 10);
	start(followed);
	ask(followed, "gone", &job);
	put_job(followed, "s1", bud_span("9 whatever"));
	life_wait(followed->life, jobs(followed) == 0);
	assert_int_equal(life_number(followed->life, "HLEN " KEY "refs"), 0);
}

/* More jobs than a round takes, most of which never end: all the others have their turn. */
static void test_many_jobs(void **state)
{
	struct followed *followed = *state;
	struct life *life = followed->life;
	struct bud_replay_job job = {
		.source = BUD_REPLAY_EVENTS, .from_ms = AT_MS, .to_ms = AT_MS + 100};
	bud_auto(buffer) struct bud_buffer value = {0};
	char id[16];

	bud_replay_job_write(&job, &value);
	redis_server_do(life->server, "EVAL %s 1 " KEY "replays %s",
		"for i = 1, 1500 do redis.call('HSET', KEYS[1], 'unknown' .. i, ARGV[1]) end "
		"return 1",
		value.at);
	for (int i = 0; i < 8; i++) {
		snprintf(id, sizeof(id), "s%d", i);
		life_put(life, id, false);
		put_job(followed, id, bud_buffer_as_span(&value));
	}
	start(followed);
	life_wait_ms(life, jobs(followed) == 1500, 20000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, followed_set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(events_in_time),
		TEST(of_an_ordered_subscription),
		TEST(a_full_owner_waits),
		TEST(further_filters),
		TEST(dead_letters),
		TEST(through_a_restart),
		TEST(whom_nobody_asks_for),
		TEST(many_jobs),
	};

	return cmocka_run_group_tests(tests, life_group_set_up, life_group_tear_down);
}
