/* A name may do what its rate allows over any time, two seconds' worth at once; one name's use is
 * nothing to another; what is owed is waited for; names are forgotten when they have nothing to
 * make up for, and there are never more than the bound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "auth/rates.h"

static int64_t take(struct bud_rates *rates, const char *name, double n, int64_t now_ms)
{
	return bud_rates_take(rates, bud_span(name), 10, n, now_ms);
}

static void takes_what_the_rate_allows(void **state)
{
	struct bud_rates *rates = bud_rates_create(10);
	int taken = 0;

	(void)state;
	for (int64_t now_ms = 0; now_ms <= 10000; now_ms++)
		taken += take(rates, "a", 1, now_ms) == 0;
	assert_int_equal(taken, 20 + 100);
	bud_rates_destroy(rates);
}

static void tells_when(void **state)
{
	struct bud_rates *rates = bud_rates_create(10);
	int64_t wait_ms;

	(void)state;
	assert_int_equal(take(rates, "a", 20, 1000), 0);
	wait_ms = take(rates, "a", 5, 1000);
	assert_in_range(wait_ms, 500, 501);
	assert_true(take(rates, "a", 5, 1000 + wait_ms - 10) > 0);
	assert_int_equal(take(rates, "a", 5, 1000 + wait_ms), 0);
	assert_int_equal(take(rates, "b", 20, 1000), 0); /* another's is another's */
	bud_rates_destroy(rates);
}

/* A batch above what a bucket holds goes, when it is full, and is made up for. */
static void lets_large_ones_owe(void **state)
{
	struct bud_rates *rates = bud_rates_create(10);

	(void)state;
	assert_int_equal(take(rates, "a", 100, 0), 0);
	assert_in_range(take(rates, "a", 1, 0), 8100, 8101);
	assert_true(take(rates, "a", 1, 8000) > 0);
	assert_int_equal(take(rates, "a", 1, 8101), 0);
	assert_true(take(rates, "a", 100, 9000) > 0); /* not full */
	bud_rates_destroy(rates);
}

static void follows_the_rate(void **state)
{
	struct bud_rates *rates = bud_rates_create(10);

	(void)state;
	assert_int_equal(take(rates, "a", 1, 0), 0);
	/* Half the rate holds half as much, at once. */
	assert_int_equal(bud_rates_take(rates, bud_span("a"), 5, 10, 0), 0);
	assert_in_range(bud_rates_take(rates, bud_span("a"), 5, 1, 0), 200, 201);
	/* Less than one in two seconds is still one at a time. */
	assert_int_equal(bud_rates_take(rates, bud_span("slow"), 0.1, 1, 0), 0);
	assert_in_range(bud_rates_take(rates, bud_span("slow"), 0.1, 1, 0), 10000, 10001);
	/* A clock that stands still gives nothing. */
	assert_true(bud_rates_take(rates, bud_span("a"), 5, 1, 0) > 0);
	bud_rates_destroy(rates);
}

static void forgets_who_owes_nothing(void **state)
{
	struct bud_rates *rates = bud_rates_create(3);
	char name[16];

	(void)state;
	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		assert_int_equal(take(rates, name, 20, 0), 0);
	}
	assert_true(take(rates, "more", 1, 0) > 0);
	assert_true(take(rates, "n0", 1, 0) > 0); /* still known */
	assert_int_equal(take(rates, "more", 1, 2000), 0);
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "m%d", i);
		assert_int_equal(take(rates, name, 1, 4000 + i * 1000), 0);
	}
	bud_rates_destroy(rates);
}

/* One thread's share. */
static atomic_int taken_by_all;
static void *take_many(void *owner)
{
	for (int i = 0; i < 10000; i++)
		atomic_fetch_add(&taken_by_all, take(owner, "shared", 1, i / 10) == 0);
	return NULL;
}

static void is_one_for_all_threads(void **state)
{
	struct bud_rates *rates = bud_rates_create(10);
	pthread_t threads[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, take_many, rates);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_in_range(atomic_load(&taken_by_all), 20, 20 + 10);
	bud_rates_destroy(rates);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_what_the_rate_allows),
		cmocka_unit_test(tells_when),
		cmocka_unit_test(lets_large_ones_owe),
		cmocka_unit_test(follows_the_rate),
		cmocka_unit_test(forgets_who_owes_nothing),
		cmocka_unit_test(is_one_for_all_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
