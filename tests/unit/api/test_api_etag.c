/* If-Match compares strongly and lets nothing pass that it does not name; If-None-Match compares
 * weakly; what is no tag is never equal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "api/etag.h"
#include "http/request.h"

static void test_lists(void **state)
{
	static const struct {
		const char *list;
		bool strong;
		bool weak;
	} cases[] = {
		{"\"abc\"", true, true},
		{"*", true, true},
		{" * ", true, true},
		{"W/\"abc\"", false, true},
		{"\"x\", \"abc\"", true, true},
		{"\"x\" ,W/\"abc\" , \"y\"", false, true},
		{"\"abc\",", true, true},
		{"\"a,b\", \"abc\"", true, true},
		{"\"x,\"abc\"", false, false},
		{"abc", false, false},
		{"\"abc", false, false},
		{"abc\"", false, false},
		{"\"", false, false},
		{"\"\"", false, false},
		{"", false, false},
		{",,", false, false},
		{"\"ABC\"", false, false},
		{"\"abcd\"", false, false},
		{"w/\"abc\"", false, false},
		{"*, \"x\"", false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bud_span list = bud_span(cases[i].list);
		bool strong = bud_etag_is_in(list, "abc", BUD_ETAG_STRONG);
		bool weak = bud_etag_is_in(list, "abc", BUD_ETAG_WEAK);
		if (strong != cases[i].strong || weak != cases[i].weak)
			fail_msg("%s: strong %d, weak %d", cases[i].list, strong, weak);
	}
}

static struct bud_header field(const char *name, const char *value)
{
	return (struct bud_header){bud_span(name), bud_span(value)};
}

static void test_requests(void **state)
{
	struct bud_header none[] = {field("Host", "a")};
	struct bud_header other[] = {field("If-Match", "\"x\""), field("if-match", "\"y\"")};
	struct bud_header second[] = {field("if-match", "\"x\""), field("IF-MATCH", "\"abc\"")};
	struct bud_header any[] = {field("If-Match", "*")};
	struct bud_header known[] = {field("If-None-Match", "W/\"abc\"")};
	struct bud_request request = {.headers = none, .n_headers = 1};

	(void)state;
	assert_true(bud_etag_permits_change(&request, "abc"));
	assert_false(bud_etag_is_demanded(&request));
	assert_false(bud_etag_is_known(&request, "abc"));
	request = (struct bud_request){.headers = other, .n_headers = 2};
	assert_false(bud_etag_permits_change(&request, "abc"));
	assert_true(bud_etag_is_demanded(&request));
	request = (struct bud_request){.headers = second, .n_headers = 2};
	assert_true(bud_etag_permits_change(&request, "abc"));
	request = (struct bud_request){.headers = any, .n_headers = 1};
	assert_true(bud_etag_permits_change(&request, "abc"));
	assert_false(bud_etag_is_demanded(&request));
	request = (struct bud_request){.headers = known, .n_headers = 1};
	assert_true(bud_etag_is_known(&request, "abc"));
	assert_false(bud_etag_is_known(&request, "x"));
	assert_true(bud_etag_permits_change(&request, "x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
