/* The query of GET /events: the narrowest attribute that is indexed is looked up and the others are
 * looked at; what is wrong is named; the link to the next page asks for the same. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "api/pull_query.h"
#include "core/error.h"
#include "http/request.h"

static int parse(unsigned kinds, const char *query, const char *accept, struct bud_pull_ask *ask,
	struct bud_error *error)
{
	struct bud_header header = {bud_span("Accept"), bud_span(accept)};
	struct bud_request request = {.query = bud_span(query), .headers = &header, .n_headers = 1};

	*error = (struct bud_error){0};
	return bud_pull_ask_parse(ask, &request, kinds, error);
}

static void test_what_is_asked_for(void **state)
{
	struct bud_error error;
	struct bud_pull_ask ask;

	(void)state;
	assert_int_equal(0, parse(BUD_INDEX_ALL,
				    "resource=urn:r&subject=%2Fparty%2F1&type=a&type=b.*&source=s&"
				    "from=2026-11-01T00:00:00Z&to=2026-11-02T00:00:00Z&after=abc&"
				    "size=7&wait_ms=30000&format=ndjson",
				    "*/*", &ask, &error));
	assert_int_equal(BUD_INDEX_SUBJECT, ask.kind);
	assert_true(bud_span_is(ask.value, "/party/1"));
	assert_true(bud_span_is(ask.filter.attributes[BUD_INDEX_RESOURCE], "urn:r"));
	assert_null(ask.filter.attributes[BUD_INDEX_SUBJECT].at);
	assert_int_equal(2, ask.filter.types_n);
	assert_true(bud_span_is(ask.filter.types[1].text, "b.*"));
	assert_int_equal(BUD_READ_PREFIX, ask.filter.types[1].mode);
	assert_int_equal(1, ask.filter.sources_n);
	assert_true(ask.filter.to_ms - ask.filter.from_ms == 86400000);
	assert_true(bud_span_is(ask.after, "abc"));
	assert_int_equal(7, ask.size);
	assert_int_equal(30000, ask.wait_ms);
	assert_int_equal(BUD_PULL_LINES, ask.format);
	bud_pull_ask_finish(&ask);
}

static void test_which_index(void **state)
{
	static const char both[] = "subject=s&resource=r";
	struct bud_error error;
	struct bud_pull_ask ask;

	(void)state;
	assert_int_equal(0, parse(1u << BUD_INDEX_RESOURCE, both, "", &ask, &error));
	assert_int_equal(BUD_INDEX_RESOURCE, ask.kind);
	assert_true(bud_span_is(ask.filter.attributes[BUD_INDEX_SUBJECT], "s"));
	assert_int_equal(50, ask.size);
	assert_null(ask.after.at);
	bud_pull_ask_finish(&ask);
	assert_int_equal(0, parse(BUD_INDEX_ALL, "resourceinstance=i&subject=s", "", &ask, &error));
	assert_int_equal(BUD_INDEX_RESOURCEINSTANCE, ask.kind);
	bud_pull_ask_finish(&ask);
	assert_int_equal(
		-EOPNOTSUPP, parse(1u << BUD_INDEX_RESOURCE, "subject=s", "", &ask, &error));
	bud_pull_ask_finish(&ask);
	assert_int_equal(-EOPNOTSUPP, parse(0, both, "", &ask, &error));
	bud_pull_ask_finish(&ask);
}

static void test_formats(void **state)
{
	static const struct {
		const char *query;
		const char *accept;
		enum bud_pull_format format;
	} cases[] = {
		{"resource=r", "", BUD_PULL_JSON},
		{"resource=r", "application/json", BUD_PULL_JSON},
		{"resource=r", "application/x-ndjson", BUD_PULL_LINES},
		{"resource=r", "Application/CloudEvents-Batch+JSON", BUD_PULL_BATCH},
		{"resource=r&format=json", "application/x-ndjson", BUD_PULL_JSON},
		{"resource=r&format=batch", "", BUD_PULL_BATCH},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bud_error error;
		struct bud_pull_ask ask;
		assert_int_equal(
			0, parse(BUD_INDEX_ALL, cases[i].query, cases[i].accept, &ask, &error));
		assert_int_equal(cases[i].format, ask.format);
		bud_pull_ask_finish(&ask);
	}
}

static void test_refusals(void **state)
{
	static const struct {
		const char *query;
		const char *member;
	} cases[] = {
		{"", "resource"},
		{"type=a", "resource"},
		{"resource=", "resource"},
		{"subject=a&subject=b", "subject"},
		{"resource=a&type=", "type"},
		{"resource=a&source=", "source"},
		{"resource=a&after=", "after"},
		{"resource=a&after=b&after=c", "after"},
		{"resource=a&size=0", "size"},
		{"resource=a&size=1001", "size"},
		{"resource=a&size=5&size=5", "size"},
		{"resource=a&wait_ms=30001", "wait_ms"},
		{"resource=a&wait_ms=1&wait_ms=1", "wait_ms"},
		{"resource=a&from=now", "from"},
		{"resource=a&from=2026-11-01T00:00:00Z&from=2026-11-01T00:00:00Z", "from"},
		{"resource=a&from=2026-11-01T00:00:00Z&to=2026-11-01T00:00:00Z", "to"},
		{"resource=a&format=xml", "format"},
		{"resource=a&format=json&format=json", "format"},
		{"resource=a&person=1", "person"},
		{"resource=%zz", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bud_error error;
		struct bud_pull_ask ask;
		if (parse(BUD_INDEX_ALL, cases[i].query, "", &ask, &error) != -EINVAL)
			fail_msg("%s is taken", cases[i].query);
		assert_string_equal(cases[i].member, error.member);
		assert_true(error.text[0] != '\0');
		bud_pull_ask_finish(&ask);
	}
}

static void test_at_most_so_many_patterns(void **state)
{
	char query[2048] = "resource=a";
	struct bud_error error;
	struct bud_pull_ask ask;

	(void)state;
	for (unsigned i = 0; i < BUD_PULL_PATTERNS_MAX; i++)
		strcat(query, "&type=t&source=s");
	assert_int_equal(0, parse(BUD_INDEX_ALL, query, "", &ask, &error));
	bud_pull_ask_finish(&ask);
	strcat(query, "&type=t");
	assert_int_equal(-EINVAL, parse(BUD_INDEX_ALL, query, "", &ask, &error));
	bud_pull_ask_finish(&ask);
}

static void next(const char *query, const char *want)
{
	struct bud_request request = {.path = bud_span("/events"), .query = bud_span(query)};
	bud_auto(buffer) struct bud_buffer link = {0};

	bud_pull_write_next(&link, &request, "NEW");
	assert_string_equal(want, link.at);
}

static void test_next(void **state)
{
	(void)state;
	next("resource=a", "</events?resource=a&after=NEW>; rel=\"next\"");
	next("after=old&resource=%2Fa+b&&type=c", "</events?resource=%2Fa+b&type=c&after=NEW>; "
						  "rel=\"next\"");
	next("resource=a&%61fter=old", "</events?resource=a&after=NEW>; rel=\"next\"");
	next("resource=after&afters=1", "</events?resource=after&afters=1&after=NEW>; "
					"rel=\"next\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_asked_for),
		cmocka_unit_test(test_which_index),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_at_most_so_many_patterns),
		cmocka_unit_test(test_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
