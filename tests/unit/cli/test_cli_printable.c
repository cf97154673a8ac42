/* Control characters and broken UTF-8 become question marks; all other text stays. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "cli/printable.h"
#include "core/alloc.h"

static void becomes(const char *text, const char *printable)
{
	bud_auto(buffer) struct bud_buffer buffer = {0};

	bud_buffer_text(&buffer, "\n");
	bud_buffer_text(&buffer, text);
	bud_printable_make_from(&buffer, 1);
	assert_int_equal('\n', buffer.at[0]);
	assert_string_equal(printable, buffer.at + 1);
	bud_printable_make(&buffer);
	assert_int_equal('?', buffer.at[0]);
}

static void test_printable(void **state)
{
	(void)state;
	becomes("", "");
	becomes("plain ~ Blåbær 漢字 😀", "plain ~ Blåbær 漢字 😀");
	becomes("\x01\t\x1b[0m\x7f", "???[0m?");
	becomes("\xc2\x80\xc2\x9f\xc2\xa0", "????\xc2\xa0");
	becomes("a\xff"
		"b\xe6\xbc",
		"a?b??");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_printable)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
