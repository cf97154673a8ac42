/* An id is new once; beyond the bound the oldest is forgotten, and only that. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#include "cli/seen.h"

static bool add(struct bud_seen *seen, unsigned number)
{
	char id[16];

	snprintf(id, sizeof(id), "msg_%u", number);
	return bud_seen_add(seen, bud_span(id));
}

static void test_new_once(void **state)
{
	struct bud_seen seen = {0};

	(void)state;
	assert_true(add(&seen, 1));
	assert_true(add(&seen, 2));
	assert_false(add(&seen, 1));
	assert_false(add(&seen, 2));
	bud_seen_finish(&seen);
	bud_seen_finish(&seen);
}

static void test_forgets_the_oldest(void **state)
{
	struct bud_seen seen = {0};

	(void)state;
	for (unsigned i = 0; i < BUD_SEEN_MAX; i++)
		assert_true(add(&seen, i));
	assert_false(add(&seen, 0));
	assert_true(add(&seen, BUD_SEEN_MAX));
	assert_false(add(&seen, 1));
	assert_true(add(&seen, 0));
	assert_true(add(&seen, 1));
	assert_false(add(&seen, 3));
	assert_false(add(&seen, BUD_SEEN_MAX));
	bud_seen_finish(&seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_once),
		cmocka_unit_test(test_forgets_the_oldest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
