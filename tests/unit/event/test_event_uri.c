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

/* The same, asked by what is written of both. */
static bool has_prefix(struct bud_span base, struct bud_span text)
{
	char folder[80];
	char whole[80];
	size_t folder_len = bud_uri_write_place(base, BUD_URI_FOLDER, folder, sizeof(folder));
	size_t len = bud_uri_write_place(text, BUD_URI_WHOLE, whole, sizeof(whole));

	return folder_len > 0 && folder_len <= len && memcmp(folder, whole, folder_len) == 0;
}

static bool has_prefix_when_cut(struct bud_span base, struct bud_span text)
{
	char folder[80];
	char whole[80];

	for (size_t room = 1; room < sizeof(whole); room++) {
		size_t folder_len = bud_uri_write_place(base, BUD_URI_FOLDER, folder, room);
		size_t len = bud_uri_write_place(text, BUD_URI_WHOLE, whole, room);
		if (folder_len > len || memcmp(folder, whole, folder_len) != 0)
			return false;
	}
	return true;
}

/* As Uri.IsBaseOf of .NET, which Altinn's source filter is. */
static void knows_bases(void **state)
{
	static const struct {
		const char *base;
		const char *text;
		bool is_base;
	} cases[] = {
		{"https://h/ttd/app", "https://h/ttd/app/instances/1", true},
		{"https://h/ttd/app", "https://h/ttd/other", true},
		{"https://h/ttd/app/", "https://h/ttd/other", false},
		{"https://h/ttd/app", "https://h/skd/app", false},
		{"https://h/ttd/app", "https://h/", false},
		{"https://h/ttd/app", "http://h/ttd/app", false},
		{"https://h/ttd/app", "https://h.no/ttd/app", false},
		{"https://h/ttd/app", "https://h:8443/ttd/app", false},
		{"https://h/ttd/app", "https://h:443/ttd/app", true},
		{"http://h:80/a", "http://h/b", true},
		{"https://h:/a", "https://h/b", true},
		{"HTTPS://H/ttd/app", "https://h/ttd/app", true},
		{"https://h/TTD/app", "https://h/ttd/app", false},
		{"https://h", "https://h/ttd", true},
		{"https://h", "https://h?q", true},
		{"https://h/", "https://h", true},
		{"https://h/a?x=/b/c", "https://h/d", true},
		{"https://h/a/b", "https://h/?p=/a/b", false},
		{"https://u@h/a", "https://h/b", true},
		{"https://[::1]/a", "https://[::1]:443/b", true},
		{"https://[::1]/a", "https://[::2]/b", false},
		{"https://h/a", "/a", false},
		{"/a", "/a", false},
		{"urn:a:b", "urn:a:b", false},
		{"https:///a", "https:///a", false},
		{"https://h/a", "", false},
		{"https://h/ttd/app", "https://h/ttd/../skd/app", false},
		{"https://h/ttd/app", "https://h/ttd/%2E%2e/skd/app", false},
		{"https://h/ttd/app", "https://h/ttd/./app", false},
		{"https://h/ttd/app", "https://h/ttd/app/..", false},
		{"https://h/ttd/../skd/app", "https://h/ttd/../skd/app", false},
		{"https://h/ttd/..", "https://h/ttd/app", false},
		{"https://h/", "https://h/ttd/../skd/app", true},
		{"https://h/ttd/app", "https://h/ttd/.../.a/a./..a/%2e%2e%2e", true},
		{"https://h/ttd/app", "https://h/ttd/app?/../x", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bud_span base = bud_span(cases[i].base);
		struct bud_span text = bud_span(cases[i].text);
		if (bud_uri_is_base(base, text) != cases[i].is_base ||
			has_prefix(base, text) != cases[i].is_base)
			fail_msg("%s of %s", cases[i].base, cases[i].text);
		if (cases[i].is_base)
			assert_true(has_prefix_when_cut(base, text));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_absolute_uris),
		cmocka_unit_test(knows_relative_references),
		cmocka_unit_test(refuses_the_rest),
		cmocka_unit_test(knows_bases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
