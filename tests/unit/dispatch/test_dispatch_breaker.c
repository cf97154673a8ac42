/* A breaker opens after failures in a row, or when half of a minute's attempts failed; one probe
 * comes when its time has passed, each failed one doubles the time up to a bound; after a success
 * it ramps up, 1, 2, 4 ... a second, and only then it begins anew. Time is given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "dispatch/breaker.h"

#define OPEN_MS 1000
#define WINDOW  16

static const struct bud_breaker_limits limits = {5, OPEN_MS, 3500};

static bool may(struct bud_breaker *breaker, int64_t now_ms)
{
	int64_t wait_ms;

	return bud_breaker_may_start(breaker, WINDOW, now_ms, &wait_ms);
}

static enum bud_breaker_news count(struct bud_breaker *breaker, bool is_ok, int64_t now_ms)
{
	/* Whoever runs while there is a probe is it, here. */
	return bud_breaker_count(
		breaker, &limits, is_ok, breaker->state == BUD_BREAKER_PROBING, now_ms);
}

static int start_all(struct bud_breaker *breaker, int64_t now_ms)
{
	int n = 0;

	while (n < 1000 && may(breaker, now_ms)) {
		(void)bud_breaker_start(breaker);
		n++;
	}
	return n;
}

static void opens_by_proportion(void **state)
{
	struct bud_breaker breaker = {0};

	(void)state;
	/* 9 of 19: too few to say. */
	for (int i = 0; i < 19; i++)
		assert_int_equal(count(&breaker, i % 2 == 0, i * 1000), BUD_BREAKER_NO_NEWS);
	assert_int_equal(count(&breaker, false, 19000), BUD_BREAKER_HAS_OPENED);
	assert_false(may(&breaker, 19999));
}

static void forgets_after_a_minute(void **state)
{
	struct bud_breaker breaker = {0};

	(void)state;
	for (int i = 0; i < 40; i++) /* one in two, but never 20 in a minute */
		assert_int_equal(count(&breaker, i % 2 == 0, i * 4000), BUD_BREAKER_NO_NEWS);
	for (int i = 0; i < 100; i++) /* one in three */
		assert_int_equal(
			count(&breaker, i % 3 != 0, 1000000 + i * 100), BUD_BREAKER_NO_NEWS);
}

static void ramps_up_after_a_probe(void **state)
{
	struct bud_breaker breaker = {0};
	int64_t wait_ms = 0;
	int64_t at;

	(void)state;
	for (int i = 0; i < 5; i++)
		(void)count(&breaker, false, 0);
	assert_int_equal(breaker.state, BUD_BREAKER_OPEN);
	at = breaker.open_until_ms;
	assert_in_range(at, OPEN_MS, OPEN_MS + OPEN_MS / 10);
	assert_false(may(&breaker, at - 1));
	assert_int_equal(start_all(&breaker, at), 1);
	assert_int_equal(breaker.state, BUD_BREAKER_PROBING);
	assert_int_equal(count(&breaker, true, at), BUD_BREAKER_HAS_CLOSED);
	assert_int_equal(start_all(&breaker, at), 1);
	assert_false(bud_breaker_may_start(&breaker, WINDOW, at + 200, &wait_ms));
	assert_int_equal(wait_ms, 800);
	assert_int_equal(start_all(&breaker, at + 1000), 2);
	bud_breaker_give_back(&breaker, false);
	assert_int_equal(start_all(&breaker, at + 1500), 1);
	assert_int_equal(start_all(&breaker, at + 2000), 4);
	assert_int_equal(start_all(&breaker, at + 3999), 8);
	assert_int_equal(start_all(&breaker, at + 4000), 1000); /* the window bounds it now */
	assert_int_equal(breaker.state, BUD_BREAKER_CLOSED);
}

static void fails_again_while_it_ramps(void **state)
{
	struct bud_breaker breaker = {0};

	(void)state;
	for (int i = 0; i < 5; i++)
		(void)count(&breaker, false, 0);
	assert_int_equal(start_all(&breaker, 2000), 1);
	assert_int_equal(count(&breaker, true, 2000), BUD_BREAKER_HAS_CLOSED);
	for (int i = 0; i < 4; i++)
		assert_int_equal(count(&breaker, false, 2500), BUD_BREAKER_NO_NEWS);
	assert_int_equal(count(&breaker, false, 2500), BUD_BREAKER_HAS_OPENED);
	assert_in_range(breaker.open_until_ms, 2500 + 2 * OPEN_MS, 2500 + 2.2 * OPEN_MS);
}

/* What started before it opened, or was never used, is not the probe's outcome. */
static void only_the_probe_decides(void **state)
{
	struct bud_breaker breaker = {0};
	int64_t wait_ms;
	int64_t at;

	(void)state;
	for (int i = 0; i < 5; i++)
		(void)count(&breaker, false, 0);
	at = breaker.open_until_ms;
	assert_true(may(&breaker, at));
	assert_true(bud_breaker_start(&breaker));
	assert_int_equal(
		bud_breaker_count(&breaker, &limits, false, false, at), BUD_BREAKER_NO_NEWS);
	bud_breaker_give_back(&breaker, false);
	assert_int_equal(breaker.state, BUD_BREAKER_PROBING);
	assert_int_equal(breaker.open_ms, OPEN_MS);
	assert_false(bud_breaker_may_start(&breaker, WINDOW, at, &wait_ms));
	assert_int_equal(
		bud_breaker_count(&breaker, &limits, false, true, at), BUD_BREAKER_HAS_OPENED);
	assert_int_equal(breaker.open_ms, 2 * OPEN_MS);
	at = breaker.open_until_ms;
	assert_true(bud_breaker_start(&breaker));
	bud_breaker_give_back(&breaker, true);
	assert_true(may(&breaker, at));
}

static void others_open_and_close_it(void **state)
{
	struct bud_breaker breaker = {0};

	(void)state;
	bud_breaker_open_until(&breaker, &limits, 5000);
	assert_false(may(&breaker, 4999));
	bud_breaker_open_until(&breaker, &limits, 4000);
	assert_false(may(&breaker, 4999));
	assert_true(bud_breaker_close(&breaker, 3000));
	assert_int_equal(start_all(&breaker, 3000), 1);
	assert_false(bud_breaker_close(&breaker, 3000));
	bud_breaker_open_until(&breaker, &limits, 6000);
	assert_int_equal(start_all(&breaker, 6000), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_by_proportion),
		cmocka_unit_test(forgets_after_a_minute),
		cmocka_unit_test(ramps_up_after_a_probe),
		cmocka_unit_test(fails_again_while_it_ramps),
		cmocka_unit_test(only_the_probe_decides),
		cmocka_unit_test(others_open_and_close_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
