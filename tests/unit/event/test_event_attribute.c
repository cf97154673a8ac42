/* Names and values that CloudEvents forbids are refused under their name; all others pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "event/attribute.h"

static int check(const char *name, struct bud_span value, struct bud_error *error)
{
	return bud_attribute_check(
		&(struct bud_attribute){.name = bud_span(name), .value = value}, error);
}

static void checks_names(void **state)
{
	static const char *const good[] = {"a", "0", "1st", "id", "datax", "dataref",
		"averyverylongnamethatislongerthantwentycharacters"};
	static const char *const bad[] = {"", "data", "data_base64", "traceParent", "my_ext",
		"my-ext", "a b", "\xc3\xa5", "a.b", "A", "$ref"};
	struct bud_error error;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(bud_attribute_check_name(bud_span(good[i]), &error), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		error = (struct bud_error){0};
		if (bud_attribute_check_name(bud_span(bad[i]), &error) == 0)
			fail_msg("accepted: %s", bad[i]);
		assert_string_equal(error.member, bad[i]);
		assert_true(error.text[0] != '\0');
	}
}

/* Every byte position within a word of eight, since words are checked at once. */
static void finds_forbidden_characters(void **state)
{
	static const char *const bad[] = {"\x01", "\t", "\n", "\x1f", "\x7f", "\xc2\x80",
		"\xc2\x9f", "\xef\xb7\x90", "\xef\xb7\xaf", "\xef\xbf\xbe", "\xef\xbf\xbf",
		"\xf0\x9f\xbf\xbe", "\xf0\x9f\xbf\xbf", "\xf4\x8f\xbf\xbf"};
	static const char *const good[] = {" ", "~", "\xc2\xa0", "\xc3\xa5", "\xef\xb7\x8f",
		"\xef\xb7\xb0", "\xef\xbf\xbd", "\xee\x80\x80", "\xf0\x9f\x98\x80",
		"\xf0\x9f\xbf\xbd", "\xf0\x90\xbf\xbe"};
	struct bud_error error;
	char text[64];

	(void)state;
	for (size_t before = 0; before < 18; before++) {
		for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			snprintf(text, sizeof(text), "%.*s%s%.*s", (int)before,
				"abcdefghijklmnopqr", bad[i], (int)(17 - before),
				"abcdefghijklmnopqr");
			if (check("x", bud_span(text), &error) == 0)
				fail_msg("accepted case %zu at %zu", i, before);
			assert_string_equal(error.member, "x");
		}
		for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
			snprintf(text, sizeof(text), "%.*s%s%.*s", (int)before,
				"abcdefghijklmnopqr", good[i], (int)(17 - before),
				"abcdefghijklmnopqr");
			if (check("x", bud_span(text), &error) < 0)
				fail_msg("refused case %zu at %zu", i, before);
		}
	}
	assert_int_equal(check("x", (struct bud_span){"a\0b", 3}, &error), -22);
}

static void checks_types(void **state)
{
	static const struct {
		const char *name, *good, *bad;
	} cases[] = {
		{"id", "1", ""},
		{"type", "t", ""},
		{"subject", "s", ""},
		{"source", "/a", "a b"},
		{"source", "urn:x", ""},
		{"specversion", "1.0", "1.0.2"},
		{"specversion", "1.0", "0.3"},
		{"specversion", "1.0", ""},
		{"time", "2026-01-01T00:00:00Z", "2026-01-01"},
		{"expirytime", "2026-01-01T00:00:00Z", "1767225600"},
		{"recordedtime", "2026-01-01T00:00:00Z", ""},
		{"dataschema", "https://h/s", "/s"},
		{"dataschema", "urn:x#y", ""},
		{"dataref", "/x", "/{x}"},
		{"datacontenttype", "a/b; c=d", "json"},
		{"datacontenttype", "text/xml", ""},
		{"partitionkey", "k", ""},
		{"sequence", "10", ""},
		{"traceparent", "00-x", ""},
		{"correlationid", "x", ""},
		{"causationid", "x", ""},
	};
	struct bud_error error;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (check(cases[i].name, bud_span(cases[i].good), &error) < 0)
			fail_msg("refused %s: %s", cases[i].good, error.text);
		error = (struct bud_error){0};
		if (check(cases[i].name, bud_span(cases[i].bad), &error) == 0)
			fail_msg("accepted %s: %s", cases[i].name, cases[i].bad);
		assert_string_equal(error.member, cases[i].name);
	}
	/* An extension nobody defined may be anything, empty too. */
	assert_int_equal(check("comment", bud_span(""), &error), 0);
}

static void cuts_long_names_in_errors(void **state)
{
	char name[301];
	struct bud_error error;

	(void)state;
	memset(name, 'A', 300);
	name[300] = '\0';
	assert_true(bud_attribute_check_name(bud_span(name), &error) < 0);
	assert_int_equal(strlen(error.member), BUD_ERROR_MEMBER_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checks_names),
		cmocka_unit_test(finds_forbidden_characters),
		cmocka_unit_test(checks_types),
		cmocka_unit_test(cuts_long_names_in_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
