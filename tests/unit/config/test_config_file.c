/* A file's text must give each entry with the line it stands on; a line that is none, too long or
 * not text is an error, never cut or skipped. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config/config.h"
#include "config/file.h"

static int note(
	void *owner, const char *key, const char *value, unsigned line, struct bud_error *error)
{
	struct bud_buffer *seen = owner;

	bud_buffer_format(seen, "%u %s=%s|", line, key ? key : "+", value);
	if (key && strcmp(key, "bad") == 0)
		return bud_error_set(error, NULL, "bad in %u", line);
	return 0;
}

static int parse(struct bud_span text, struct bud_buffer *seen, struct bud_error *error)
{
	return bud_config_file_parse(text, "f", note, seen, error);
}

static void check(const char *text, const char *expected)
{
	bud_auto(buffer) struct bud_buffer seen = {0};

	bud_buffer_text(&seen, "");
	assert_int_equal(parse(bud_span(text), &seen, NULL), 0);
	assert_string_equal(seen.at, expected);
}

static void refuse(const char *text, const char *expected)
{
	bud_auto(buffer) struct bud_buffer seen = {0};
	struct bud_error error = {0};

	assert_int_equal(parse(bud_span(text), &seen, &error), -EINVAL);
	if (!strstr(error.text, expected))
		fail_msg("\"%s\" is not in \"%s\"", expected, error.text);
}

static void test_entries(void **state)
{
	(void)state;
	check("", "");
	check("\n\n# c\n; c\n  # c\n", "");
	check("a=1\nb = 2\n[s]\nc: 3\n", "1 a=1|2 b=2|4 s.c=3|");
	check("a = 1 ; why\n[s] ; why\nb = ; nothing\nc = x;y\nd = x#y\n",
		"1 a=1|3 s.b=|4 s.c=x;y|5 s.d=x#y|");
	check("\xEF\xBB\xBF[s]\r\na = 1\r\n", "2 s.a=1|");
	check("a = b = c", "1 a=b = c|");
}

static void test_indented_lines_go_on(void **state)
{
	(void)state;
	check("a = 1,\n  2, ; two\n\n# c\n\t3\nb = 4\n", "1 a=1,|2 +=2,|5 +=3|6 b=4|");
	check("a = 1\n[s]\n  b = 2\n", "1 a=1|3 s.b=2|");
	check("  a = 1\n", "1 a=1|");
}

static void test_lines_that_are_none(void **state)
{
	(void)state;
	refuse("a=1\nhello\nb=2\n", "f:2: neither");
	refuse("[s\na=1\n", "f:1: neither");
	refuse("hello\nbad=1\n", "f:1: neither");
	refuse("bad=1\nhello\n", "bad in 1");
}

static void test_zero_bytes(void **state)
{
	struct bud_error error = {0};
	bud_auto(buffer) struct bud_buffer seen = {0};

	(void)state;
	assert_int_equal(parse((struct bud_span){"a=1\0b\n", 6}, &seen, &error), -EINVAL);
	assert_non_null(strstr(error.text, "zero byte"));
}

/* Whatever the length, the value comes whole or not at all. */
static void test_long_lines(void **state)
{
	size_t refused = 0;

	(void)state;
	for (size_t len = 150; len < 450; len++) {
		bud_auto(buffer) struct bud_buffer text = {0};
		bud_auto(buffer) struct bud_buffer seen = {0};
		bud_auto(buffer) struct bud_buffer expected = {0};
		struct bud_error error = {0};
		bud_buffer_text(&expected, "1 a=");
		for (size_t i = 0; i < len; i++)
			bud_buffer_byte(&expected, 'x');
		bud_buffer_format(
			&text, "a=%s ; this comment does not count\nb=1\n", expected.at + 4);
		bud_buffer_text(&expected, "|2 b=1|");
		if (parse(bud_buffer_as_span(&text), &seen, &error) == 0) {
			assert_string_equal(seen.at, expected.at);
			assert_int_equal(refused, 0);
			continue;
		}
		refused++;
		assert_non_null(strstr(error.text, "f:1: the line is longer than"));
	}
	assert_true(refused > 0 && refused < 290);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_indented_lines_go_on),
		cmocka_unit_test(test_lines_that_are_none),
		cmocka_unit_test(test_zero_bytes),
		cmocka_unit_test(test_long_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
