/* Times must be written in UTC as RFC 3339 says, and the monotonic clock never go back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <time.h>

#include "core/clock.h"

static void check(int64_t wall_ms, const char *expected)
{
	char out[25];

	bud_clock_write(wall_ms, out);
	assert_string_equal(out, expected);
}

static void test_write(void **state)
{
	(void)state;
	check(0, "1970-01-01T00:00:00.000Z");
	check(1, "1970-01-01T00:00:00.001Z");
	check(1614265330999, "2021-02-25T15:02:10.999Z");
	check(1709210096050, "2024-02-29T12:34:56.050Z");
	check(253402300799999, "9999-12-31T23:59:59.999Z");
	check(253402300800000, "9999-12-31T23:59:59.999Z"); /* not a year of five digits */
	check(INT64_MAX, "9999-12-31T23:59:59.999Z");
}

static void test_wall(void **state)
{
	int64_t seconds = (int64_t)time(NULL);
	int64_t wall_ms = bud_clock_wall_ms();

	(void)state;
	assert_true(wall_ms >= seconds * 1000 && wall_ms < (seconds + 5) * 1000);
}

static void test_monotonic(void **state)
{
	int64_t before_us = bud_clock_mono_us();

	(void)state;
	for (size_t i = 0; i < 1000; i++) {
		int64_t now_us = bud_clock_mono_us();
		int64_t now_ms = bud_clock_mono_ms();
		assert_true(now_us >= before_us);
		assert_true(now_ms >= now_us / 1000 && now_ms < now_us / 1000 + 1000);
		before_us = now_us;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_wall),
		cmocka_unit_test(test_monotonic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
