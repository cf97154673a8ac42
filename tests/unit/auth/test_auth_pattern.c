/* A star stands for any run of characters, also for none; everything else is itself; a list
 * matches when one of it does, and an empty one always. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/pattern.h"

static void matches(void **state)
{
	static const struct {
		const char *pattern;
		const char *text;
		bool is_match;
	} cases[] = {
		{"", "", true},
		{"", "a", false},
		{"a", "", false},
		{"a", "a", true},
		{"a", "A", false},
		{"a", "ab", false},
		{"*", "", true},
		{"*", "any/thing", true},
		{"**", "x", true},
		{"/org/*", "/org/", true},
		{"/org/*", "/org/ttd", true},
		{"/org/*", "/organisation/1", false},
		{"*.created", "app.instance.created", true},
		{"*.created", "app.instance.createdd", false},
		{"app.*.created", "app.instance.process.created", true},
		{"a*b*c", "a.b.b.c", true},
		{"a*b*c", "a.c.b", false},
		{"a*a", "a", false},
		{"*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
		{"?", "a", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (bud_pattern_match(cases[i].pattern, bud_span(cases[i].text)) !=
			cases[i].is_match)
			fail_msg("%s against %s", cases[i].pattern, cases[i].text);
	assert_true(bud_pattern_is_plain("a"));
	assert_false(bud_pattern_is_plain("a*"));
}

static void matches_lists(void **state)
{
	struct bud_patterns patterns = {0};

	(void)state;
	assert_true(bud_patterns_match(&patterns, bud_span("x")));
	bud_patterns_add(&patterns, "a");
	bud_patterns_add(&patterns, "b*");
	bud_patterns_add(&patterns, "c");
	assert_true(bud_patterns_match(&patterns, bud_span("bx")));
	assert_true(bud_patterns_match(&patterns, bud_span("c")));
	assert_false(bud_patterns_match(&patterns, bud_span("x")));
	assert_false(bud_patterns_match(&patterns, bud_span("")));
	bud_patterns_finish(&patterns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matches),
		cmocka_unit_test(matches_lists),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
