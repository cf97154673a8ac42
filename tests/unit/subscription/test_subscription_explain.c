/* Explanations: each clause says whether it held; the first one at fault is named by the path that
 * the API uses, with what was wanted and what was there; what they say agrees with the matcher. */
#include "subscription/make.h"

#include <errno.h>
#include <jansson.h>

#include "subscription/explain.h"

#define SUBJECT ",'subject':'/party/1'"

static json_t *explain_filters(const char *text, const struct bud_event *event)
{
	char *json = make_json(text);
	json_auto_t *filters = json_loads(json, 0, NULL);
	struct bud_buffer out = {0};
	struct bud_error error = {0};
	json_t *explained;

	assert_non_null(filters);
	if (bud_explain_filters(filters, event, &out, &error) < 0)
		fail_msg("%s: %s", text, error.text);
	explained = json_loads(out.at, 0, NULL);
	assert_non_null(explained);
	bud_buffer_finish(&out);
	free(json);
	return explained;
}

static void names_the_pair_at_fault(void **state)
{
	static const struct {
		const char *filters;
		const char *path; /* NULL: it matches */
		const char *wanted;
		const char *actual; /* NULL: absent */
		bool is_inverted;
	} cases[] = {
		{"[]", NULL, NULL, NULL, false},
		{"[{'exact':{'type':'a'}}]", NULL, NULL, NULL, false},
		{"[{'exact':{'type':'b'}}]", "filters[0].exact.type", "b", "a", false},
		{"[{'exact':{'type':'a','id':'2'}}]", "filters[0].exact.id", "2", "e1", false},
		{"[{'exact':{'type':'a'}},{'any':[{'prefix':{'type':'x'}},{'suffix':{'id':'9'}}]}]",
			"filters[1].any[0].prefix.type", "x", "a", false},
		{"[{'all':[{'exact':{'type':'a'}},{'suffix':{'subject':'/2'}}]}]",
			"filters[0].all[1].suffix.subject", "/2", "/party/1", false},
		{"[{'exact':{'nosuch':'1'}}]", "filters[0].exact.nosuch", "1", NULL, false},
		{"[{'not':{'exact':{'type':'a'}}}]", "filters[0].not.exact.type", "a", "a", true},
		{"[{'not':{'any':[{'exact':{'type':'b'}},{'prefix':{'id':'e'}}]}}]",
			"filters[0].not.any[1].prefix.id", "e", "e1", true},
		{"[{'not':{'not':{'exact':{'type':'b'}}}}]", "filters[0].not.not.exact.type", "b",
			"a", false},
		{"[{'not':{'all':[{'exact':{'type':'a'}},{'not':{'exact':{'id':'0'}}}]}}]",
			"filters[0].not.all[0].exact.type", "a", "a", true},
	};
	struct bud_event *event = make_event("a", "/x", SUBJECT);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		json_auto_t *explained = explain_filters(cases[i].filters, event);
		const json_t *failed = json_object_get(explained, "failed");
		const json_t *actual = json_object_get(failed, "actual");
		assert_int_equal(
			json_is_true(json_object_get(explained, "matches")), cases[i].path == NULL);
		if (!cases[i].path) {
			assert_null(failed);
			continue;
		}
		assert_string_equal(
			json_string_value(json_object_get(failed, "path")), cases[i].path);
		assert_string_equal(
			json_string_value(json_object_get(failed, "wanted")), cases[i].wanted);
		if (cases[i].actual)
			assert_string_equal(json_string_value(actual), cases[i].actual);
		else
			assert_true(json_is_null(actual));
		assert_int_equal(
			json_is_true(json_object_get(failed, "not")), cases[i].is_inverted);
	}
	bud_event_unref(event);
}

static void is_written(const char *text, const char *wanted)
{
	char *json = make_json(wanted);

	assert_string_equal(text, json);
	free(json);
}

/* The attribute that an expression cannot do without, if it is at fault; else what it gives. */
static void explains_expressions(void **state)
{
	static const struct {
		const char *filters;
		const char *failed;
	} cases[] = {
		{"[{'sql':'type = \\'a\\''}]", NULL},
		{"[{'sql':'type = \\'b\\' AND TRUE'}]",
			"{'path':'filters[0].sql.type','wanted':'b','actual':'a'}"},
		{"[{'exact':{'type':'a'}},{'all':[{'sql':'source IN (\\'/y\\', \\'/z\\')'}]}]",
			"{'path':'filters[1].all[0].sql.source','wanted':['/y','/z'],"
			"'actual':'/x'}"},
		{"[{'sql':'type = \\'a\\' AND subject LIKE \\'/person%\\''}]",
			"{'path':'filters[0].sql.subject','wanted':{'prefix':'/person'},"
			"'actual':'/party/1'}"},
		{"[{'sql':'TRUE AND type'}]",
			"{'path':'filters[0].sql','wanted':'TRUE AND type','actual':false,"
			"'error':'cast'}"},
		{"[{'sql':'LENGTH(type) + 1'}]",
			"{'path':'filters[0].sql','wanted':'LENGTH(type) + 1','actual':2}"},
		{"[{'not':{'sql':'TRUE'}}]",
			"{'path':'filters[0].not.sql','not':true,'wanted':'TRUE','actual':true}"},
	};
	struct bud_event *event = make_event("a", "/x", SUBJECT);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		json_auto_t *explained = explain_filters(cases[i].filters, event);
		const json_t *failed = json_object_get(explained, "failed");
		char *text = failed ? json_dumps(failed, JSON_COMPACT) : NULL;
		char *wanted = cases[i].failed ? make_json(cases[i].failed) : NULL;
		assert_int_equal(
			json_is_true(json_object_get(explained, "matches")), wanted == NULL);
		if (wanted)
			assert_string_equal(text, wanted);
		else
			assert_null(text);
		free(wanted);
		free(text);
	}
	bud_event_unref(event);
}

static void says_of_each_clause_whether_it_held(void **state)
{
	struct bud_subscription *made = make_subscription("s1", 1,
		",'source':'/y','types':['b','a'],'expires':'2030-01-01T00:00:00Z',"
		"'filters':[{'any':[{'exact':{'type':'a'}},{'not':{'prefix':{'id':'e'}}}]}]");
	struct bud_event *event = make_event("a", "/x", "");
	struct bud_buffer out = {0};

	(void)state;
	bud_explain(made, event, NOW_MS, &out);
	is_written(out.at,
		"{'matches':false,'clauses':["
		"{'path':'expires','holds':true,'wanted':'2030-01-01T00:00:00Z',"
		"'actual':'2023-11-14T22:13:20.000Z'},"
		"{'path':'source','holds':false,'wanted':'/y','actual':'/x'},"
		"{'path':'types','holds':true,'wanted':['b','a'],'actual':'a'},"
		"{'path':'filters[0].any','holds':true},"
		"{'path':'filters[0].any[0].exact.type','holds':true,'wanted':'a','actual':'a'},"
		"{'path':'filters[0].any[1].not','holds':false},"
		"{'path':'filters[0].any[1].not.prefix.id','holds':true,'wanted':'e',"
		"'actual':'e1'},"
		"{'path':'status.state','holds':true,'wanted':'active','actual':'active'}],"
		"'failed':{'path':'source','wanted':'/y','actual':'/x'}}");
	bud_buffer_finish(&out);
	bud_event_unref(event);
	bud_subscription_destroy(made);
}

/* It is parked: it matches, and yet it is not pushed. */
static void a_pause_does_not_unmatch(void **state)
{
	struct bud_subscription *made = make_subscription("s1", 1, "");
	struct bud_event *event = make_event("a", "/x", "");
	struct bud_buffer out = {0};

	(void)state;
	made->status.state = BUD_SUBSCRIPTION_PAUSED;
	bud_explain(made, event, NOW_MS, &out);
	is_written(out.at,
		"{'matches':true,'clauses':["
		"{'path':'status.state','holds':false,'wanted':'active','actual':'paused'}],"
		"'failed':{'path':'status.state','wanted':'active','actual':'paused'}}");
	bud_buffer_finish(&out);
	bud_event_unref(event);
	bud_subscription_destroy(made);
}

static void refuses_what_is_no_filter(void **state)
{
	struct bud_event *event = make_event("a", "/x", "");
	json_auto_t *filters = json_loads("[{\"exact\":{\"type\":5}}]", 0, NULL);
	struct bud_buffer out = {0};
	struct bud_error error;

	(void)state;
	assert_int_equal(bud_explain_filters(filters, event, &out, &error), -EINVAL);
	assert_string_equal(error.member, "filters[0].exact.type");
	assert_int_equal(out.len, 0);
	bud_event_unref(event);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_the_pair_at_fault),
		cmocka_unit_test(explains_expressions),
		cmocka_unit_test(says_of_each_clause_whether_it_held),
		cmocka_unit_test(a_pause_does_not_unmatch),
		cmocka_unit_test(refuses_what_is_no_filter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
