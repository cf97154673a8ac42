/* What each owner has parked is measured by one of several nodes and known to all: all lanes of all
 * its subscriptions, no deleted one's, and no longer when it is gone; a part that is lost ends
 * nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "auth/quota.h"
#include "followed.h"
#include "lifecycle/measure.h"
#include "subscription/subscription.h"
#include "subscription/table.h"

#define KEY   "bud:{s0}:"
#define NODES 2
#define LANES 300

static struct bud_measurer *measurers[NODES];
static struct bud_quota *quotas[NODES];
static struct bud_metrics metrics[NODES];

static void start(struct followed *followed)
{
	struct bud_measure_options options = {
		.loop = &followed->life->loop,
		.store = &followed->life->store,
		.table = followed->table,
		.each_ms = 20,
	};

	for (int i = 0; i < NODES; i++) {
		quotas[i] = bud_quota_create(&(struct bud_quotas){.parked_bytes = 1000});
		options.quota = quotas[i];
		options.metrics = &metrics[i];
		measurers[i] = bud_measurer_open(&options);
	}
	followed_start(followed);
}

static int tear_down(void **state)
{
	int r;

	followed_stop(*state);
	for (int i = 0; i < NODES; i++)
		bud_measurer_close(bud_move(measurers[i]));
	r = followed_tear_down(state);
	for (int i = 0; i < NODES; i++)
		bud_quota_destroy(bud_move(quotas[i]));
	return r;
}

/* `n` events of 100 bytes. */
static void park(struct life *life, const char *lane, int n)
{
	for (int i = 0; i < n; i++) {
		redis_server_do(life->server, "HSET " KEY "kept m%d %0100d", i, 0);
		redis_server_do(life->server, "ZADD " KEY "parked:%s %d m%d", lane, i, i);
	}
	redis_server_do(life->server, "ZADD " KEY "due 1 %s", lane);
}

static bool all_know(int64_t bytes)
{
	for (int i = 0; i < NODES; i++)
		if (bud_quota_parked(quotas[i], bud_span("local")) != bytes)
			return false;
	return true;
}

static void test_adds_up_lanes(void **state)
{
	struct followed *followed = *state;
	struct life *life = followed->life;
	char id[24];

	followed_put(followed, "s1", "/1", NULL);
	park(life, "s1", 3);
	park(life, "s1~replay", 1);
	park(life, "s1/0123456789abcdef", 2);
	park(life, "unknown", 3);
	start(followed);
	life_wait_ms(life, all_know(600), 20000);
	assert_false(bud_quota_is_full(quotas[0], bud_span("local")));
	/* More than one page of them. */
	for (int i = 0; i < LANES; i++) {
		snprintf(id, sizeof(id), "s1/%016x", i);
		park(life, id, 1);
	}
	life_wait_ms(life, all_know(600 + 100 * LANES), 20000);
	assert_true(bud_quota_is_full(quotas[0], bud_span("local")));
	assert_true(bud_quota_is_full(quotas[1], bud_span("local")));
	life_wait(life, bud_metrics_gauge(&metrics[1], BUD_GAUGE_QUOTA_FULL_OWNERS) == 1);
	redis_server_do(life->server, "DEL " KEY "due");
	life_wait_ms(life, all_know(0), 20000);
	life_wait(life, bud_metrics_gauge(&metrics[1], BUD_GAUGE_QUOTA_FULL_OWNERS) == 0);
}

static void test_leaves_out_deleted_ones(void **state)
{
	struct followed *followed = *state;
	struct life *life = followed->life;

	followed_put(followed, "s1", "/1", NULL);
	followed_put(followed, "s2", "/2", NULL);
	park(life, "s1", 3);
	park(life, "s2", 2);
	start(followed);
	life_wait_ms(life, all_know(500), 20000);
	life_put(life, "s1", true);
	life_wait_ms(life, all_know(200), 20000);
}

static bool all_refuse(const char *id, bool refuse)
{
	for (int i = 0; i < NODES; i++)
		if (bud_quota_refuses(quotas[i], bud_span(id)) != refuse)
			return false;
	return true;
}

/* Of a full owner those that hold up the most get no more parked, by all nodes, until there is room
 * again; who has little parked does not suffer for them, and nobody does for another owner. */
static void test_refuses_who_is_in_the_way(void **state)
{
	struct followed *followed = *state;
	struct life *life = followed->life;

	followed_put(followed, "s1", "/1", NULL);
	followed_put(followed, "s2", "/2", NULL);
	life->put_owner = "/org/other";
	followed_put(followed, "s3", "/3", NULL);
	life->put_owner = NULL;
	park(life, "s1", 5);
	park(life, "s1/0123456789abcdef", 4);
	park(life, "s2", 2);
	park(life, "s3", 9);
	start(followed);
	life_wait_ms(life, all_know(1100), 20000);
	life_wait(life, all_refuse("s1", true));
	assert_true(all_refuse("s2", false));
	assert_true(all_refuse("s3", false)); /* 900 of 1000 */
	/* Two of a kind: both are in the way. */
	park(life, "s2", 6);
	life_wait_ms(life, all_know(1500), 20000);
	life_wait(life, all_refuse("s2", true) && all_refuse("s1", true));
	redis_server_do(life->server, "ZREM " KEY "due s1 s1/0123456789abcdef");
	life_wait_ms(life, all_know(600), 20000);
	life_wait(life, all_refuse("s1", false) && all_refuse("s2", false));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, followed_set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(adds_up_lanes),
		TEST(leaves_out_deleted_ones),
		TEST(refuses_who_is_in_the_way),
	};

	return cmocka_run_group_tests(tests, life_group_set_up, life_group_tear_down);
}
