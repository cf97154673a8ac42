/* Filters as an index sees them: what is written in another way is equal, a cover holds for what
 * matches and has its bound, and source and types are part of it. */
#include "subscription/make.h"

#include <errno.h>
#include <jansson.h>

#include "core/limits.h"
#include "subscription/filter.h"

static struct bud_filter *make(const char *filters)
{
	char *json = make_json(filters);
	json_t *root = json_loads(json, JSON_DECODE_ANY, NULL);
	struct bud_filter *filter = NULL;
	struct bud_error error = {0};

	assert_non_null(root);
	if (bud_filter_compile(root, &filter, &error) < 0)
		fail_msg("%s: %s", filters, error.text);
	json_decref(root);
	free(json);
	return filter;
}

static void tells_what_is_equal(void **state)
{
	static const struct {
		const char *one;
		const char *other;
		bool are_equal;
	} cases[] = {
		{"[{'exact':{'type':'a'}}]", "[{'exact':{'type':'a'}}]", true},
		{"[{'exact':{'type':'a'}}]", "[{'exact':{'type':'b'}}]", false},
		{"[{'exact':{'type':'a'}}]", "[{'prefix':{'type':'a'}}]", false},
		{"[{'exact':{'type':'a'}}]", "[{'exact':{'source':'a'}}]", false},
		{"[{'exact':{'ab':'c'}}]", "[{'exact':{'a':'bc'}}]", false},
		{"[{'exact':{'type':'a','source':'b'}}]", "[{'exact':{'source':'b','type':'a'}}]",
			true},
		{"[{'exact':{'type':'a','source':'b'}}]",
			"[{'exact':{'source':'b'}},{'exact':{'type':'a'}}]", true},
		{"[{'exact':{'type':'a','source':'b'}}]",
			"[{'all':[{'exact':{'source':'b'}},{'all':[{'exact':{'type':'a'}},"
			"{'exact':{'source':'b'}}]}]}]",
			true},
		{"[{'any':[{'exact':{'type':'a'}},{'exact':{'type':'b'}}]}]",
			"[{'any':[{'exact':{'type':'b'}},{'any':[{'exact':{'type':'a'}}]}]}]",
			true},
		{"[{'any':[{'exact':{'type':'a'}},{'exact':{'type':'b'}}]}]",
			"[{'all':[{'exact':{'type':'a'}},{'exact':{'type':'b'}}]}]", false},
		{"[{'any':[{'exact':{'type':'a'}}]}]", "[{'exact':{'type':'a'}}]", true},
		{"[{'not':{'not':{'exact':{'type':'a'}}}}]", "[{'exact':{'type':'a'}}]", true},
		{"[{'not':{'exact':{'type':'a'}}}]", "[{'exact':{'type':'a'}}]", false},
		{"[{'not':{'not':{'not':{'exact':{'type':'a'}}}}}]",
			"[{'not':{'exact':{'type':'a'}}}]", true},
		{"[{'not':{'any':[{'suffix':{'x':'1'}},{'prefix':{'x':'2'}}]}}]",
			"[{'not':{'any':[{'prefix':{'x':'2'}},{'suffix':{'x':'1'}}]}}]", true},
		{"[{'any':[{'all':[{'exact':{'a':'1'}},{'suffix':{'b':'2'}}]},{'exact':{'c':'3'}}]}]",
			"[{'any':[{'exact':{'c':'3'}},{'all':[{'suffix':{'b':'2'}},{'exact':{'a':'1'}}"
			"]}]}]",
			true},
		{"[{'altinn':{'type':'a','subject':'b'}}]",
			"[{'exact':{'type':'a','subject':'b'}}]", true},
		{"[{'altinn':{'unit':'b'}}]", "[{'altinn':{'subject':'b'}}]", false},
		{"[{'sql':'type=\\'a\\''}]", "[{'sql':'  (type = \\'a\\')'}]", true},
		{"[{'sql':'type=\\'a\\''}]", "[{'sql':'type=\\'b\\''}]", false},
		{"[{'sql':'type=\\'a\\''}]", "[{'exact':{'type':'a'}}]", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct bud_filter *one = make(cases[i].one);
		struct bud_filter *other = make(cases[i].other);
		bool have_same_bytes =
			bud_span_equals(bud_filter_bytes(one), bud_filter_bytes(other));
		if (bud_filter_equals(one, other) != cases[i].are_equal)
			fail_msg("wrong: %s %s", cases[i].one, cases[i].other);
		assert_true(!cases[i].are_equal || have_same_bytes);
		bud_filter_destroy(one);
		bud_filter_destroy(other);
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *write_literals(const struct bud_literal *literals, size_t n)
{
	static const char *const signs[] = {"=", "^", "/"};
	char *parts[BUD_COVER_LITERALS_MAX];
	struct bud_buffer out = {0};

	for (size_t i = 0; i < n; i++) {
		struct bud_buffer part = {0};
		bud_buffer_span(&part, literals[i].name);
		bud_buffer_text(&part, signs[literals[i].kind]);
		bud_buffer_span(&part, literals[i].value);
		parts[i] = part.at;
	}
	qsort(parts, n, sizeof(*parts), by_text);
	for (size_t i = 0; i < n; i++) {
		bud_buffer_format(&out, "%s%s", i ? " " : "", parts[i]);
		free(parts[i]);
	}
	return out.at;
}

/* The alternatives, and the literals of each, in order of their text. */
static char *write_cover(const struct bud_filter *filter)
{
	struct bud_literal literals[BUD_COVER_LITERALS_MAX];
	char *alternatives[BUD_TYPES_MAX];
	struct bud_buffer out = {0};
	size_t position = 0;
	size_t n = 0;
	size_t n_literals;

	while ((n_literals = bud_filter_cover_next(filter, &position, literals)))
		alternatives[n++] = write_literals(literals, n_literals);
	assert_int_equal(n, bud_filter_cover_n(filter));
	qsort(alternatives, n, sizeof(*alternatives), by_text);
	bud_buffer_text(&out, "");
	for (size_t i = 0; i < n; i++) {
		bud_buffer_format(&out, "%s%s", i ? ", " : "", alternatives[i]);
		free(alternatives[i]);
	}
	return out.at;
}

static void has_a_cover(void **state)
{
	static const struct {
		const char *filters;
		const char *cover;
		bool is_whole;
	} cases[] = {
		{"[{'exact':{'type':'a','subject':'b'}}]", "subject=b type=a", true},
		{"[{'prefix':{'type':'a'}}]", "type^a", false},
		{"[{'suffix':{'type':'a'}}]", "", false},
		{"[{'not':{'exact':{'type':'a'}}}]", "", false},
		{"[{'altinn':{'source':'https://h/a','unit':'u'}}]", "source/https://h/a subject=u",
			false},
		{"[{'exact':{'type':'a'}},{'suffix':{'subject':'b'}}]", "type=a", false},
		{"[{'exact':{'type':'a'}},{'not':{'exact':{'subject':'b'}}}]", "type=a", false},
		{"[{'any':[{'exact':{'type':'a'}},{'exact':{'type':'b'}}]}]", "type=a, type=b",
			true},
		{"[{'any':[{'exact':{'type':'a'}},{'suffix':{'type':'b'}}]}]", "", false},
		{"[{'any':[{'exact':{'type':'a'}},{'exact':{'type':'b'}}]},{'exact':{'x':'1'}}]",
			"type=a x=1, type=b x=1", true},
		{"[{'any':[{'exact':{'type':'a'}},{'exact':{'type':'b'}}]},"
		 "{'any':[{'exact':{'x':'1'}},{'prefix':{'y':'2'}}]}]",
			"type=a x=1, type=a y^2, type=b x=1, type=b y^2", false},
		{"[{'any':[{'all':[{'exact':{'type':'a'}},{'exact':{'x':'1'}}]},"
		 "{'all':[{'any':[{'exact':{'y':'1'}},{'exact':{'y':'2'}}]},"
		 "{'not':{'exact':{'z':'1'}}}]}]}]",
			"type=a x=1, y=1, y=2", false},
		{"[{'prefix':{'type':'ab'}},{'prefix':{'type':'abc'}},{'prefix':{'type':'a'}}]",
			"type^abc", false},
		{"[{'prefix':{'type':'ab'}},{'exact':{'type':'abc'}}]", "type=abc", false},
		{"[{'sql':'type = \\'a\\' AND subject IN (\\'b\\', \\'c\\') AND source LIKE "
		 "\\'/x%\\''}]",
			"source^/x subject=b type=a, source^/x subject=c type=a", false},
		{"[{'sql':'type = \\'a\\' AND NOT flag'},{'exact':{'subject':'b'}}]",
			"subject=b type=a", false},
		{"[{'any':[{'sql':'type = \\'a\\' AND flag'},{'exact':{'subject':'b'}}]}]",
			"subject=b, type=a", false},
		{"[{'sql':'NOT (type = \\'a\\')'}]", "", false},
		{"[{'sql':'type = \\'a\\' OR flag'}]", "", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct bud_filter *filter = make(cases[i].filters);
		char *cover = write_cover(filter);
		assert_string_equal(cover, cases[i].cover);
		assert_int_equal(bud_filter_is_covered(filter), cases[i].is_whole);
		bud_filter_destroy(filter);
		free(cover);
	}
}

/* `n` alternatives of one attribute, and `more` behind them. */
static struct bud_filter *make_any(size_t n, const char *more)
{
	struct bud_buffer text = {0};
	struct bud_filter *filter;

	bud_buffer_text(&text, "[{'any':[");
	for (size_t i = 0; i < n; i++)
		bud_buffer_format(&text, "%s{'exact':{'x':'%zu'}}", i ? "," : "", i);
	bud_buffer_format(&text, "]}%s]", more);
	filter = make(text.at);
	bud_buffer_finish(&text);
	return filter;
}

static void a_cover_has_a_bound(void **state)
{
	static const struct {
		size_t n;
		const char *more;
		size_t alternatives;
		bool is_wide;
	} cases[] = {
		{BUD_FILTER_POSTINGS_MAX, "", BUD_FILTER_POSTINGS_MAX, false},
		{BUD_FILTER_POSTINGS_MAX + 1, "", 0, true},
		{BUD_FILTER_POSTINGS_MAX + 1, ",{'exact':{'type':'a'}}", 1, false},
		{BUD_FILTER_POSTINGS_MAX, ",{'exact':{'type':'a'}}", BUD_FILTER_POSTINGS_MAX,
			false},
		{20, ",{'any':[{'exact':{'type':'a'}},{'exact':{'type':'b'}}]}", 0, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct bud_filter *filter = make_any(cases[i].n, cases[i].more);
		size_t n = bud_filter_cover_n(filter);
		if (cases[i].alternatives || cases[i].is_wide)
			assert_int_equal(n, cases[i].alternatives);
		else
			assert_true(n == 20 || n == 2); /* one of both */
		assert_int_equal(bud_filter_is_wide(filter), cases[i].is_wide);
		bud_filter_destroy(filter);
	}
}

/* Nothing is filed for what stands below a not, so no number of alternatives is too many there. */
static void a_not_is_not_wide(void **state)
{
	static const struct {
		const char *head;
		const char *tail;
		bool is_wide;
	} cases[] = {
		{"[{'not':", "}]", false},
		{"[{'not':{'not':", "}}]", true},
		{"[{'any':[", ",{'not':{'exact':{'y':'1'}}}]}]", false},
		{"[{'any':[{'all':[{'suffix':{'y':'1'}},", "]},{'exact':{'y':'1'}}]}]", true},
		{"[{'any':[{'all':[{'suffix':{'y':'1'}},", "]},{'suffix':{'y':'2'}}]}]", false},
		{"[{'all':[{'suffix':{'y':'1'}},", "]}]", true},
		{"[{'all':[{'exact':{'y':'1'}},", "]}]", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct bud_buffer text = {0};
		struct bud_filter *filter;
		bud_buffer_format(&text, "%s{'any':[", cases[i].head);
		for (size_t j = 0; j <= BUD_FILTER_POSTINGS_MAX; j++)
			bud_buffer_format(&text, "%s{'exact':{'x':'%zu'}}", j ? "," : "", j);
		bud_buffer_format(&text, "]}%s", cases[i].tail);
		filter = make(text.at);
		if (bud_filter_is_wide(filter) != cases[i].is_wide)
			fail_msg("wrong: %s", text.at);
		bud_filter_destroy(filter);
		bud_buffer_finish(&text);
	}
}

static void source_and_types_are_part_of_it(void **state)
{
	char *types[BUD_TYPES_MAX];
	struct bud_filter_source source = {.source = "/x", .types = types, .n_types = 2};
	struct bud_filter *filter = NULL;
	struct bud_filter *other =
		make("[{'any':[{'exact':{'type':'t1'}},{'exact':{'type':'t0'}}]},"
		     "{'exact':{'source':'/x'}}]");
	struct bud_error error;

	(void)state;
	for (size_t i = 0; i < BUD_TYPES_MAX; i++) {
		struct bud_buffer type = {0};
		bud_buffer_format(&type, "t%zu", i);
		types[i] = type.at;
	}
	assert_int_equal(bud_filter_compile_all(&source, &filter, &error), 0);
	assert_true(bud_filter_equals(filter, other));
	assert_true(bud_span_is(bud_filter_needs(filter, "source"), "/x"));
	bud_filter_destroy(filter);
	bud_filter_destroy(other);
	source.source = NULL;
	source.n_types = BUD_TYPES_MAX;
	assert_int_equal(bud_filter_compile_all(&source, &filter, &error), 0);
	assert_int_equal(bud_filter_cover_n(filter), BUD_TYPES_MAX);
	bud_filter_destroy(filter);
	source.n_types = 0;
	assert_int_equal(bud_filter_compile_all(&source, &filter, &error), 0);
	assert_null(filter);
	for (size_t i = 0; i < BUD_TYPES_MAX; i++)
		free(types[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_what_is_equal),
		cmocka_unit_test(has_a_cover),
		cmocka_unit_test(a_cover_has_a_bound),
		cmocka_unit_test(a_not_is_not_wide),
		cmocka_unit_test(source_and_types_are_part_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
