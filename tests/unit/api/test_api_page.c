/* A page is what the query says within its bounds; everything else is named and refused; the link
 * to the next page is read back as what it was written from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "api/page.h"
#include "core/error.h"
#include "http/request.h"

static const struct bud_page_rule rule = {"after", 100, 1000, false, false, false};
static const struct bud_page_rule full = {"offset", 50, 256, true, true, false};

static int parse(const char *query, struct bud_page *page, struct bud_error *error)
{
	struct bud_request request = {.query = bud_span(query)};

	*page = (struct bud_page){.size = 7, .start = 7};
	*error = (struct bud_error){0};
	return bud_page_parse(&request, &rule, page, error);
}

static void test_pages(void **state)
{
	static const struct {
		const char *query;
		struct {
			size_t size;
			uint64_t start;
		} page;
	} cases[] = {
		{"", {100, 0}},
		{"size=1", {1, 0}},
		{"size=1000", {1000, 0}},
		{"after=12&size=5", {5, 12}},
		{"&size=%35&", {5, 0}},
		{"after=9223372036854775807", {100, INT64_MAX}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bud_error error;
		struct bud_page page;
		assert_int_equal(0, parse(cases[i].query, &page, &error));
		assert_int_equal(cases[i].page.size, page.size);
		assert_int_equal(cases[i].page.start, page.start);
	}
}

static void test_refusals(void **state)
{
	static const struct {
		const char *query;
		const char *member;
	} cases[] = {
		{"size=0", "size"},
		{"size=1001", "size"},
		{"size=", "size"},
		{"size", "size"},
		{"size=-1", "size"},
		{"size=1.5", "size"},
		{"size=99999999999999999999", "size"},
		{"size=1&size=1", "size"},
		{"after=x", "after"},
		{"after=9223372036854775808", "after"},
		{"after=1&after=1", "after"},
		{"offset=1", "offset"},
		{"Size=1", "Size"},
		{"limit=5", "limit"},
		{"from=2026-11-22T02:45:00Z", "from"},
		{"format=json", "format"},
		{"=1", ""},
		{"size=%zz", ""},
		{"a%00=1", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bud_error error;
		struct bud_page page;
		assert_true(parse(cases[i].query, &page, &error) < 0);
		assert_string_equal(cases[i].member, error.member);
		assert_true(error.text[0] != '\0');
		assert_int_equal(7, page.size);
	}
}

static void test_next(void **state)
{
	bud_auto(buffer) struct bud_buffer link = {0};
	struct bud_page next = {.size = 25, .start = 40};
	struct bud_error error;
	struct bud_page page;

	(void)state;
	bud_page_write_next(&link, bud_span("/subscriptions"), &rule, &next);
	assert_string_equal("</subscriptions?size=25&after=40>; rel=\"next\"", link.at);
	*strchr(link.at, '>') = '\0';
	assert_int_equal(0, parse(strchr(link.at, '?') + 1, &page, &error));
	assert_int_equal(25, page.size);
	assert_int_equal(40, page.start);
}

static int parse_full(
	const char *query, const char *accept, struct bud_page *page, struct bud_error *error)
{
	const struct bud_header header = {bud_span("Accept"), bud_span(accept)};
	struct bud_request request = {.query = bud_span(query), .headers = &header, .n_headers = 1};

	*page = (struct bud_page){.size = 7, .start = 7};
	*error = (struct bud_error){0};
	return bud_page_parse(&request, &full, page, error);
}

static void test_ids(void **state)
{
	static const struct bud_page_rule by_id = {"after", 50, 100, false, false, true};
	static const char *const bad[] = {"", "g", "A", "0123456789abcdef-",
		"00000000000000000000000000000000000000000000000000000000000000000"};
	bud_auto(buffer) struct bud_buffer link = {0};
	struct bud_request request = {.query = bud_span("after=0ab9&size=2")};
	struct bud_error error;
	struct bud_page page;

	(void)state;
	assert_int_equal(0, bud_page_parse(&request, &by_id, &page, &error));
	assert_string_equal("0ab9", page.after);
	bud_page_write_next(&link, bud_span("/x"), &by_id, &page);
	assert_string_equal("</x?size=2&after=0ab9>; rel=\"next\"", link.at);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char query[100];
		snprintf(query, sizeof(query), "after=%s", bad[i]);
		request.query = bud_span(query);
		assert_true(bud_page_parse(&request, &by_id, &page, &error) < 0);
		assert_string_equal("after", error.member);
	}
}

static void test_times_and_formats(void **state)
{
	bud_auto(buffer) struct bud_buffer link = {0};
	struct bud_error error;
	struct bud_page page;

	(void)state;
	assert_int_equal(0, parse_full("", "*/*", &page, &error));
	assert_true(page.from_ms == 0 && page.to_ms == 0 && !page.is_lines);
	assert_string_equal("application/json", bud_page_type(&page));
	assert_int_equal(0, parse_full("", "application/x-ndjson;q=1", &page, &error));
	assert_true(page.is_lines);
	assert_int_equal(full.size_max, page.size);
	assert_int_equal(0, parse_full("format=ndjson&size=7", "", &page, &error));
	assert_int_equal(7, page.size);
	assert_int_equal(0, parse_full("format=json", "application/x-ndjson", &page, &error));
	assert_false(page.is_lines);
	assert_int_equal(full.size_default, page.size);
	assert_int_equal(
		0, parse_full("from=1970-01-01T00:00:01Z&to=1970-01-01T01:00:02%2B01:00&offset=3"
			      "&format=ndjson",
			   "*/*", &page, &error));
	assert_int_equal(1000, page.from_ms);
	assert_int_equal(2000, page.to_ms);
	assert_string_equal("application/x-ndjson", bud_page_type(&page));
	bud_page_write_next(&link, bud_span("/x"), &full, &page);
	assert_string_equal("</x?size=256&offset=3&from=1970-01-01T00:00:01.000Z"
			    "&to=1970-01-01T00:00:02.000Z&format=ndjson>; rel=\"next\"",
		link.at);
	*strchr(link.at, '>') = '\0';
	struct bud_page again;
	assert_int_equal(0, parse_full(strchr(link.at, '?') + 1, "", &again, &error));
	assert_true(again.from_ms == 1000 && again.to_ms == 2000 && again.is_lines);
}

static void test_bad_times_and_formats(void **state)
{
	static const struct {
		const char *query;
		const char *member;
	} cases[] = {
		{"from=", "from"},
		{"from=yesterday", "from"},
		{"from=1700000000", "from"},
		{"from=1960-01-01T00:00:00Z", "from"},
		{"from=2026-11-22T02:45:00", "from"},
		{"to=2026-11-22T02:45:00+01:00", "to"},
		{"to=2026-11-22T02:45:00Z&to=2026-11-22T02:45:00Z", "to"},
		{"from=2026-11-22T02:45:00Z&to=2026-11-22T02:45:00Z", "to"},
		{"from=2026-11-22T02:45:01Z&to=2026-11-22T02:45:00Z", "to"},
		{"format=xml", "format"},
		{"format=json&format=json", "format"},
		{"size=257", "size"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bud_error error;
		struct bud_page page;
		assert_true(parse_full(cases[i].query, "", &page, &error) < 0);
		assert_string_equal(cases[i].member, error.member);
		assert_int_equal(7, page.size);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_times_and_formats),
		cmocka_unit_test(test_bad_times_and_formats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
