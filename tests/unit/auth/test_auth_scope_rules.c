/* A need is met by each scope of its list and by nothing else. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/identity.h"
#include "auth/scope_rules.h"

static void test_lists(void **state)
{
	struct bud_scope_rules rules = {0};
	struct bud_identity *identity = bud_identity_create(BUD_AUTHENTICATED_TOKEN, "/a/b");

	(void)state;
	bud_scope_rules_set(&rules, BUD_NEED_PUBLISH, "events:publish, altinn:events.publish");
	bud_scope_rules_set(&rules, BUD_NEED_READ, " , events:read ,");
	bud_scope_rules_set(&rules, BUD_NEED_SUBSCRIBE, "");
	assert_int_equal(rules.needs[BUD_NEED_PUBLISH].n, 2);
	assert_int_equal(rules.needs[BUD_NEED_READ].n, 1);
	assert_int_equal(rules.needs[BUD_NEED_SUBSCRIBE].n, 0);
	assert_string_equal(bud_scope_rules_example(&rules, BUD_NEED_PUBLISH), "events:publish");
	assert_string_equal(bud_scope_rules_example(&rules, BUD_NEED_SUBSCRIBE), "");
	bud_identity_add_scope(identity, bud_span("altinn:events.publish"));
	bud_identity_add_scope(identity, bud_span("events:reader"));
	bud_scope_rules_apply(&rules, identity);
	assert_true(bud_identity_may(identity, BUD_NEED_PUBLISH));
	assert_false(bud_identity_may(identity, BUD_NEED_READ));
	assert_false(bud_identity_may(identity, BUD_NEED_SUBSCRIBE));
	bud_identity_unref(identity);
	bud_scope_rules_finish(&rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_lists)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
