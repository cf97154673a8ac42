/* Filters: every dialect decides as the Subscriptions API says (specs C3), limits hold at the exact
 * number, errors name the member, and what is said to be needed really is. */
#include "subscription/make.h"

#include <errno.h>
#include <jansson.h>

#include "core/limits.h"
#include "subscription/filter.h"

static int compile(const char *text, struct bud_filter **filter, struct bud_error *error)
{
	char *json = make_json(text);
	json_t *root = json_loads(json, JSON_DECODE_ANY, NULL);
	int r;

	assert_non_null(root);
	*error = (struct bud_error){0};
	r = bud_filter_compile(root, filter, error);
	json_decref(root);
	free(json);
	return r;
}

static bool matches(const char *text, const struct bud_event *event)
{
	struct bud_filter *filter = NULL;
	struct bud_error error;
	bool is_match;

	if (compile(text, &filter, &error) < 0)
		fail_msg("%s: %s", text, error.text);
	is_match = bud_filter_match(filter, event);
	bud_filter_destroy(filter);
	return is_match;
}

static void decides_by_attributes(void **state)
{
	static const struct {
		const char *filters;
		bool is_match;
	} cases[] = {
		{"[]", true},
		{"[{'exact':{'type':'a.b'}}]", true},
		{"[{'exact':{'type':'a.B'}}]", false},
		{"[{'exact':{'type':'a.'}}]", false},
		{"[{'exact':{'type':'a.b.c'}}]", false},
		{"[{'exact':{'type':'a.b','source':'/x'}}]", true},
		{"[{'exact':{'type':'a.b','source':'/y'}}]", false},
		{"[{'exact':{'type':'x','source':'/x'}}]", false},
		{"[{'exact':{'id':'e1'}}]", true},
		{"[{'exact':{'specversion':'1.0'}}]", true},
		{"[{'prefix':{'type':'a.'}}]", true},
		{"[{'prefix':{'type':'a.b'}}]", true},
		{"[{'prefix':{'type':'a.bc'}}]", false},
		{"[{'prefix':{'type':'A'}}]", false},
		{"[{'suffix':{'type':'.b'}}]", true},
		{"[{'suffix':{'type':'a.b'}}]", true},
		{"[{'suffix':{'type':'xa.b'}}]", false},
		/* Absent and null attributes are the same, and make no pair hold. */
		{"[{'exact':{'subject':'s'}}]", false},
		{"[{'prefix':{'subject':'s'}}]", false},
		{"[{'suffix':{'none':'s'}}]", false},
		{"[{'not':{'exact':{'subject':'s'}}}]", true},
		{"[{'not':{'exact':{'none':'s'}}}]", true},
		/* Numbers and booleans compare by their text, time by the text received. */
		{"[{'exact':{'number':'5'}}]", true},
		{"[{'exact':{'zero':'0'}}]", true},
		{"[{'exact':{'zero':'-0'}}]", false},
		{"[{'prefix':{'flag':'tr'}}]", true},
		{"[{'exact':{'time':'2026-01-01T00:00:00.0+01:00'}}]", true},
		{"[{'exact':{'time':'2025-12-31T23:00:00Z'}}]", false},
		/* All filters of the array must hold. */
		{"[{'exact':{'type':'a.b'}},{'exact':{'source':'/x'}}]", true},
		{"[{'exact':{'type':'a.b'}},{'exact':{'source':'/y'}}]", false},
		{"[{'exact':{'type':'z'}},{'exact':{'source':'/x'}}]", false},
		{"[{'all':[{'exact':{'type':'a.b'}},{'suffix':{'source':'x'}}]}]", true},
		{"[{'all':[{'exact':{'type':'a.b'}},{'suffix':{'source':'z'}}]}]", false},
		{"[{'any':[{'exact':{'type':'z'}},{'suffix':{'source':'x'}}]}]", true},
		{"[{'any':[{'exact':{'type':'a.b'}},{'suffix':{'source':'z'}}]}]", true},
		{"[{'any':[{'exact':{'type':'z'}},{'suffix':{'source':'z'}}]}]", false},
		{"[{'not':{'any':[{'exact':{'type':'z'}},{'suffix':{'source':'z'}}]}}]", true},
		{"[{'not':{'all':[{'exact':{'type':'a.b'}},{'suffix':{'source':'x'}}]}}]", false},
		{"[{'not':{'not':{'exact':{'type':'a.b'}}}}]", true},
		{"[{'not':{'exact':{'type':'a.b','source':'/y'}}}]", true},
		{"[{'all':[{'any':[{'exact':{'type':'z'}},{'not':{'prefix':{'type':'z'}}}]},"
		 "{'not':{'exact':{'source':'/y'}}}]},{'prefix':{'id':'e'}}]",
			true},
	};
	struct bud_event *event = make_event("a.b", "/x",
		",'subject':null,'number':5,'zero':-0,'flag':true,'time':'2026-01-01T00:00:00.0+01:00',"
		"'data':{'none':'s'}");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (matches(cases[i].filters, event) != cases[i].is_match)
			fail_msg("wrong: %s", cases[i].filters);
	bud_event_unref(event);
}

/* Altinn's own filters (facts/altinn 3.3). */
static void decides_as_altinn_does(void **state)
{
	static const struct {
		const char *members;
		bool is_match;
	} cases[] = {
		{"'resource':'urn:altinn:resource:app_ttd_apps-test'", true},
		{"'resource':'urn:altinn:resource:app_ttd_apps'", false},
		{"'subject':'/party/2'", true},
		{"'subject':'/party/1'", false}, /* the main unit's, without its parts */
		{"'unit':'/party/1'", true},
		{"'unit':'/party/2'", true},
		{"'unit':'/party/3'", false},
		{"'type':'app.instance.created','unit':'/party/1'", true},
		{"'type':'app.instance','unit':'/party/1'", false},
		{"'source':'https://ttd.apps.altinn.no/ttd/apps-test'", true},
		{"'source':'https://ttd.apps.altinn.no/ttd/other'",
			true}, /* up to the last slash */
		{"'source':'https://ttd.apps.altinn.no/skd/apps-test'", false},
		{"'source':'https://skd.apps.altinn.no/ttd/apps-test'", false},
	};
	struct bud_event *event = make_event("app.instance.created",
		"https://ttd.apps.altinn.no/ttd/apps-test/instances/2/a",
		",'subject':'/party/2','resource':'urn:altinn:resource:app_ttd_apps-test'");

	(void)state;
	bud_event_set_main_subject(event, bud_span("/party/1"));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char filters[200];
		snprintf(filters, sizeof(filters), "[{'altinn':{%s}}]", cases[i].members);
		if (matches(filters, event) != cases[i].is_match)
			fail_msg("wrong: %s", filters);
	}
	bud_event_unref(event);
}

static void names_what_is_wrong(void **state)
{
	static const struct {
		const char *filters;
		const char *member;
		const char *text;
	} cases[] = {
		{"{}", "filters", "must be an array"},
		{"null", "filters", "must be an array"},
		{"[1]", "filters[0]", "one of exact"},
		{"[{}]", "filters[0]", "one of exact"},
		{"[{'exact':{'a':'b'},'prefix':{'a':'b'}}]", "filters[0]", "one of exact"},
		{"[{'exact':{}}]", "filters[0].exact", "at least one"},
		{"[{'exact':[]}]", "filters[0].exact", "at least one"},
		{"[{'exact':'x'}]", "filters[0].exact", "at least one"},
		{"[{'exact':{'type':''}}]", "filters[0].exact.type", "not be empty"},
		{"[{'exact':{'type':1}}]", "filters[0].exact.type", "must be a text"},
		{"[{'exact':{'type':null}}]", "filters[0].exact.type", "must be a text"},
		{"[{'exact':{'':'x'}}]", "filters[0].exact.", "names no attribute"},
		{"[{'prefix':{'Type':'x'}}]", "filters[0].prefix.Type", "names no attribute"},
		{"[{'suffix':{'data':'x'}}]", "filters[0].suffix.data", "names no attribute"},
		{"[{'exact':{'a':'b'}},{'regex':'a'}]", "filters[1].regex",
			"exact, prefix, suffix, altinn, sql, all, any, not"},
		{"[{'sql':{'type':'a'}}]", "filters[0].sql", "must be a text"},
		{"[{'sql':''}]", "filters[0].sql", "must be a text"},
		{"[{'sql':'type = '}]", "filters[0].sql", "at byte 7"},
		{"[{'not':{'sql':'(TRUE'}}]", "filters[0].not.sql", "at byte 5"},
		{"[{'sql':'NOSUCH(type)'}]", "filters[0].sql", "at byte 0"},
		{"[{'altinn':{'source':'/ttd/app'}}]", "filters[0].altinn.source", "absolute URL"},
		{"[{'altinn':{'id':'x'}}]", "filters[0].altinn.id", "is unknown"},
		{"[{'not':{'altinn':{'unit':'x'}}}]", "filters[0].not.altinn.unit", "below"},
		{"[{'not':{'any':[{'sql':'TRUE'},{'not':{'altinn':{'type':'t','unit':'x'}}}]}}]",
			"filters[0].not.any[1].not.altinn.unit", "below"},
		{"[{'altinn':{'type':''}}]", "filters[0].altinn.type", "not be empty"},
		{"[{'Exact':{'a':'b'}}]", "filters[0].Exact", "no known dialect"},
		{"[{'all':[]}]", "filters[0].all", "at least one"},
		{"[{'any':{'exact':{'a':'b'}}}]", "filters[0].any", "at least one"},
		{"[{'not':[{'exact':{'a':'b'}}]}]", "filters[0].not", "one filter"},
		{"[{'not':{}}]", "filters[0].not", "one of exact"},
		{"[{'all':[{'exact':{'a':'b'}},{'exact':{'type':2}}]}]",
			"filters[0].all[1].exact.type", "must be a text"},
		{"[{'not':{'any':[{'all':[{'nor':1}]}]}}]", "filters[0].not.any[0].all[0].nor",
			"no known dialect"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct bud_filter *filter = (struct bud_filter *)1;
		struct bud_error error;
		assert_int_equal(compile(cases[i].filters, &filter, &error), -EINVAL);
		assert_ptr_equal(filter, (struct bud_filter *)1);
		assert_string_equal(error.member, cases[i].member);
		if (!strstr(error.text, cases[i].text))
			fail_msg("%s: %s", cases[i].filters, error.text);
	}
}

static int compile_nested(size_t depth)
{
	struct bud_buffer text = {0};
	struct bud_filter *filter = NULL;
	struct bud_error error;
	int r;

	bud_buffer_text(&text, "[");
	for (size_t i = 1; i < depth; i++)
		bud_buffer_text(&text, "{'not':");
	bud_buffer_text(&text, "{'exact':{'type':'a'}}");
	for (size_t i = 1; i < depth; i++)
		bud_buffer_text(&text, "}");
	bud_buffer_text(&text, "]");
	r = compile(text.at, &filter, &error);
	bud_buffer_finish(&text);
	bud_filter_destroy(filter);
	return r;
}

static int compile_wide(size_t pairs)
{
	struct bud_buffer text = {0};
	struct bud_filter *filter = NULL;
	struct bud_error error;
	int r;

	bud_buffer_text(&text, "[{'exact':{");
	for (size_t i = 0; i < pairs; i++)
		bud_buffer_format(&text, "%s'a%zu':'v'", i ? "," : "", i);
	bud_buffer_text(&text, "}}]");
	r = compile(text.at, &filter, &error);
	bud_buffer_finish(&text);
	bud_filter_destroy(filter);
	return r;
}

static int compile_long(size_t len)
{
	struct bud_buffer text = {0};
	struct bud_filter *filter = NULL;
	struct bud_error error;
	int r;

	bud_buffer_text(&text, "[{'exact':{'type':'");
	for (size_t i = 0; i < len; i++)
		bud_buffer_byte(&text, 'x');
	bud_buffer_text(&text, "'}}]");
	r = compile(text.at, &filter, &error);
	bud_buffer_finish(&text);
	bud_filter_destroy(filter);
	return r;
}

static void keeps_its_limits(void **state)
{
	(void)state;
	assert_int_equal(compile_nested(BUD_FILTER_DEPTH_MAX), 0);
	assert_int_equal(compile_nested(BUD_FILTER_DEPTH_MAX + 1), -EINVAL);
	assert_int_equal(compile_wide(BUD_FILTER_NODES_MAX), 0);
	assert_int_equal(compile_wide(BUD_FILTER_NODES_MAX + 1), -EINVAL);
	assert_int_equal(compile_long(BUD_FILTER_TEXT_MAX), 0);
	assert_int_equal(compile_long(BUD_FILTER_TEXT_MAX + 1), -EINVAL);
}

/* An error makes an expression fail, wherever it is, and so does what is no boolean (specs C3.6,
 * C3.7). */
static void decides_by_expressions(void **state)
{
	static const struct {
		const char *filters;
		bool is_match;
	} cases[] = {
		{"[{'sql':'TRUE'}]", true},
		{"[{'sql':'type = \\'a.b\\''}]", true},
		{"[{'sql':'type = \\'a.c\\''}]", false},
		{"[{'sql':'type LIKE \\'a.%\\' AND source IN (\\'/y\\', \\'/x\\')'}]", true},
		{"[{'sql':'number = 5'}]", true},
		{"[{'sql':'number + 1 = 6 AND flag'}]", true},
		{"[{'sql':'NOT flag'}]", false},
		{"[{'sql':'number'}]", false},
		{"[{'sql':'EXISTS subject'}]", false},
		{"[{'sql':'NOT EXISTS subject'}]", true},
		{"[{'sql':'subject = \\'s\\''}]", false},
		{"[{'sql':'NOT (subject = \\'s\\')'}]", false},
		{"[{'not':{'sql':'subject = \\'s\\''}}]", true},
		{"[{'sql':'number / 0 = 0'}]", false},
		{"[{'not':{'sql':'number / 0 = 0'}}]", true},
		{"[{'any':[{'sql':'flag = FALSE'},{'sql':'number > 4'}]},{'exact':{'id':'e1'}}]",
			true},
		{"[{'sql':'CONCAT(type, number) = \\'a.b5\\''}]", true},
	};
	struct bud_event *event =
		make_event("a.b", "/x", ",'number':5,'flag':true,'data':{'subject':'s'}");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (matches(cases[i].filters, event) != cases[i].is_match)
			fail_msg("wrong: %s", cases[i].filters);
	bud_event_unref(event);
}

static void needs(const char *filters, const char *attribute, const char *value)
{
	struct bud_filter *filter = NULL;
	struct bud_error error;
	struct bud_span span;

	assert_int_equal(compile(filters, &filter, &error), 0);
	span = bud_filter_needs(filter, attribute);
	if (!(value ? bud_span_is(span, value) : span.at == NULL))
		fail_msg("%s needs another %s", filters, attribute);
	bud_filter_destroy(filter);
}

static void tells_what_an_index_may_rely_on(void **state)
{
	(void)state;
	needs("[]", "type", NULL);
	needs("[{'exact':{'type':'a','source':'b'}}]", "type", "a");
	needs("[{'exact':{'type':'a','source':'b'}}]", "source", "b");
	needs("[{'exact':{'type':'a'}}]", "source", NULL);
	needs("[{'altinn':{'type':'a','unit':'b'}}]", "type", "a");
	needs("[{'altinn':{'type':'a','unit':'b'}}]", "subject", "b");
	needs("[{'altinn':{'source':'https://h/a'}}]", "source", NULL);
	needs("[{'prefix':{'type':'a'}}]", "type", NULL);
	needs("[{'all':[{'prefix':{'type':'a'}},{'exact':{'type':'ab'}}]}]", "type", "ab");
	needs("[{'any':[{'exact':{'type':'a'}}]}]", "type", "a");
	needs("[{'any':[{'exact':{'type':'a'}},{'exact':{'type':'b'}}]}]", "type", NULL);
	needs("[{'not':{'exact':{'type':'a'}}}]", "type", NULL);
	needs("[{'not':{'all':[{'exact':{'type':'a'}}]}}]", "type", NULL);
	needs("[{'any':[{'all':[{'exact':{'type':'a'}}]},{'exact':{'id':'b'}}]}]", "type", NULL);
	needs("[{'sql':'type = \\'a\\' AND EXISTS subject'}]", "type", "a");
	needs("[{'sql':'type = \\'a\\' OR EXISTS subject'}]", "type", NULL);
	needs("[{'sql':'type IN (\\'a\\', \\'b\\')'}]", "type", NULL);
	needs("[{'not':{'sql':'type = \\'a\\''}}]", "type", NULL);
}

static struct bud_filter *make(const char *filters)
{
	struct bud_filter *filter = NULL;
	struct bud_error error;

	if (compile(filters, &filter, &error) < 0)
		fail_msg("%s: %s", filters, error.text);
	return filter;
}

static void names_notices(void **state)
{
	static const struct {
		const char *filters;
		bool names_them;
	} cases[] = {
		{"[{'exact':{'type':'no.budstikke.delivery.dead'}}]", true},
		{"[{'any':[{'exact':{'type':'a'}},{'prefix':{'type':'no.budstikke.'}}]}]", true},
		{"[{'prefix':{'type':'no.'}}]", false},
		{"[{'prefix':{'type':'no.budstikke'}}]", true},
		{"[{'sql':'type LIKE \\'no.budstikke%\\''}]", true},
		{"[{'sql':'type = \\'no.budstikke.delivery.dead\\''}]", true},
		{"[{'sql':'type LIKE \\'no.budstikke.%\\''}]", true},
		{"[{'sql':'type LIKE \\'no.%\\''}]", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct bud_filter *filter = make(cases[i].filters);
		if (bud_filter_names_notices(filter) != cases[i].names_them)
			fail_msg("wrong: %s", cases[i].filters);
		bud_filter_destroy(filter);
	}
	assert_false(bud_filter_names_notices(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decides_by_attributes),
		cmocka_unit_test(decides_as_altinn_does),
		cmocka_unit_test(decides_by_expressions),
		cmocka_unit_test(names_notices),
		cmocka_unit_test(names_what_is_wrong),
		cmocka_unit_test(keeps_its_limits),
		cmocka_unit_test(tells_what_an_index_may_rely_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
