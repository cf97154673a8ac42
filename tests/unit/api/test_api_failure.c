/* What may pass is a 503, what only a person can mend is a 500, and every one has its words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <cmocka.h>
#include "api/failure.h"

static void test_failures(void **state)
{
	static const struct {
		int err;
		int status;
		const char *slug;
	} cases[] = {
		{-ENOTCONN, 503, "unavailable"},
		{-EAGAIN, 503, "unavailable"},
		{-ENOBUFS, 503, "unavailable"},
		{-ENOSPC, 503, "storage-full"},
		{-ENOENT, 503, "registry-missing"},
		{-EPROTO, 500, "internal-error"},
		{-EIO, 500, "internal-error"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct bud_failure *failure = bud_failure_of(cases[i].err);
		assert_int_equal(cases[i].status, failure->status);
		assert_string_equal(cases[i].slug, failure->slug);
		assert_true(strlen(failure->title) > 0 && strlen(failure->detail) > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
