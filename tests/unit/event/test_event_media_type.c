/* Media types are cut into the parts we act on, in any spelling RFC 9110 allows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "event/media_type.h"

static void cuts_parts(void **state)
{
	static const struct {
		const char *text, *essence, *charset;
		bool is_json, is_text, is_utf8;
	} cases[] = {
		{"application/json", "application/json", "", true, false, true},
		{"Application/JSON;charset=UTF-8", "Application/JSON", "UTF-8", true, false, true},
		{"application/vnd.x+json ; a=b", "application/vnd.x+json", "", true, false, true},
		{"text/json", "text/json", "", true, true, true},
		{"TEXT/Plain; CharSet=\"utf-8\"", "TEXT/Plain", "utf-8", false, true, true},
		{"text/plain;;charset=us-ascii;", "text/plain", "us-ascii", false, true, true},
		{" text/csv\t; charset=latin1 ", "text/csv", "latin1", false, true, false},
		{"application/xml", "application/xml", "", false, true, true},
		{"image/svg+XML", "image/svg+XML", "", false, true, true},
		{"application/octet-stream", "application/octet-stream", "", false, false, true},
		{"application/jsonx", "application/jsonx", "", false, false, true},
		{"application/x-json", "application/x-json", "", false, false, true},
		{"a/b; c=\"x;charset=no\\\"\"", "a/b", "", false, false, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bud_media_type type;
		if (!bud_media_type_parse(bud_span(cases[i].text), &type))
			fail_msg("refused: %s", cases[i].text);
		assert_true(bud_span_is(type.essence, cases[i].essence));
		assert_true(bud_span_is(type.charset, cases[i].charset));
		assert_int_equal(bud_media_type_is_json(&type), cases[i].is_json);
		assert_int_equal(bud_media_type_is_text(&type), cases[i].is_text);
		assert_int_equal(bud_media_type_is_utf8(&type), cases[i].is_utf8);
	}
}

static void refuses_the_rest(void **state)
{
	static const char *const cases[] = {"", " ", "json", "/json", "text/", "text /plain",
		"text/plain x", "text/plain; charset", "text/plain; charset=", "text/plain; =x",
		"text/plain; charset =x", "text/plain; a=\"b", "text/plain, text/html",
		"text/plain; charset=a; charset=a", "text/pl\xc3\xa5n", "text/plain; a=\"\n\"",
		"text/plain; a=\"\\", "text/plain; a=\"b\"c"};
	struct bud_media_type type;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (bud_media_type_parse(bud_span(cases[i]), &type))
			fail_msg("accepted: %s", cases[i]);
	assert_false(bud_media_type_parse((struct bud_span){NULL, 0}, &type));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_parts),
		cmocka_unit_test(refuses_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
