/* What a result means: only a 2xx response is a success. When the next attempt is due: within a
 * fifth of its step either way, and never after the last one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config/config.h"
#include "dispatch/outcome.h"
#include "fetch/fetch.h"

static enum bud_outcome of(enum bud_fetch_kind kind, int status)
{
	return bud_outcome_of(&(struct bud_fetch_result){.kind = kind, .status = status});
}

static void only_2xx_is_delivered(void **state)
{
	(void)state;
	for (int status = 100; status <= 999; status++)
		assert_int_equal(of(BUD_FETCH_RESPONSE, status),
			status / 100 == 2 ? BUD_OUTCOME_DELIVERED : BUD_OUTCOME_AGAIN);
}

static void what_is_no_response_is_tried_again(void **state)
{
	(void)state;
	for (int kind = BUD_FETCH_NAME_FAILED; kind <= BUD_FETCH_STUCK; kind++) {
		assert_int_equal(of((enum bud_fetch_kind)kind, 0), BUD_OUTCOME_AGAIN);
		assert_int_equal(of((enum bud_fetch_kind)kind, 200), BUD_OUTCOME_AGAIN);
	}
}

static void jitter_is_a_fifth(void **state)
{
	struct bud_schedule schedule = {.steps = {10, 100}, .n = 2};
	int64_t least = INT64_MAX;
	int64_t most = 0;

	(void)state;
	for (uint64_t random = 0; random < 100000; random++) {
		int64_t ms = bud_schedule_delay_ms(&schedule, 1, random);
		least = ms < least ? ms : least;
		most = ms > most ? ms : most;
	}
	assert_int_equal(least, 8000);
	assert_int_equal(most, 12000);
	assert_in_range(bud_schedule_delay_ms(&schedule, 2, UINT64_MAX), 80000, 120000);
}

static void zero_and_the_longest_step(void **state)
{
	struct bud_schedule schedule = {.steps = {0, UINT32_MAX}, .n = 2};

	(void)state;
	assert_int_equal(bud_schedule_delay_ms(&schedule, 1, UINT64_MAX), 0);
	assert_true(bud_schedule_delay_ms(&schedule, 2, UINT64_MAX) > 0);
}

static void ends_behind_the_last_step(void **state)
{
	struct bud_schedule schedule = {.steps = {1, 1, 1}, .n = 3};
	struct bud_schedule none = {.n = 0};

	(void)state;
	assert_true(bud_schedule_delay_ms(&schedule, 3, 0) > 0);
	assert_int_equal(bud_schedule_delay_ms(&schedule, 4, 0), -1);
	assert_int_equal(bud_schedule_delay_ms(&schedule, 63, 0), -1);
	assert_int_equal(bud_schedule_delay_ms(&schedule, 0, 0), -1);
	assert_int_equal(bud_schedule_delay_ms(&none, 1, 0), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_2xx_is_delivered),
		cmocka_unit_test(what_is_no_response_is_tried_again),
		cmocka_unit_test(jitter_is_a_fifth),
		cmocka_unit_test(zero_and_the_longest_step),
		cmocka_unit_test(ends_behind_the_last_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
