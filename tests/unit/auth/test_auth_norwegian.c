/* Control digits must tell Norwegian numbers from others; the date of a person's is not looked at.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/norwegian.h"

static void test_organizations(void **state)
{
	static const char *const good[] = {"991825827", "974760673", "889640782"};
	static const char *const bad[] = {
		"", "991825828", "99182582", "9918258270", "99182582x", " 91825827", "123456789"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(bud_org_number_is_valid(bud_span(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(bud_org_number_is_valid(bud_span(bad[i])));
}

/* Numbers of nobody: all have a month that no year has. */
static void test_people(void **state)
{
	static const char *const good[] = {"13861498942", "03821239949"};
	static const char *const bad[] = {
		"", "13861498943", "1386149894", "138614989420", "1386149894x", "11111111111"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(bud_person_number_is_valid(bud_span(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(bud_person_number_is_valid(bud_span(bad[i])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_organizations),
		cmocka_unit_test(test_people),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
