/* Headers are found in any case; query parameters are decoded once, repeated ones are all seen, and
 * a fault in one does not hide another. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "http/percent.h"
#include "http/request.h"

static void test_headers(void **state)
{
	static const struct bud_header headers[] = {
		{{"If-Match", 8}, {"\"a\"", 3}},
		{{"if-match", 8}, {"\"b\"", 3}},
		{{"Empty", 5}, {"", 0}},
	};
	struct bud_request request = {.headers = headers, .n_headers = 3};

	(void)state;
	assert_true(bud_span_is(bud_request_header(&request, "iF-mAtCh"), "\"a\""));
	assert_non_null(bud_request_header(&request, "empty").at);
	assert_null(bud_request_header(&request, "if-matc").at);
}

static void query_is(const char *query, const char *name, int found, const char *value)
{
	bud_auto(buffer) struct bud_buffer out = {0};
	struct bud_request request = {.query = {query, query ? strlen(query) : 0}};

	bud_buffer_text(&out, "old");
	assert_int_equal(found, bud_request_query(&request, name, &out));
	if (found == 1)
		assert_string_equal(value, out.at);
	else
		assert_int_equal(0, out.len);
}

static void test_query(void **state)
{
	(void)state;
	query_is(NULL, "a", 0, NULL);
	query_is("", "a", 0, NULL);
	query_is("a=1&b=2", "b", 1, "2");
	query_is("a=1&a=2", "a", 1, "1");
	query_is("a", "a", 1, "");
	query_is("&&a=&", "a", 1, "");
	query_is("aa=1", "a", 0, NULL);
	query_is("a=b=c", "a", 1, "b=c");
	query_is("a=x+y%2Bz%20%c3%A6", "a", 1, "x y+z \xc3\xa6");
	query_is("%61=1", "a", 1, "1");
	query_is("a=%", "a", -EINVAL, NULL);
	query_is("a=%4", "a", -EINVAL, NULL);
	query_is("a=%4g", "a", -EINVAL, NULL);
	query_is("a=%00", "a", -EINVAL, NULL);
	query_is("a=%0a", "a", -EINVAL, NULL);
	query_is("a=%C0%A0", "a", -EINVAL, NULL);
	query_is("b=%zz&a=1", "a", 1, "1");
	query_is("%zz=1&a=1", "a", 1, "1");
}

static void test_all_parameters(void **state)
{
	bud_auto(buffer) struct bud_buffer name = {0};
	bud_auto(buffer) struct bud_buffer value = {0};
	bud_auto(buffer) struct bud_buffer all = {0};
	struct bud_request request = {.query = bud_span("type=a&x&type=b&y=%2")};
	size_t position = 0;
	int r;

	(void)state;
	while ((r = bud_request_query_next(&request, &position, &name, &value)) == 1)
		bud_buffer_format(&all, "%s:%s;", name.at, value.at);
	assert_int_equal(-EINVAL, r);
	assert_string_equal("type:a;x:;type:b;", all.at);
	assert_int_equal(0, bud_request_query_next(&request, &position, &name, &value));
}

static void test_percent_keeps_what_was_there(void **state)
{
	bud_auto(buffer) struct bud_buffer out = {0};

	(void)state;
	assert_int_equal(0, bud_percent_decode(bud_span("a+%41"), false, &out));
	assert_int_equal(-EINVAL, bud_percent_decode(bud_span("b%"), false, &out));
	assert_string_equal("a+A", out.at);
	assert_int_equal(3, out.len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_query),
		cmocka_unit_test(test_all_parameters),
		cmocka_unit_test(test_percent_keeps_what_was_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
