/* Whoever has had nothing but failures for the time given is disabled and told of, by one node;
 * nobody else is. What is active again is looked at now, and begins without failures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "followed.h"
#include "lifecycle/disable.h"
#include "lifecycle/resume.h"
#include "store/failing.h"
#include "store/status_change.h"

#define KEY      "bud:{s0}:"
#define AFTER_MS 3600000
#define NODES    2

static struct bud_disabler *disablers[NODES];
static struct bud_resumer *resumer;

static void on_changed(void *owner, const struct bud_subscription *before,
	const struct bud_subscription *subscription)
{
	(void)owner;
	bud_resumer_on_changed(resumer, before, subscription);
}

static void start(struct followed *followed)
{
	struct bud_disable_options options = {
		.loop = &followed->life->loop,
		.store = &followed->life->store,
		.table = followed->table,
		.after_ms = AFTER_MS,
		.each_ms = 20,
	};

	for (int i = 0; i < NODES; i++)
		disablers[i] = bud_disabler_open(&options);
	followed->on_changed = on_changed;
	resumer = bud_resumer_open(&(struct bud_resume_options){
		.loop = &followed->life->loop,
		.store = &followed->life->store,
		.table = followed->table,
	});
	followed_start(followed);
}

static int tear_down(void **state)
{
	followed_stop(*state);
	for (int i = 0; i < NODES; i++)
		bud_disabler_close(bud_move(disablers[i]));
	bud_resumer_close(bud_move(resumer));
	return followed_tear_down(state);
}

static void note(struct followed *followed, const char *id, int64_t ago_ms)
{
	assert_int_equal(bud_failing_note(&followed->life->store, bud_span(id),
				 bud_clock_wall_ms() - ago_ms),
		0);
}

static long long failing(struct life *life)
{
	return life_number(life, "HLEN " KEY "failing");
}

static void test_disables_who_only_fails(void **state)
{
	struct followed *followed = *state;
	struct life *life = followed->life;

	followed_put(followed, "s1", "/", NULL);
	note(followed, "s1", AFTER_MS + 5000);
	note(followed, "s1", 1000);
	start(followed);
	life_wait(life, life_stored_has(life, "s1", "\"state\":\"disabled\""));
	assert_true(life_stored_has(life, "s1", "\"reason\":\"failing\""));
	assert_true(life_stored_has(life, "s1", "\"detail\":\"every attempt from 20"));
	life_wait(life, failing(life) == 0);
	life_stays_ms(life, life_told(life, "subscription.disabled") == 1, 100);
	assert_int_equal(life_number(life, "HLEN " KEY "failed"), 0);
}

static void test_disables_nobody_else(void **state)
{
	struct followed *followed = *state;
	struct life *life = followed->life;

	followed_put(followed, "recent", "/", NULL);
	note(followed, "recent", AFTER_MS - 60000);
	note(followed, "recent", 0);
	followed_put(followed, "once", "/", NULL); /* and has had nothing to do since */
	note(followed, "once", 5 * AFTER_MS);
	followed_put(followed, "paused", "/", "{\"state\":\"paused\",\"since_ms\":1}");
	note(followed, "paused", 5 * AFTER_MS);
	note(followed, "paused", 0);
	followed_put(followed, "works", "/", NULL);
	note(followed, "works", 5 * AFTER_MS);
	assert_int_equal(bud_failing_clear(&life->store, bud_span("works")), 0);
	note(followed, "works", 0);
	followed_put(followed, "gone", "/", NULL);
	life_put(life, "gone", true);
	note(followed, "gone", 5 * AFTER_MS);
	start(followed);
	life_wait(life, failing(life) == 4); /* that of the deleted one is forgotten */
	life_stays_ms(life, life_told(life, "subscription.disabled") == 0, 200);
	assert_true(life_stored_has(life, "paused", "\"state\":\"paused\""));
	assert_int_equal(failing(life), 4);
}

/* More than a page, and each exactly once. */
static void test_many(void **state)
{
	struct followed *followed = *state;
	struct life *life = followed->life;

	for (int i = 0; i < 700; i++) {
		char id[16];
		snprintf(id, sizeof(id), "s%d", i);
		if (i % 7 == 0)
			life_put(life, id, false);
		note(followed, id, 2 * AFTER_MS);
		note(followed, id, 0);
	}
	start(followed);
	life_wait(life, life_told(life, "subscription.disabled") == 100);
	life_stays_ms(life, life_told(life, "subscription.disabled") == 100, 100);
}

static void on_resumed(void *owner, int err, enum bud_status_outcome outcome,
	const struct bud_subscription *subscription)
{
	(void)subscription;
	assert_int_equal(err, 0);
	assert_int_equal(outcome, BUD_STATUS_DONE);
	*(bool *)owner = true;
}

static void test_resumed_is_looked_at_now(void **state)
{
	struct bud_status_wish wish = {
		.from = BUD_STATUS_IS(BUD_SUBSCRIPTION_DISABLED), .to = BUD_SUBSCRIPTION_ACTIVE};
	struct followed *followed = *state;
	struct life *life = followed->life;
	long long far_ms = bud_clock_wall_ms() + 600000;
	bool is_resumed = false;

	followed_put(followed, "s1", "/", "{\"state\":\"disabled\",\"since_ms\":1}");
	redis_server_do(life->server, "ZADD " KEY "due %lld s1 %lld s2", far_ms, far_ms);
	for (int i = 0; i < 3000; i++)
		redis_server_do(life->server, "ZADD " KEY "due %lld s1/%016x", far_ms, i);
	note(followed, "s1", 5 * AFTER_MS);
	start(followed);
	assert_int_equal(bud_status_change(&life->store, "s1", &wish, on_resumed, &is_resumed), 0);
	life_wait(life, is_resumed);
	life_wait(life, life_number(life, "ZCOUNT " KEY "due 0 %lld",
				(long long)bud_clock_wall_ms()) == 3001);
	assert_int_equal(failing(life), 0);
	assert_int_equal(life_told(life, "subscription.recovered"), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, followed_set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(disables_who_only_fails),
		TEST(disables_nobody_else),
		TEST(many),
		TEST(resumed_is_looked_at_now),
	};

	return cmocka_run_group_tests(tests, life_group_set_up, life_group_tear_down);
}
