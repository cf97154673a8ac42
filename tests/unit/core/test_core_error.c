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
#include "core/text.h"

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

/* The text goes into JSON, which must be UTF-8. */
static void test_utf8(void **state)
{
	struct bud_error error;
	char text[1000];

	(void)state;
	(void)bud_error_set(&error, "a\xff", "blå \xc3");
	assert_string_equal(error.text, "blå ");
	assert_string_equal(error.member, "a");
	(void)bud_error_set(&error, NULL, "x\xff.");
	assert_string_equal(error.text, "x?.");
	(void)bud_error_set(&error, "å", "blåbær 🫐");
	assert_string_equal(error.text, "blåbær 🫐");
	assert_string_equal(error.member, "å");
	for (size_t before = 0; before < 4; before++) {
		size_t len = before;
		memset(text, 'x', sizeof(text));
		for (; len + 5 < sizeof(text); len += 4)
			memcpy(text + len, "🫐", 4);
		text[len] = '\0';
		(void)bud_error_set(&error, text, "%s", text);
		assert_true(bud_utf8_is_valid(error.text, strlen(error.text)));
		assert_true(bud_utf8_is_valid(error.member, strlen(error.member)));
		assert_true(strlen(error.text) > BUD_ERROR_TEXT_MAX - 5);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_and_member),
		cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_control_characters),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
