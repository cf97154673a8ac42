/* Seconds and the three forms of an HTTP date become a wait of at most a day, what has passed is
 * no wait, and what is none of these has no value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "fetch/retry_after.h"

#define DAY_MS INT64_C(86400000)
/* Sun, 06 Nov 1994 08:49:37 GMT */
#define THEN_MS INT64_C(784111777000)

static int64_t wait_of(const char *value, int64_t now_ms)
{
	int64_t wait_ms = -1;
	bool has_value = bud_retry_after_parse(bud_span(value), now_ms, &wait_ms);
	if (has_value != (wait_ms >= 0))
		fail_msg("'%s': %d, %lld", value, has_value, (long long)wait_ms);
	return wait_ms;
}

static void assert_wait(const char *value, int64_t now_ms, int64_t expected_ms)
{
	int64_t wait_ms = wait_of(value, now_ms);
	if (wait_ms != expected_ms)
		fail_msg("'%s': %lld ms, not %lld", value, (long long)wait_ms,
			(long long)expected_ms);
}

static void reads_seconds(void **state)
{
	(void)state;
	assert_wait("120", THEN_MS, 120000);
	assert_wait("0", THEN_MS, 0);
	assert_wait("000001", THEN_MS, 1000);
	assert_wait(" \t5 ", THEN_MS, 5000);
}

static void caps_at_a_day(void **state)
{
	(void)state;
	assert_wait("86400", THEN_MS, DAY_MS);
	assert_wait("86401", THEN_MS, DAY_MS);
	assert_wait("999999999999", THEN_MS, DAY_MS);
	assert_wait("99999999999999999999999999999999999999999999999999", THEN_MS, DAY_MS);
	assert_wait("Fri, 31 Dec 9999 23:59:59 GMT", THEN_MS, DAY_MS);
}

static void reads_each_form_of_a_date(void **state)
{
	(void)state;
	static const char *const forms[] = {"Sun, 06 Nov 1994 08:49:37 GMT",
		"Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"};
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		assert_wait(forms[i], THEN_MS - 90500, 90500);
		assert_wait(forms[i], THEN_MS, 0);
		assert_wait(forms[i], THEN_MS + 1, 0);
		assert_wait(forms[i], THEN_MS + DAY_MS, 0);
		assert_wait(forms[i], THEN_MS - 2 * DAY_MS, DAY_MS);
	}
	assert_wait("Sun Nov 16 08:49:37 1994", THEN_MS + 10 * DAY_MS - 1000, 1000);
}

/* 2026-02-28, 2028-02-29 (leap), 2100-03-01 (not a leap year), a leap second. */
static void knows_the_calendar(void **state)
{
	(void)state;
	assert_wait("Sat, 28 Feb 2026 00:00:01 GMT", INT64_C(1772236800000), 1000);
	assert_wait("Tue, 29 Feb 2028 00:00:00 GMT", INT64_C(1835395199000), 1000);
	assert_wait("Mon, 01 Mar 2100 00:00:00 GMT", INT64_C(4107542399000), 1000);
	assert_wait("Thu, 01 Jan 1970 00:00:02 GMT", 500, 1500);
	assert_wait("Sat, 31 Dec 2016 23:59:60 GMT", INT64_C(1483228799000), 1000);
	assert_wait("Sun, 29 Feb 2026 00:00:00 GMT", 0, -1);
	assert_wait("Mon, 29 Feb 2100 00:00:00 GMT", 0, -1);
}

/* In 2026: 76 is ahead by 50 years, 77 was in 1977. */
static void settles_the_century(void **state)
{
	(void)state;
	int64_t now_ms = INT64_C(1772236800000);
	assert_wait("Wednesday, 01-Jan-76 00:00:00 GMT", now_ms, DAY_MS);
	assert_wait("Saturday, 01-Jan-77 00:00:00 GMT", now_ms, 0);
	assert_wait("Saturday, 28-Feb-26 00:00:01 GMT", now_ms, 1000);
}

static void ignores_everything_else(void **state)
{
	(void)state;
	static const char *const values[] = {"", " ", "abc", "-1", "+5", "1.5", "12x", "5 5",
		"0x10", "1e3", "5,", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
		"Sun, 06 Nov 1994 08:49:37 GMT+1", "06 Nov 1994 08:49:37 GMT",
		"Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
		"Sun, 31 Nov 1994 08:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:00 GMT",
		"Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 06 Nov 94 08:49:37 GMT",
		"Sun Nov 6 08:49:37 1994", "Sun Nov  6 08:49:37 1994 GMT", "1994-11-06T08:49:37Z",
		"Sunday, 06-Nov-1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:3",
		"Sun, 06 Nov -994 08:49:37 GMT", "\xd9\xa1\xd9\xa2"};
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		assert_wait(values[i], THEN_MS - 1000, -1);
	int64_t wait_ms = 7;
	assert_false(bud_retry_after_parse((struct bud_span){NULL, 0}, 0, &wait_ms));
	assert_false(bud_retry_after_parse((struct bud_span){"5\0", 2}, 0, &wait_ms));
	assert_int_equal(wait_ms, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_seconds),
		cmocka_unit_test(caps_at_a_day),
		cmocka_unit_test(reads_each_form_of_a_date),
		cmocka_unit_test(knows_the_calendar),
		cmocka_unit_test(settles_the_century),
		cmocka_unit_test(ignores_everything_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
