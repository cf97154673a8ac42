/* The first route that fits path and method answers; HEAD goes to GET; Allow lists each method
 * once; a parameter is one whole segment that is not empty. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "http/route.h"

static const struct bud_route first[] = {
	{"POST", "/events", NULL, 0, 0},
	{"GET", "/subscriptions/export", NULL, 0, 0},
	{"GET", "/subscriptions/{id}", NULL, 0, 0},
	{"DELETE", "/subscriptions/{id}", NULL, 0, 0},
	{"GET", "/subscriptions/{id}/parts/{part}", NULL, 0, 0},
};
static const struct bud_route second[] = {
	{"GET", "/subscriptions/{id}", NULL, 0, 0},
	{"PUTS", "/subscriptions/{id}", NULL, 0, 0},
	{"PUT", "/subscriptions/{id}", NULL, 0, 0},
	{"GET", "/", NULL, 0, 0},
};
static int contexts[2];
static const struct bud_route_table tables[] = {
	{first, sizeof(first) / sizeof(first[0]), &contexts[0]},
	{second, sizeof(second) / sizeof(second[0]), &contexts[1]},
};

static enum bud_route_result find(
	const char *method, const char *path, struct bud_route_match *out_match)
{
	return bud_route_find(tables, 2, bud_span(method), bud_span(path), out_match);
}

static void test_finds(void **state)
{
	struct bud_route_match match;

	(void)state;
	assert_int_equal(BUD_ROUTE_FOUND, find("POST", "/events", &match));
	assert_ptr_equal(&first[0], match.route);
	assert_ptr_equal(&contexts[0], match.context);
	assert_int_equal(BUD_ROUTE_FOUND, find("GET", "/subscriptions/export", &match));
	assert_ptr_equal(&first[1], match.route);
	assert_int_equal(BUD_ROUTE_FOUND, find("HEAD", "/subscriptions/exports", &match));
	assert_ptr_equal(&first[2], match.route);
	assert_int_equal(1, match.n_parameters);
	assert_true(bud_span_is(match.parameters[0], "exports"));
	assert_int_equal(BUD_ROUTE_FOUND, find("GET", "/subscriptions/%2F/parts/b", &match));
	assert_ptr_equal(&first[4], match.route);
	assert_true(bud_span_is(match.parameters[0], "%2F"));
	assert_true(bud_span_is(match.parameters[1], "b"));
	assert_int_equal(BUD_ROUTE_FOUND, find("PUT", "/subscriptions/a", &match));
	assert_ptr_equal(&second[2], match.route);
	assert_ptr_equal(&contexts[1], match.context);
	assert_int_equal(BUD_ROUTE_FOUND, find("GET", "/", &match));
}

static void test_finds_nothing(void **state)
{
	static const char *const paths[] = {"", "*", "/event", "/events/", "/eventss", "/EVENTS",
		"//events", "/subscriptions", "/subscriptions/", "/subscriptions/a/",
		"/subscriptions/a/parts", "/subscriptions/a/parts/", "/subscriptions//parts/b",
		"/subscriptions/a/parts/b/c"};
	struct bud_route_match match;

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_int_equal(BUD_ROUTE_NO_PATH, find("GET", paths[i], &match));
	assert_int_equal(BUD_ROUTE_NO_METHOD, find("GET", "/events", &match));
	assert_int_equal(BUD_ROUTE_NO_METHOD, find("HEAD", "/events", &match));
	assert_int_equal(BUD_ROUTE_NO_METHOD, find("PU", "/subscriptions/a", &match));
	assert_int_equal(BUD_ROUTE_NO_METHOD, find("OPTIONS", "/events", &match));
}

static void test_star_is_any_path(void **state)
{
	static const struct bud_route star = {"POST", "*", NULL, 0, 0};
	static const struct bud_route_table table = {&star, 1, NULL};
	static const char *const paths[] = {"/", "/a", "/a/", "//a/b/c/d/e/f"};
	struct bud_route_match match;

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		assert_int_equal(BUD_ROUTE_FOUND,
			bud_route_find(&table, 1, bud_span("POST"), bud_span(paths[i]), &match));
		assert_int_equal(0, match.n_parameters);
		assert_int_equal(BUD_ROUTE_NO_METHOD,
			bud_route_find(&table, 1, bud_span("GET"), bud_span(paths[i]), &match));
	}
}

static void allow_is(const char *path, const char *allow)
{
	bud_auto(buffer) struct bud_buffer out = {0};

	bud_buffer_text(&out, "Allow: PUT");
	bud_route_write_allow(tables, 2, bud_span(path), &out);
	assert_string_equal(allow, out.at + strlen("Allow: PUT"));
}

static void test_allow(void **state)
{
	(void)state;
	allow_is("/events", "POST, OPTIONS");
	allow_is("/subscriptions/a", "GET, HEAD, DELETE, PUTS, PUT, OPTIONS");
	allow_is("/", "GET, HEAD, OPTIONS");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds),
		cmocka_unit_test(test_finds_nothing),
		cmocka_unit_test(test_star_is_any_path),
		cmocka_unit_test(test_allow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
