/* Owners have their own and nothing else, until a policy says more. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/authorize.h"

static void test_owners(void **state)
{
	(void)state;
	assert_int_equal(
		bud_authorize_delivery(bud_span("local"), bud_span("local")), BUD_DECISION_PERMIT);
	assert_int_equal(bud_authorize_delivery(bud_span("/org/ttd"), bud_span("/org/ttd")),
		BUD_DECISION_PERMIT);
	assert_int_equal(bud_authorize_delivery(bud_span("/org/ttd"), bud_span("/org/skd")),
		BUD_DECISION_DENY);
	assert_int_equal(
		bud_authorize_delivery(bud_span("local"), bud_span("/org/ttd")), BUD_DECISION_DENY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_owners)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
