/* The lanes of what is active again are looked at now: not before the table says so, however long a
 * load takes, and once more for the worker that put one off by what it knew before; not when it is
 * paused again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "followed.h"
#include "lifecycle/resume.h"

#define DUE    "bud:{s0}:due"
#define FAR_MS 600000

static struct bud_resumer *resumer;

static void on_changed(void *owner, const struct bud_subscription *before,
	const struct bud_subscription *subscription)
{
	(void)owner;
	bud_resumer_on_changed(resumer, before, subscription);
}

static void start(struct followed *followed, int64_t again_ms)
{
	resumer = bud_resumer_open(&(struct bud_resume_options){
		.loop = &followed->life->loop,
		.store = &followed->life->store,
		.table = followed->table,
		.tick_ms = 5,
		.again_ms = again_ms,
	});
	followed->on_changed = on_changed;
	followed_start(followed);
}

static int tear_down(void **state)
{
	followed_stop(*state);
	bud_resumer_close(bud_move(resumer));
	return followed_tear_down(state);
}

static void put_off(struct life *life)
{
	redis_server_do(
		life->server, "ZADD " DUE " %lld s1", (long long)bud_clock_wall_ms() + FAR_MS);
}

static bool is_due(struct life *life)
{
	return life_number(life, "ZCOUNT " DUE " 0 %lld", (long long)bud_clock_wall_ms()) == 1;
}

static enum bud_subscription_state state_of(const struct followed *followed)
{
	const struct bud_subscription *subscription;

	assert_int_equal(bud_table_find(followed->table, "s1", &subscription), BUD_TABLE_LIVE);
	return subscription->status.state;
}

/* A load tells of the resume while the table has the old record: the workers go by that. */
static void test_waits_for_the_table(void **state)
{
	struct followed *followed = *state;
	struct life *life = followed->life;
	struct bud_subscription told = {.id = (char[]){"s1"}};
	struct bud_subscription before = told;

	before.status.state = BUD_SUBSCRIPTION_PAUSED;
	followed_put(followed, "s1", "/", "{\"state\":\"paused\",\"since_ms\":1}");
	put_off(life);
	start(followed, 60000);
	bud_resumer_on_changed(resumer, &before, &told);
	life_stays_ms(life, !is_due(life), 300);
	followed_put(followed, "s1", "/", "{\"state\":\"active\",\"since_ms\":2}");
	life_wait(life, is_due(life));
	assert_int_equal(state_of(followed), BUD_SUBSCRIPTION_ACTIVE);
}

/* As a real load does it: the change is found when all is read anew. */
static void test_resumed_by_a_load(void **state)
{
	struct followed *followed = *state;
	struct life *life = followed->life;

	followed_put(followed, "s1", "/", "{\"state\":\"paused\",\"since_ms\":1}");
	put_off(life);
	start(followed, 60000);
	redis_server_do(life->server,
		"EVAL %s 3 bud:{s0}:subs:records bud:{s0}:subs:changes "
		"bud:{s0}:subs:version",
		"local v = redis.call('HGET', KEYS[1], 's1') "
		"redis.call('HSET', KEYS[1], 's1', (string.gsub(v, 'paused', 'active'))) "
		"return redis.call('SET', KEYS[3], "
		"redis.call('XADD', KEYS[2], '*', 'id', 's1', 'before', '5-5'))");
	life_wait(life, is_due(life));
	assert_int_equal(state_of(followed), BUD_SUBSCRIPTION_ACTIVE);
	assert_int_equal(bud_metrics_counter(&life->metrics, BUD_COUNTER_REGISTRY_RELOADS), 2);
}

static void test_once_more(void **state)
{
	struct followed *followed = *state;
	struct life *life = followed->life;

	followed_put(followed, "s1", "/", "{\"state\":\"paused\",\"since_ms\":1}");
	put_off(life);
	start(followed, 500);
	followed_put(followed, "s1", "/", "{\"state\":\"active\",\"since_ms\":2}");
	life_wait(life, is_due(life));
	put_off(life); /* by a worker that saw it paused */
	life_wait(life, is_due(life));
	put_off(life);
	life_stays_ms(life, !is_due(life), 700);
}

static void test_not_when_it_is_paused_again(void **state)
{
	struct followed *followed = *state;
	struct life *life = followed->life;

	followed_put(followed, "s1", "/", "{\"state\":\"paused\",\"since_ms\":1}");
	put_off(life);
	start(followed, 400);
	followed_put(followed, "s1", "/", "{\"state\":\"active\",\"since_ms\":2}");
	life_wait(life, is_due(life));
	followed_put(followed, "s1", "/", "{\"state\":\"paused\",\"since_ms\":3}");
	life_wait(life, state_of(followed) == BUD_SUBSCRIPTION_PAUSED);
	put_off(life);
	life_stays_ms(life, !is_due(life), 600);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, followed_set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(waits_for_the_table),
		TEST(resumed_by_a_load),
		TEST(once_more),
		TEST(not_when_it_is_paused_again),
	};

	return cmocka_run_group_tests(tests, life_group_set_up, life_group_tear_down);
}
