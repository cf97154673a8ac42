/* Every action and decision has its word, and the action is found by it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/question.h"

static void has_words(void **state)
{
	(void)state;
	for (int i = 0; i < BUD_ACTIONS; i++)
		assert_int_equal(bud_action_of(bud_span(bud_action_word((enum bud_action)i))), i);
	assert_int_equal(bud_action_of(bud_span("Read")), BUD_ACTIONS);
	assert_int_equal(bud_action_of(bud_span("")), BUD_ACTIONS);
	assert_string_equal(bud_decision_word(BUD_DECISION_PERMIT), "permit");
	assert_string_equal(bud_decision_word(BUD_DECISION_DENY), "deny");
	assert_string_equal(bud_decision_word(BUD_DECISION_LATER), "later");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
