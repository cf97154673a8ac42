/* A reply is one well-formed head with Date and, where a body may follow, its length; small bodies
 * go with the head, large ones are left to writev; problems are valid JSON whatever the text. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "core/error.h"
#include "http/answer.h"
#include "http/reply.h"

static const char date[] = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";

static void test_date(void **state)
{
	char out[BUD_ANSWER_DATE_BYTES];

	(void)state;
	bud_answer_write_date(784111777, out);
	assert_string_equal(date, out);
	bud_answer_write_date(0, out);
	assert_string_equal("Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n", out);
}

static void test_small_body_goes_along(void **state)
{
	bud_auto(buffer) struct bud_buffer out = {0};
	struct bud_answer answer = {202, "application/json", bud_span("X: y\r\n"), bud_span("{}")};
	struct bud_span rest;

	(void)state;
	rest = bud_answer_write(&out, &answer, date, true, true);
	assert_int_equal(0, rest.len);
	assert_string_equal("HTTP/1.1 202 Accepted\r\n"
			    "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
			    "Content-Type: application/json\r\n"
			    "Content-Length: 2\r\n"
			    "X: y\r\n"
			    "\r\n"
			    "{}",
		out.at);
	assert_int_equal(strlen(out.at), out.len);
	rest = bud_answer_write(&out, &answer, date, false, false);
	assert_int_equal(0, rest.len);
	assert_non_null(strstr(out.at, "Content-Length: 2\r\nConnection: close\r\nX: y\r\n\r\n"));
	assert_null(strstr(out.at, "{}"));
}

static void test_large_body_is_left(void **state)
{
	static const char body[5000] = "b";
	bud_auto(buffer) struct bud_buffer out = {0};
	struct bud_answer answer = {200, NULL, {NULL, 0}, {body, sizeof(body)}};
	struct bud_span rest;

	(void)state;
	rest = bud_answer_write(&out, &answer, date, true, true);
	assert_ptr_equal(body, rest.at);
	assert_int_equal(sizeof(body), rest.len);
	assert_non_null(strstr(out.at, "\r\nContent-Length: 5000\r\n\r\n"));
}

static void test_no_content_has_no_length(void **state)
{
	bud_auto(buffer) struct bud_buffer out = {0};
	struct bud_answer answer = {204, NULL, {NULL, 0}, {NULL, 0}};

	(void)state;
	(void)bud_answer_write(&out, &answer, date, true, true);
	assert_null(strstr(out.at, "Content-Length"));
	answer.status = 299;
	(void)bud_answer_write(&out, &answer, date, true, true);
	assert_memory_equal("HTTP/1.1 299 \r\n", out.at, 15);
	assert_non_null(strstr(out.at, "Content-Length: 0\r\n"));
}

static void test_problem(void **state)
{
	bud_auto(buffer) struct bud_buffer out = {0};
	struct bud_error error;

	(void)state;
	bud_error_set(&error, "source", "it \"is\" empty");
	bud_reply_write_problem(&out, 400, "bad-event", "Bad event", &error);
	assert_string_equal("{\"type\":\"https://budstikke.no/problems/bad-event\","
			    "\"title\":\"Bad event\",\"status\":400,"
			    "\"detail\":\"it \\\"is\\\" empty\",\"member\":\"source\"}",
		out.at);
	bud_buffer_clear(&out);
	bud_reply_write_problem(&out, 503, "unavailable", "Unavailable", NULL);
	assert_string_equal("{\"type\":\"https://budstikke.no/problems/unavailable\","
			    "\"title\":\"Unavailable\",\"status\":503}",
		out.at);
	bud_buffer_clear(&out);
	error.member[0] = '\0';
	memcpy(error.text, "cut \xc3", 6);
	bud_reply_write_problem(&out, 400, "x", "X", &error);
	assert_non_null(strstr(out.at, "\"detail\":\"cut ?\"}"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_date),
		cmocka_unit_test(test_small_body_goes_along),
		cmocka_unit_test(test_large_body_is_left),
		cmocka_unit_test(test_no_content_has_no_length),
		cmocka_unit_test(test_problem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
