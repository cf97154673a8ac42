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

static const struct bud_page_rule rule = {"after", 100, 1000};

static int parse(const char *query, struct bud_page *page, struct bud_error *error)
{
	struct bud_request request = {.query = bud_span(query)};

	*page = (struct bud_page){7, 7};
	*error = (struct bud_error){0};
	return bud_page_parse(&request, &rule, page, error);
}

static void test_pages(void **state)
{
	static const struct {
		const char *query;
		struct bud_page page;
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
	struct bud_page next = {25, 40};
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
