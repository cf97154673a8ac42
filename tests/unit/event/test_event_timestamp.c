/* Every form of RFC 3339 is read to the right millisecond, and nothing else is read at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "event/timestamp.h"

static void reads_times(void **state)
{
	static const struct {
		const char *text;
		int64_t wall_ms;
	} cases[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"1970-01-01t00:00:00z", 0},
		{"1970-01-01T00:00:00-00:00", 0},
		{"1970-01-01T01:30:00+01:30", 0},
		{"1969-12-31T16:00:00-08:00", 0},
		{"1969-12-31T23:59:59.999Z", -1},
		{"1970-01-01T00:00:00.1Z", 100},
		{"1970-01-01T00:00:00.0019999999999999999999Z", 1},
		{"2000-02-29T00:00:00Z", 951782400000},
		{"2026-02-28T13:05:00.123+01:00", 1772280300123},
		{"2016-12-31T23:59:60Z", 1483228800000},
		{"0000-01-01T00:00:00Z", -62167219200000},
		{"0000-03-01T00:00:00Z", -62162035200000},
		{"0001-01-01T00:00:00Z", -62135596800000},
		{"9999-12-31T23:59:59Z", 253402300799000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t wall_ms = 42;
		if (bud_time_parse(bud_span(cases[i].text), &wall_ms) < 0)
			fail_msg("refused: %s", cases[i].text);
		assert_int_equal(wall_ms, cases[i].wall_ms);
	}
}

static void refuses_the_rest(void **state)
{
	static const char *const cases[] = {"", "2026", "2026-02-28", "2026-02-28T13:05:00",
		"2026-02-28T13:05Z", "2026-02-28 13:05:00Z", "2026-02-29T00:00:00Z",
		"1900-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
		"2026-01-00T00:00:00Z", "2026-04-31T00:00:00Z", "2026-01-01T24:00:00Z",
		"2026-01-01T00:60:00Z", "2026-01-01T00:00:61Z", "2026-01-01T00:00:00.Z",
		"2026-01-01T00:00:00,5Z", "2026-01-01T00:00:00+1:00", "2026-01-01T00:00:00+0100",
		"2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+01:60", "2026-01-01T00:00:00Z ",
		" 2026-01-01T00:00:00Z", "2026-01-01T00:00:00ZZ", "26-01-01T00:00:00Z",
		"+2026-01-01T00:00:00Z", "2026-1-1T00:00:00Z", "2026-01-01T00:00:00+", "now"};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t wall_ms = 42;
		if (bud_time_parse(bud_span(cases[i]), &wall_ms) == 0)
			fail_msg("accepted: %s", cases[i]);
		assert_int_equal(wall_ms, 42);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_times),
		cmocka_unit_test(refuses_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
