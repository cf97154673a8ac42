/* Spans must compare by bytes, numbers be read exactly, buffers hold what was appended and end with
 * a NUL, JSON strings be escaped, and UTF-8 be judged as RFC 3629 says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "core/alloc.h"
#include "core/text.h"

#define SPAN(text) ((struct bud_span){text, sizeof(text) - 1})

static void test_span_compares(void **state)
{
	(void)state;
	assert_true(bud_span_equals(SPAN("a\0b"), SPAN("a\0b")));
	assert_false(bud_span_equals(SPAN("a\0b"), SPAN("a\0c")));
	assert_false(bud_span_equals(SPAN("a"), SPAN("ab")));
	assert_true(bud_span_equals((struct bud_span){NULL, 0}, SPAN("")));
	assert_true(bud_span_is(SPAN("abc"), "abc"));
	assert_false(bud_span_is(SPAN("abc"), "ABC"));
	assert_true(bud_span_is_nocase(SPAN("aBc"), "AbC"));
	assert_false(bud_span_is_nocase(SPAN("aBcd"), "AbC"));
	assert_true(bud_span_starts(SPAN("abc"), SPAN("ab")));
	assert_true(bud_span_starts(SPAN("abc"), SPAN("")));
	assert_false(bud_span_starts(SPAN("ab"), SPAN("abc")));
	assert_true(bud_span_starts_nocase(SPAN("Bearer x"), "bearer "));
	assert_false(bud_span_starts_nocase(SPAN("Bear"), "bearer "));
	assert_true(bud_span_ends(SPAN("abc"), SPAN("bc")));
	assert_false(bud_span_ends(SPAN("bc"), SPAN("abc")));
	assert_false(bud_span_ends(SPAN("abc"), SPAN("ab")));
}

static void test_span_trim(void **state)
{
	(void)state;
	assert_true(bud_span_is(bud_span_trim(SPAN(" \ta b\t ")), "a b"));
	assert_true(bud_span_is(bud_span_trim(SPAN("   ")), ""));
	assert_true(bud_span_is(bud_span_trim(SPAN("\na\n")), "\na\n"));
}

static void test_span_number(void **state)
{
	static const char *const wrong[] = {"", "-1", "+1", " 1", "1 ", "0x1", "1.0", "1e3",
		"18446744073709551616", "99999999999999999999", "000000000000000000001"};
	uint64_t number = 7;

	(void)state;
	assert_true(bud_span_number(SPAN("0"), 0, &number));
	assert_int_equal(number, 0);
	assert_true(bud_span_number(SPAN("18446744073709551615"), UINT64_MAX, &number));
	assert_true(number == UINT64_MAX);
	assert_true(bud_span_number(SPAN("100"), 100, &number));
	assert_int_equal(number, 100);
	assert_false(bud_span_number(SPAN("101"), 100, &number));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		if (bud_span_number(bud_span(wrong[i]), UINT64_MAX, &number))
			fail_msg("%s was taken for a number", wrong[i]);
	assert_int_equal(number, 100);
}

static void test_buffer_grows(void **state)
{
	bud_auto(buffer) struct bud_buffer buffer = {0};

	(void)state;
	for (size_t i = 0; i < 1000; i++) {
		bud_buffer_byte(&buffer, (char)('a' + i % 26));
		assert_int_equal(buffer.len, i + 1);
		assert_int_equal(buffer.at[i + 1], '\0');
		assert_true(buffer.room > buffer.len);
	}
	for (size_t i = 0; i < 1000; i++)
		assert_int_equal(buffer.at[i], 'a' + i % 26);
}

static void test_buffer_appends(void **state)
{
	bud_auto(buffer) struct bud_buffer buffer = {0};

	(void)state;
	bud_buffer_text(&buffer, "a");
	bud_buffer_span(&buffer, SPAN("b\0c"));
	bud_buffer_format(&buffer, "%d-%s", 12, "x");
	bud_buffer_add(&buffer, NULL, 0);
	assert_int_equal(buffer.len, 8);
	assert_memory_equal(buffer.at, "ab\0c12-x", 9);
	assert_true(bud_span_equals(bud_buffer_as_span(&buffer), SPAN("ab\0c12-x")));
}

static void test_buffer_long_format(void **state)
{
	bud_auto(buffer) struct bud_buffer buffer = {0};

	(void)state;
	bud_buffer_format(&buffer, "%0500d", 7);
	assert_int_equal(buffer.len, 500);
	assert_int_equal(strlen(buffer.at), 500);
	assert_int_equal(buffer.at[499], '7');
}

static void test_buffer_clear_keeps_the_memory(void **state)
{
	struct bud_buffer buffer = {0};
	char *at;

	(void)state;
	bud_buffer_clear(&buffer);
	assert_null(buffer.at);
	bud_buffer_text(&buffer, "abc");
	at = buffer.at;
	bud_buffer_clear(&buffer);
	assert_ptr_equal(buffer.at, at);
	assert_string_equal(buffer.at, "");
	bud_buffer_finish(&buffer);
	assert_null(buffer.at);
	assert_int_equal(buffer.room, 0);
	bud_buffer_finish(&buffer);
}

static void test_buffer_reserve(void **state)
{
	bud_auto(buffer) struct bud_buffer buffer = {0};

	(void)state;
	bud_buffer_text(&buffer, "ab");
	memset(bud_buffer_reserve(&buffer, 100), 'x', 100);
	assert_int_equal(buffer.len, 2);
	assert_true(buffer.room >= 103);
	assert_memory_equal(buffer.at, "abxx", 4);
}

static void check_json(struct bud_span text, const char *expected)
{
	bud_auto(buffer) struct bud_buffer buffer = {0};

	bud_buffer_json(&buffer, text);
	assert_string_equal(buffer.at, expected);
}

static void test_members(void **state)
{
	bud_auto(buffer) struct bud_buffer buffer = {0};

	(void)state;
	bud_buffer_byte(&buffer, '{');
	bud_buffer_member_text(&buffer, "none", NULL);
	bud_buffer_member_text(&buffer, "a", "b\"");
	bud_buffer_member_span(&buffer, "empty", SPAN(""));
	bud_buffer_member_span(&buffer, "c", SPAN("d"));
	bud_buffer_member(&buffer, "e");
	bud_buffer_text(&buffer, "{");
	bud_buffer_member_text(&buffer, "f", "");
	assert_string_equal(buffer.at, "{\"a\":\"b\\\"\",\"c\":\"d\",\"e\":{\"f\":\"\"");
}

static void test_json(void **state)
{
	(void)state;
	check_json(SPAN(""), "\"\"");
	check_json(SPAN("abc"), "\"abc\"");
	check_json(SPAN("a\"b\\c/"), "\"a\\\"b\\\\c/\"");
	check_json(SPAN("\n\x1f\0x"), "\"\\u000a\\u001f\\u0000x\"");
	check_json(SPAN("\"\""), "\"\\\"\\\"\"");
	check_json(SPAN("blåbær 🫐"), "\"blåbær 🫐\"");
}

static void check_utf8(struct bud_span bytes, bool valid)
{
	/* At every place of a word, because eight ASCII bytes are skipped at once. */
	for (size_t before = 0; before < 10; before++) {
		char text[40];
		memset(text, 'a', sizeof(text));
		memcpy(text + before, bytes.at, bytes.len);
		assert_int_equal(bud_utf8_is_valid(text, before + bytes.len), valid);
		assert_int_equal(bud_utf8_is_valid(text, before + bytes.len + 10), valid);
	}
}

static void test_utf8(void **state)
{
	static const struct bud_span valid[] = {{"", 0}, {"\0", 1}, {"\x7f", 1}, {"\xc2\x80", 2},
		{"\xdf\xbf", 2}, {"\xe0\xa0\x80", 3}, {"\xed\x9f\xbf", 3}, {"\xee\x80\x80", 3},
		{"\xef\xbf\xbf", 3}, {"\xf0\x90\x80\x80", 4}, {"\xf4\x8f\xbf\xbf", 4}};
	static const struct bud_span invalid[] = {{"\x80", 1}, {"\xbf", 1}, {"\xc0\x80", 2},
		{"\xc1\xbf", 2}, {"\xc2", 1}, {"\xc2\x41", 2}, {"\xe0\x9f\xbf", 3}, {"\xe1\x80", 2},
		{"\xed\xa0\x80", 3}, {"\xed\xbf\xbf", 3}, {"\xf0\x8f\xbf\xbf", 4},
		{"\xf0\x90\x80", 3}, {"\xf4\x90\x80\x80", 4}, {"\xf5\x80\x80\x80", 4}, {"\xff", 1},
		{"\xfe", 1}};

	(void)state;
	for (size_t i = 0; i < sizeof(valid) / sizeof(*valid); i++)
		check_utf8(valid[i], true);
	for (size_t i = 0; i < sizeof(invalid) / sizeof(*invalid); i++)
		check_utf8(invalid[i], false);
	assert_true(bud_utf8_is_valid(NULL, 0));
}

/* A sequence that ends with the memory must not be read beyond it. */
static void test_utf8_cut_at_the_end(void **state)
{
	static const char text[] = "\xf0\x9f\xab\x90";

	(void)state;
	for (size_t len = 1; len <= 4; len++) {
		char *exact = malloc(len);
		assert_non_null(exact);
		memcpy(exact, text, len);
		assert_int_equal(bud_utf8_is_valid(exact, len), len == 4);
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_span_compares),
		cmocka_unit_test(test_span_trim),
		cmocka_unit_test(test_span_number),
		cmocka_unit_test(test_buffer_grows),
		cmocka_unit_test(test_buffer_appends),
		cmocka_unit_test(test_buffer_long_format),
		cmocka_unit_test(test_buffer_clear_keeps_the_memory),
		cmocka_unit_test(test_buffer_reserve),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_utf8_cut_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
