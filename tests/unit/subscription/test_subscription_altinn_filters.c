/* Altinn's filters: what is written is read again, it is what the matcher asks, and only such
 * subscriptions are taken for Altinn's. */
#include "subscription/make.h"

#include "subscription/altinn_filters.h"

static bool is_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void reads_what_it_wrote(void **state)
{
	static const struct bud_altinn_filters cases[] = {
		{.resource = "urn:a:b"},
		{.resource = "urn:a:b", .type = "t \"x\"", .subject = "/party/1"},
		{.resource = "urn:a:b", .subject = "}},{", .includes_subunits = true},
		{.source = "https://h/a/b", .type = "t"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bud_buffer members = {0};
		struct bud_altinn_filters found;
		struct bud_subscription *made = NULL;
		bud_buffer_text(
			&members, "{\"protocol\":\"HTTP\",\"sink\":\"https://h/\",\"filters\":");
		bud_altinn_filters_write(&cases[i], &members);
		bud_buffer_byte(&members, '}');
		assert_int_equal(bud_subscription_parse(
					 bud_buffer_as_span(&members), &make_defaults, &made, NULL),
			0);
		assert_true(bud_altinn_filters_are(made));
		bud_altinn_filters_read(made, &found);
		assert_true(is_same(found.resource, cases[i].resource));
		assert_true(is_same(found.type, cases[i].type));
		assert_true(is_same(found.subject, cases[i].subject));
		assert_true(is_same(found.source, cases[i].source));
		assert_int_equal(found.includes_subunits, cases[i].includes_subunits);
		bud_altinn_filters_finish(&found);
		bud_subscription_destroy(made);
		bud_buffer_finish(&members);
	}
}

static void tells_others_apart(void **state)
{
	static const struct {
		const char *members;
		bool are;
	} cases[] = {
		{"", false},
		{",'filters':[{'exact':{'resource':'urn:a:b'}}]", false},
		{",'filters':[{'altinn':{'resource':'urn:a:b'}}]", true},
		{",'filters':[{'altinn':{'resource':'urn:a:b'}},{'exact':{'id':'x'}}]", false},
		{",'filters':[{'not':{'altinn':{'resource':'urn:a:b'}}}]", false},
		{",'types':['t'],'filters':[{'altinn':{'resource':'urn:a:b'}}]", false},
		{",'source':'/x','filters':[{'altinn':{'resource':'urn:a:b'}}]", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bud_subscription *made = make_subscription("a", 1, cases[i].members);
		if (bud_altinn_filters_are(made) != cases[i].are)
			fail_msg("wrong: %s", cases[i].members);
		bud_subscription_destroy(made);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_it_wrote),
		cmocka_unit_test(tells_others_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
