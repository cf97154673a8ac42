/* The JSON reader accepts RFC 8259 and nothing more: by a table, and by agreeing with jansson on
 * thousands of broken texts, but for what is known to differ. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event/json.h"
#include "mutate.h"

static bool is_valid(struct bud_span text, unsigned depth_max)
{
	/* Its own memory, so that a sanitizer sees one byte too far. */
	char *copy = malloc(text.len + (text.len == 0));
	const char *wrong = NULL;
	bool result;

	memcpy(copy, text.at, text.len);
	result = bud_json_is_valid((struct bud_span){copy, text.len}, depth_max, &wrong);
	assert_int_equal(result, wrong == NULL);
	free(copy);
	return result;
}

static const char *const good[] = {"0", "-0", "12", "-1.5e+10", "1E-2", "0.0", "1e400", "true",
	"false", "null", "\"\"", "[]", "{}", " [ ] ", "{ }", "[1,2]", "[[],{}]",
	"{\"a\":1,\"b\":[{\"c\":null}]}", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\"",
	"\"\\ud83d\\ude00\"", "\"\\uFfFf\"", "\"\xc3\xa5 \xe2\x82\xac \xf0\x9f\x98\x80\"",
	"\t\r\n 1 \n", "\"\x7f\"", "[1 , 2 ]", "{\"a\" : 1 , \"b\" : 2 }",
	"12345678901234567890123", "\"a long text without anything special in it, longer than 8\""};

static const char *const bad[] = {"", " ", "+1", "01", "-01", "1.", ".5", "1e", "1e+", "-", "--1",
	"0x1", "1 2", "tru", "True", "nul", "nulll", "NaN", "Infinity", "[", "]", "[1", "[1,",
	"[1,]", "[,1]", "[1 2]", "{", "{]", "[}", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,",
	"{\"a\":1,}", "{\"a\" 1}", "{a:1}", "{'a':1}", "{1:1}", "{,}", "{\"a\":1 \"b\":2}", "\"",
	"\"a", "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\U0041\"", "\"\\\n\"",
	"\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\ud800\"", "\"\\ud800x\"", "\"\\ud800\\n\"",
	"\"\\ude00\\ud83d\"", "\"\n\"", "\"\t\"", "\"\x01\"", "\"abcdefgh\x1f\"", "\"\x80\"",
	"\"\xc0\xa0\"", "\"\xc3\"", "\"\xe2\x82\"", "\"\xed\xa0\x80\"", "\"\xf0\x80\x80\x80\"",
	"\"\xf4\x90\x80\x80\"", "\"\xf8\x88\x80\x80\x80\"", "\"\xff\"", "\xef\xbb\xbf{}", "/**/1",
	"[1]//", "[]]", "{}}", "\v1", "[\xc2\xa0]"};

static void knows_the_grammar(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!is_valid(bud_span(good[i]), 64))
			fail_msg("refused: %s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (is_valid(bud_span(bad[i]), 64))
			fail_msg("accepted: %s", bad[i]);
	assert_false(is_valid((struct bud_span){"1\0", 2}, 64));
	assert_false(is_valid((struct bud_span){"\"\0\"", 3}, 64));
	assert_false(is_valid((struct bud_span){"\"\\\0\"", 4}, 64));
}

/* Cut anywhere, a text is wrong: there is no value whose beginning is one, but for numbers. */
static void refuses_every_beginning(void **state)
{
	const char *text = "{\"a\":[1,true,null,\"x\\u00e5\\ud83d\\ude00 \xf0\x9f\x98\x80\"]}";

	(void)state;
	assert_true(is_valid(bud_span(text), 64));
	for (size_t len = 0; len < strlen(text); len++)
		assert_false(is_valid((struct bud_span){text, len}, 64));
}

static void bounds_the_depth(void **state)
{
	static const struct {
		const char *open, *close;
	} kinds[] = {{"[", "]"}, {"{\"a\":", "}"}, {"[{\"a\":", "}]"}};

	(void)state;
	for (size_t kind = 0; kind < 3; kind++) {
		for (size_t n = 1; n < 100; n++) {
			bud_auto(buffer) struct bud_buffer text = {0};
			size_t depth = kind == 2 ? 2 * n : n;

			for (size_t i = 0; i < n; i++)
				bud_buffer_text(&text, kinds[kind].open);
			bud_buffer_text(&text, "1");
			for (size_t i = 0; i < n; i++)
				bud_buffer_text(&text, kinds[kind].close);
			assert_int_equal(is_valid(bud_buffer_as_span(&text), 64), depth <= 64);
			assert_int_equal(is_valid(bud_buffer_as_span(&text), 3), depth <= 3);
		}
	}
	assert_true(is_valid(bud_span("1"), 0));
	assert_false(is_valid(bud_span("[]"), 0));
}

static void undoes_escapes(void **state)
{
	static const struct {
		const char *raw, *text;
	} cases[] = {
		{"", ""},
		{"plain", "plain"},
		{"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t"},
		{"a\\u0041b", "aAb"},
		{"\\u00e5\\u20AC\\ud83d\\ude00", "\xc3\xa5\xe2\x82\xac\xf0\x9f\x98\x80"},
		{"\\uffff\\udbff\\udfff", "\xef\xbf\xbf\xf4\x8f\xbf\xbf"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bud_auto(buffer) struct bud_buffer text = {0};
		bud_json_unescape(bud_span(cases[i].raw), &text);
		assert_true(bud_span_is(bud_buffer_as_span(&text), cases[i].text));
	}
}

/* Damaged bytes from a store are never read or written past their end. */
static void survives_broken_escapes(void **state)
{
	static const char *const cases[] = {"\\", "\\u", "\\u1", "\\u123", "\\uzzzz", "\\ud800",
		"\\ud800\\", "\\ud800\\u", "\\ud800\\u00", "\\udc00", "\\x"};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bud_auto(buffer) struct bud_buffer text = {0};
		size_t len = strlen(cases[i]);
		char *copy = malloc(len);

		memcpy(copy, cases[i], len);
		bud_json_unescape((struct bud_span){copy, len}, &text);
		assert_true(text.len <= len);
		assert_true(bud_utf8_is_valid(text.at, text.len));
		free(copy);
	}
}

/* What differs on purpose: jansson reads reals into doubles and integers into 64 bits, so it
 * refuses big ones; it refuses a NUL in a member's name and a member twice inside of data. */
static bool is_known_difference(const json_error_t *error)
{
	enum json_error_code code = json_error_code(error);

	return code == json_error_numeric_overflow || code == json_error_null_byte_in_key ||
	       code == json_error_duplicate_key || code == json_error_stack_overflow;
}

static size_t compare_with_jansson(struct bud_span text)
{
	json_error_t error;
	json_t *json = json_loadb(text.at, text.len,
		JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
	bool theirs = json != NULL;
	bool ours = is_valid(text, 64);

	json_decref(json);
	if (theirs != ours && (theirs || !is_known_difference(&error)))
		fail_msg("jansson %s, we do not: %.*s", theirs ? "accepts" : "refuses",
			(int)text.len, text.at);
	return theirs && ours;
}

static void agrees_with_jansson(void **state)
{
	static const char *const seeds[] = {
		"{\"a\":[1,-2.5e+10,true,false,null,\"x\\n\",{}],\"b\":{\"c\":[[]],\"d\":\"\"}}",
		"[\"\\ud83d\\ude00\",\"\\u00e5\",\"\xc3\xa5\xe2\x82\xac\xf0\x9f\x98\x80 and\"]",
		"[0,-0,0.5,1e5,12E-3, 42 ]",
	};
	unsigned seed = 2026;
	size_t accepted = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		compare_with_jansson(bud_span(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		compare_with_jansson(bud_span(bad[i]));
	for (int round = 0; round < 60000; round++) {
		bud_auto(buffer) struct bud_buffer text = {0};
		bud_buffer_text(&text, seeds[round % 3]);
		mutate(&text, &seed);
		accepted += compare_with_jansson(bud_buffer_as_span(&text));
	}
	/* Both sides were seen often. */
	assert_in_range(accepted, 5000, 50000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_the_grammar),
		cmocka_unit_test(refuses_every_beginning),
		cmocka_unit_test(bounds_the_depth),
		cmocka_unit_test(undoes_escapes),
		cmocka_unit_test(survives_broken_escapes),
		cmocka_unit_test(agrees_with_jansson),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
