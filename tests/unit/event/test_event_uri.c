/* What RFC 3986 calls a URI reference is one, with a scheme it is absolute; the rest is neither. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "event/uri.h"

static void knows_absolute_uris(void **state)
{
	static const char *const cases[] = {"https://example.com", "https://example.com/",
		"https://user:p%40ss@host:8080/a/b;c=1?x=y&z=%20#part", "urn:altinn:resource:ske-x",
		"mailto:cncf-wg-serverless@lists.cncf.io", "file:///etc/x", "x:", "a+b-c.1:/x",
		"http://[::1]:80/", "http://[2001:db8::7]/c=GB?objectClass?one",
		"http://[v1.fe:80]/", "http://[::ffff:192.0.2.1]", "http://host:/", "http://",
		"tag:a/b:c@d", "https://h/s.json#/definitions/x"};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (!bud_uri_is_absolute(bud_span(cases[i])) ||
			!bud_uri_is_reference(bud_span(cases[i])))
			fail_msg("refused: %s", cases[i]);
}

static void knows_relative_references(void **state)
{
	static const char *const cases[] = {"/", "/a:b", "./a:b", "a/b:c", "//host/x",
		"?q:", "#f:", "", "1-555-123-4567", "/sensors/tn-1234567/alerts", "../x", "a%20b",
		"//h:1", ";x"};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (!bud_uri_is_reference(bud_span(cases[i])))
			fail_msg("refused: %s", cases[i]);
		if (bud_uri_is_absolute(bud_span(cases[i])))
			fail_msg("absolute: %s", cases[i]);
	}
}

static void refuses_the_rest(void **state)
{
	static const char *const cases[] = {"a b", "1a:b", ":x", "a_b:c", "/a%2", "/a%zz", "/%",
		"/a\\b", "/<x>", "/{x}", "/a|b", "/a\"b", "/a^b", "/`", "/a#b#c", "/a[0]",
		"/?a[0]=1", "#[", "http://[::1", "http://::1]/", "http://[::1]x/", "http://[]/",
		"http://[::g]/", "http://[abc]/", "http://h:8x/", "http://a@b@c/", "http://h[1]/",
		"http://a:b:1/", "//h:x", "/\xc3\xa5", "/\x7f", "/a\nb"};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (bud_uri_is_reference(bud_span(cases[i])))
			fail_msg("accepted: %s", cases[i]);
	assert_false(bud_uri_is_reference((struct bud_span){"/a\0b", 4}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_absolute_uris),
		cmocka_unit_test(knows_relative_references),
		cmocka_unit_test(refuses_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
