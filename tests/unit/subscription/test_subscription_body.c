/* Members: only strict JSON objects get in, unknown names are all named, and a merge patch does
 * what the examples of RFC 7396 show (those whose patch is an object). */
#include "subscription/make.h"

#include <errno.h>
#include <jansson.h>

#include "core/limits.h"
#include "subscription/body.h"

static int parse(const char *text, json_t **out_object, struct bud_error *error)
{
	char *json = make_json(text);
	int r = bud_body_parse(bud_span(json), out_object, error);

	free(json);
	return r;
}

static void refuses_other_than_one_strict_object(void **state)
{
	static const char *const bad[] = {"", " ", "[]", "1", "null", "{", "{'a':1,}", "{'a':1}x",
		"{a:1}", "{'a':01}", "{'a':'\xff'}", "{'a':'\\ud800'}", "{'a':'\\u0000'}",
		"{'a':1,'a':2}", "{'x':{'a':1,'a':1}}", "\xef\xbb\xbf{}"};
	struct bud_buffer deep = {0};
	struct bud_error error = {0};
	json_t *object = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		memset(&error, 0, sizeof(error));
		if (parse(bad[i], &object, &error) != -EINVAL || !*error.text)
			fail_msg("accepted: %s", bad[i]);
	}
	assert_int_equal(parse("{'a':1,'twice':1,'twice':2}", &object, &error), -EINVAL);
	assert_non_null(strstr(error.text, "twice"));
	for (unsigned i = 0; i < 100000; i++)
		bud_buffer_text(&deep, "{'a':");
	assert_int_equal(parse(deep.at, &object, &error), -EINVAL);
	bud_buffer_finish(&deep);
	assert_int_equal(parse(" {'a':{'b':1}} ", &object, &error), 0);
	json_decref(object);
}

/* What is valid JSON and refused all the same is not called invalid. */
static void says_what_it_cannot_hold(void **state)
{
	static const char *const cases[][2] = {
		{"{'a':'b\\u0000'}", "a text has \\u0000"},
		{"{'a\\u0000':1}", "a text has \\u0000"},
		{"{'a':99999999999999999999}", "a number is too large"},
		{"{'a':1e999}", "a number is too large"},
	};
	struct bud_error error = {0};
	json_t *object = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(parse(cases[i][0], &object, &error), -EINVAL);
		if (!strstr(error.text, cases[i][1]) || strstr(error.text, "valid JSON"))
			fail_msg("%s: %s", cases[i][0], error.text);
	}
}

static void names_all_unknown_members(void **state)
{
	static const char *const known[] = {"a", "b", NULL};
	struct bud_error error = {0};
	json_t *object;

	(void)state;
	assert_int_equal(parse("{'a':1,'x':1,'':2,'b':3}", &object, &error), 0);
	assert_int_equal(bud_body_check(object, "config", known, &error), -EINVAL);
	assert_string_equal(error.member, "config.x");
	assert_string_equal(error.text, "unknown: \"config.x\", \"config.\"; known are a, b");
	json_object_del(object, "x");
	json_object_del(object, "");
	assert_int_equal(bud_body_check(object, "", known, &error), 0);
	assert_int_equal(bud_body_check(json_object_get(object, "a"), "a", known, &error), -EINVAL);
	assert_string_equal(error.text, "a must be an object");
	json_decref(object);
}

static void merges_as_rfc_7396_shows(void **state)
{
	static const char *const cases[][3] = {
		{"{'a':'b'}", "{'a':'c'}", "{'a':'c'}"},
		{"{'a':'b'}", "{'b':'c'}", "{'a':'b','b':'c'}"},
		{"{'a':'b'}", "{'a':null}", "{}"},
		{"{'a':'b','b':'c'}", "{'a':null}", "{'b':'c'}"},
		{"{'a':['b']}", "{'a':'c'}", "{'a':'c'}"},
		{"{'a':'c'}", "{'a':['b']}", "{'a':['b']}"},
		{"{'a':{'b':'c'}}", "{'a':{'b':'d','c':null}}", "{'a':{'b':'d'}}"},
		{"{'a':[{'b':'c'}]}", "{'a':[1]}", "{'a':[1]}"},
		{"{'e':null}", "{'a':1}", "{'e':null,'a':1}"},
		{"{'a':'foo'}", "{'a':{'b':'c'}}", "{'a':{'b':'c'}}"},
		{"{}", "{'a':{'bb':{'ccc':null}}}", "{'a':{'bb':{}}}"},
		{"{'a':{'b':1},'c':{'d':2}}", "{'a':{'e':{'f':3}},'c':{}}",
			"{'a':{'b':1,'e':{'f':3}},'c':{'d':2}}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct bud_error error;
		json_t *target, *patch, *wanted;
		assert_int_equal(parse(cases[i][0], &target, &error), 0);
		assert_int_equal(parse(cases[i][1], &patch, &error), 0);
		assert_int_equal(parse(cases[i][2], &wanted, &error), 0);
		bud_body_merge(target, patch);
		if (!json_equal(target, wanted))
			fail_msg("%s + %s", cases[i][0], cases[i][1]);
		json_decref(target);
		json_decref(patch);
		json_decref(wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_other_than_one_strict_object),
		cmocka_unit_test(says_what_it_cannot_hold),
		cmocka_unit_test(names_all_unknown_members),
		cmocka_unit_test(merges_as_rfc_7396_shows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
