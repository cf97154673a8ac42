/* An error must be a printable text that fits, whatever a stranger sent, and be safe to leave out.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "core/error.h"

static void test_text_and_member(void **state)
{
	struct bud_error error = {0};

	(void)state;
	assert_int_equal(bud_error_set(&error, "data.id", "%s is %d", "it", 7), -EINVAL);
	assert_string_equal(error.text, "it is 7");
	assert_string_equal(error.member, "data.id");
	assert_int_equal(bud_error_set(&error, NULL, "other"), -EINVAL);
	assert_string_equal(error.text, "other");
	assert_string_equal(error.member, "");
}

static void test_nobody_listens(void **state)
{
	(void)state;
	assert_int_equal(bud_error_set(NULL, "a", "b"), -EINVAL);
}

static void test_control_characters(void **state)
{
	struct bud_error error;

	(void)state;
	(void)bud_error_set(&error, "a\nb", "x\r\n\x1b[31m\x7f.");
	assert_string_equal(error.text, "x???[31m?.");
	assert_string_equal(error.member, "a?b");
}

static void test_too_long(void **state)
{
	struct bud_error error;
	char text[1000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	(void)bud_error_set(&error, text, "%s", text);
	assert_int_equal(strlen(error.text), BUD_ERROR_TEXT_MAX - 1);
	assert_int_equal(strlen(error.member), BUD_ERROR_MEMBER_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_and_member),
		cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_control_characters),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
