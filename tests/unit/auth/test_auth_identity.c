/* An identity must have exactly the scopes it was given, meet only the needs they meet, and own
 * only what bears its name. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/identity.h"

static void test_scopes_are_exact(void **state)
{
	struct bud_identity *identity = bud_identity_create(BUD_AUTHENTICATED_TOKEN, "/org/ttd");

	(void)state;
	bud_identity_add_scope(identity, bud_span("altinn:events.publish.admin"));
	bud_identity_add_scope(identity, bud_span(""));
	assert_int_equal(identity->scopes_n, 1);
	assert_true(bud_identity_has_scope(identity, "altinn:events.publish.admin"));
	assert_false(bud_identity_has_scope(identity, "altinn:events.publish"));
	assert_false(bud_identity_has_scope(identity, "Altinn:events.publish.admin"));
	assert_false(bud_identity_has_scope(identity, ""));
	for (int i = 0; i < 2 * BUD_IDENTITY_SCOPES_MAX; i++)
		bud_identity_add_scope(identity, bud_span("x"));
	assert_int_equal(identity->scopes_n, BUD_IDENTITY_SCOPES_MAX);
	bud_identity_unref(identity);
	bud_identity_unref(NULL);
}

static void test_needs(void **state)
{
	struct bud_identity *known = bud_identity_create(BUD_AUTHENTICATED_KEY, "/app/a");
	struct bud_identity *dialog = bud_identity_create(BUD_AUTHENTICATED_DIALOG, "");

	(void)state;
	known->needs = 1u << BUD_NEED_PUBLISH;
	dialog->needs = ~0u;
	assert_true(bud_identity_may(known, BUD_NEED_IDENTITY));
	assert_true(bud_identity_may(known, BUD_NEED_NOTHING));
	assert_true(bud_identity_may(known, BUD_NEED_PUBLISH));
	assert_false(bud_identity_may(known, BUD_NEED_SUBSCRIBE));
	assert_false(bud_identity_may(known, BUD_NEED_READ));
	assert_false(bud_identity_may(known, BUD_NEED_PLATFORM));
	assert_false(bud_identity_may(known, BUD_NEED_DIALOG));
	assert_false(bud_identity_may(dialog, BUD_NEED_IDENTITY));
	assert_true(bud_identity_may(dialog, BUD_NEED_DIALOG));
	assert_false(bud_identity_may(dialog, BUD_NEED_PLATFORM));
	for (unsigned need = 0; need < BUD_NEEDS; need++) {
		enum bud_need one = (enum bud_need)need;
		assert_true(bud_identity_may(&bud_identity_local, one));
		assert_int_equal(
			bud_identity_may(&bud_identity_nobody, one), one == BUD_NEED_NOTHING);
	}
	assert_true(bud_identity_has_scope(&bud_identity_local, "anything"));
	bud_identity_unref(known);
	bud_identity_unref(dialog);
}

static void test_owning(void **state)
{
	struct bud_identity *identity = bud_identity_create(BUD_AUTHENTICATED_TOKEN, "/org/ttd");

	(void)state;
	assert_true(bud_identity_owns(identity, bud_span("/org/ttd")));
	assert_false(bud_identity_owns(identity, bud_span("/org/tt")));
	assert_false(bud_identity_owns(identity, bud_span("/org/ttd2")));
	assert_false(bud_identity_owns(identity, bud_span("local")));
	assert_true(bud_identity_owns(&bud_identity_local, bud_span("local")));
	assert_false(bud_identity_owns(&bud_identity_nobody, bud_span("")));
	bud_identity_unref(bud_identity_ref(identity));
	assert_string_equal(identity->name, "/org/ttd");
	bud_identity_unref(identity);
}

static void test_names(void **state)
{
	static const char *const good[] = {"local", "/org/ttd", "/app/a", "/x",
		"/systemuser/3f9c1f0e-8a53-4a4c-9d2b-0f5f2f2a1b11"};
	static const char *const bad[] = {
		"", "/", "org", "/org/", "/a b", "/\xc3\xa6", "/a\n", "LOCAL"};
	char longest[BUD_IDENTITY_NAME_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(bud_identity_name_is_valid(bud_span(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(bud_identity_name_is_valid(bud_span(bad[i])));
	memset(longest, 'a', sizeof(longest));
	longest[0] = '/';
	assert_true(bud_identity_name_is_valid((struct bud_span){longest, BUD_IDENTITY_NAME_MAX}));
	assert_false(
		bud_identity_name_is_valid((struct bud_span){longest, BUD_IDENTITY_NAME_MAX + 1}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scopes_are_exact),
		cmocka_unit_test(test_needs),
		cmocka_unit_test(test_owning),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
