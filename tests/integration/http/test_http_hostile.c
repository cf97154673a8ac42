/* What smugglers, slow clients and broken ones send gets its status as a problem and, where the end
 * of the message is in doubt, a closed connection; and what only looks odd still passes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "http_rig.h"

#define TEXT(literal) ((struct bud_span){literal, sizeof(literal) - 1})
#define EVENT         "POST /events HTTP/1.1\r\nHost: a\r\n"
#define UPLOAD        "POST /echo HTTP/1.1\r\nHost: a\r\n"

static void test_bad_heads_are_refused(void **state)
{
	static const struct bud_span bad[] = {
		TEXT("GET /long HTTP/1.1\nHost: a\n\n"),
		TEXT("GET /long HTTP/1.1\r\nHost: a\n\r\n"),
		TEXT("GET /long HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n"),
		TEXT("GET /long HTTP/1.1\r\nHost: a\r\nX: a\r\n\tb\r\n\r\n"),
		TEXT("GET /long HTTP/1.1\r\n Host: a\r\n\r\n"),
		TEXT("GET /long HTTP/1.1\r\nHost : a\r\n\r\n"),
		TEXT("GET /long HTTP/1.1\r\nHost: a\r\nX Y: a\r\n\r\n"),
		TEXT("GET /long HTTP/1.1\r\nHost: a\r\nX\r\n\r\n"),
		TEXT("GET /long HTTP/1.1\r\nHost: a\r\n: v\r\n\r\n"),
		TEXT("GET /long HTTP/1.1\r\nHost: a\r\nX\xc3\xa6: v\r\n\r\n"),
		TEXT("GET /long HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"),
		TEXT("GET /long HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n"),
		TEXT("GET /long HTTP/1.1\r\nHost: a\r\nX: a\x01\r\n\r\n"),
		TEXT("GET /long HTTP/1.1\r\nHost: a\r\nX: a\x7f\r\n\r\n"),
		TEXT("GET /long HTTP/1.1\r\n\r\n"),
		TEXT("GET /long HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
		TEXT("GET /long HTTP/1.1\r\nHost: a, b\r\n\r\n"),
		TEXT("GET /long HTTP/1.1\r\nHost: a/b\r\n\r\n"),
		TEXT("GET /long HTTP/2.0\r\nHost: a\r\n\r\n"),
		TEXT("GET /long HTTP/1.2\r\nHost: a\r\n\r\n"),
		TEXT("GET /long HTTP/0.9\r\nHost: a\r\n\r\n"),
		TEXT("GET /long HTTP/1.10\r\nHost: a\r\n\r\n"),
		TEXT("GET /long http/1.1\r\nHost: a\r\n\r\n"),
		TEXT("GET /long\r\nHost: a\r\n\r\n"),
		TEXT("GET  /long HTTP/1.1\r\nHost: a\r\n\r\n"),
		TEXT("GET /long  HTTP/1.1\r\nHost: a\r\n\r\n"),
		TEXT("GET /lo ng HTTP/1.1\r\nHost: a\r\n\r\n"),
		TEXT("GET /lo\xc3\xa6 HTTP/1.1\r\nHost: a\r\n\r\n"),
		TEXT("GET /long#a HTTP/1.1\r\nHost: a\r\n\r\n"),
		TEXT("GET long HTTP/1.1\r\nHost: a\r\n\r\n"),
		TEXT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
		TEXT("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n"),
		TEXT("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n"),
		TEXT(EVENT "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
		TEXT(EVENT "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n"),
		TEXT(EVENT "Content-Length: 1\r\nContent-Length: 1\r\n\r\na"),
		TEXT(EVENT "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
		TEXT(EVENT "Content-Length: 1, 1\r\n\r\na"),
		TEXT(EVENT "Content-Length: +1\r\n\r\na"),
		TEXT(EVENT "Content-Length: -1\r\n\r\na"),
		TEXT(EVENT "Content-Length: 0x1\r\n\r\na"),
		TEXT(EVENT "Content-Length: 1 1\r\n\r\na"),
		TEXT(EVENT "Content-Length:\r\n\r\n"),
		TEXT(EVENT "Content-Length: 99999999999999999999999\r\n\r\n"),
		TEXT(EVENT "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
		TEXT(EVENT "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
		TEXT(EVENT "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
		TEXT(EVENT "Transfer-Encoding: identity\r\n\r\n"),
		TEXT(EVENT "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"),
		TEXT(EVENT "Transfer-Encoding:\r\n\r\n0\r\n\r\n"),
		TEXT("POST /events HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
		TEXT(EVENT "Content-Type: a\r\nContent-Type: b\r\n\r\n"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		bool closes = false;
		int status = http_client_status(&server, bad[i], &closes);
		if (status != 400 || !closes)
			fail_msg("%d, closes %d: %.*s", status, closes, (int)bad[i].len, bad[i].at);
	}
}

static void test_bad_chunks_are_refused(void **state)
{
	static const struct bud_span bad[] = {
		TEXT("5\nhello\r\n0\r\n\r\n"),
		TEXT("5\r\nhello\n0\r\n\r\n"),
		TEXT("5\r\nhello0\r\n\r\n"),
		TEXT("5\r\nhelloXX0\r\n\r\n"),
		TEXT("5\r\nhello\rX0\r\n\r\n"),
		TEXT("5\r\nhello;;0\r\n\r\n"),
		TEXT("3\r\nhelXX2\r\nlo\r\n0\r\n\r\n"),
		TEXT("5\r\nhello\r\n0\n\r\n"),
		TEXT("5\r\nhello\r\n0\r\n\n"),
		TEXT("5;a\nb\r\nhello\r\n0\r\n\r\n"),
		TEXT("5;a\0b\r\nhello\r\n0\r\n\r\n"),
		TEXT("-5\r\nhello\r\n0\r\n\r\n"),
		TEXT("+5\r\nhello\r\n0\r\n\r\n"),
		TEXT("0x5\r\nhello\r\n0\r\n\r\n"),
		TEXT("\r\nhello\r\n0\r\n\r\n"),
		TEXT("g\r\nhello\r\n0\r\n\r\n"),
		TEXT("ffffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
		TEXT("5\r\nhello\r\n0\r\nTrailer: a\n\r\n"),
		TEXT("5\r\nhello\r\n0\r\nTrailer\x01: a\r\n\r\n"),
	};
	char extension[3000];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		bud_auto(buffer) struct bud_buffer all = {0};
		bool closes = false;
		bud_buffer_text(&all, UPLOAD "Transfer-Encoding: chunked\r\n\r\n");
		bud_buffer_span(&all, bad[i]);
		int status = http_client_status(&server, bud_buffer_as_span(&all), &closes);
		if (status != 400 || !closes)
			fail_msg("%d, closes %d: %.*s", status, closes, (int)bad[i].len, bad[i].at);
	}
	bool closes = false;
	memset(extension, 'e', sizeof(extension));
	memcpy(extension, UPLOAD "Transfer-Encoding: chunked\r\n\r\n5;",
		sizeof(UPLOAD "Transfer-Encoding: chunked\r\n\r\n5;") - 1);
	memcpy(extension + 2980, "\r\nhello\r\n0\r\n\r\n", 14);
	assert_int_equal(
		400, http_client_status(&server, (struct bud_span){extension, 2994}, &closes));
	assert_true(closes);
}

static void test_odd_but_right_passes(void **state)
{
	static const struct {
		struct bud_span bytes;
		int status;
	} fine[] = {
		{TEXT("\r\n\r\nGET /long HTTP/1.1\r\nHost: a\r\n\r\n"), 200},
		{TEXT("GET /long HTTP/1.1\r\nHost:\r\n\r\n"), 200},
		{TEXT("GET /long HTTP/1.1\r\nhOST: [::1]:80\r\nEmpty:\r\nTab:\ta\t\r\n\r\n"), 200},
		{TEXT("GET http://a/long?x=y HTTP/1.1\r\nHost: a\r\n\r\n"), 200},
		{TEXT("GET /long HTTP/1.0\r\n\r\n"), 200},
		{TEXT("GET /long HTTP/1.1\r\nHost: a\r\nX: bl\xc3\xa5\r\n\r\n"), 200},
		{TEXT("GET /long HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
		      "Upgrade: websocket\r\n\r\n"),
			200},
		{TEXT("GET /long HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"), 200},
		{TEXT(EVENT "Transfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n"), 202},
		{TEXT(EVENT
			 "Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nT: a\r\n\r\n"),
			202},
		{TEXT(EVENT "\r\n"), 202},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
		bool closes = false;
		int status = http_client_status(&server, fine[i].bytes, &closes);
		if (status != fine[i].status)
			fail_msg("%d: %.*s", status, (int)fine[i].bytes.len, fine[i].bytes.at);
	}
}

static int status_of_get(const char *path, size_t path_len, const char *name, size_t value_len)
{
	bud_auto(buffer) struct bud_buffer all = {0};
	bool closes = false;

	bud_buffer_text(&all, "GET ");
	bud_buffer_text(&all, path);
	for (size_t i = strlen(path); i < path_len; i++)
		bud_buffer_byte(&all, 'p');
	bud_buffer_format(&all, " HTTP/1.1\r\nHost: a\r\n%s: ", name);
	for (size_t i = 0; i < value_len; i++)
		bud_buffer_byte(&all, 'v');
	bud_buffer_text(&all, "\r\n\r\n");
	int status = http_client_status(&server, bud_buffer_as_span(&all), &closes);
	assert_true(status < 400 || closes || status == 404);
	return status;
}

static void test_head_limits(void **state)
{
	bud_auto(buffer) struct bud_buffer many = {0};
	bool closes;

	(void)state;
	assert_int_equal(200, status_of_get("/long", 5, "X-Long", 64u << 10));
	assert_int_equal(200, status_of_get("/long?", 8192, "X", 1));
	assert_int_equal(414, status_of_get("/long?", 8193, "X", 1));
	assert_int_equal(414, status_of_get("/long?", 60000, "X", 1));
	assert_int_equal(431, status_of_get("/long", 5, "X", 128u << 10));
	assert_int_equal(431, status_of_get("/long", 5, "X", 1u << 20));
	bud_buffer_text(&many, "GET /long HTTP/1.1\r\nHost: a\r\n");
	for (int i = 0; i < 128; i++)
		bud_buffer_text(&many, "X: y\r\n");
	bud_buffer_text(&many, "\r\n");
	assert_int_equal(431, http_client_status(&server, bud_buffer_as_span(&many), &closes));
	assert_true(closes);
}

static void test_body_limits(void **state)
{
	bud_auto(buffer) struct bud_buffer all = {0};
	bool closes = false;

	(void)state;
	/* By the announced length, at once. */
	assert_int_equal(413,
		http_client_status(&server, TEXT(EVENT "Content-Length: 65537\r\n\r\n"), &closes));
	assert_true(closes);
	/* A client that waits for our word gets the refusal instead. */
	assert_int_equal(
		413, http_client_status(&server,
			     TEXT(EVENT "Expect: 100-continue\r\nContent-Length: 65537\r\n\r\n"),
			     &closes));
	assert_int_equal(
		417, http_client_status(&server, TEXT(EVENT "Expect: 200-ok\r\n\r\n"), &closes));
	/* A route without a body. */
	assert_int_equal(
		413, http_client_status(&server,
			     TEXT("GET /long HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\na"),
			     &closes));
	/* By counting. */
	bud_buffer_text(&all, EVENT "Transfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 65; i++) {
		bud_buffer_text(&all, "400\r\n");
		memset(bud_buffer_reserve(&all, 1024), 'x', 1024);
		all.len += 1024;
		bud_buffer_text(&all, "\r\n");
	}
	assert_int_equal(413, http_client_status(&server, bud_buffer_as_span(&all), &closes));
	assert_true(closes);
}

static void test_routes(void **state)
{
	bool closes;

	(void)state;
	assert_int_equal(404, http_client_status(&server,
				      TEXT("GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n"), &closes));
	assert_false(closes);
	assert_int_equal(404, http_client_status(&server,
				      TEXT("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), &closes));
	assert_int_equal(
		400, http_client_status(&server,
			     TEXT("GET /items/%zz/parts/1 HTTP/1.1\r\nHost: a\r\n\r\n"), &closes));
	assert_int_equal(
		400, http_client_status(&server,
			     TEXT("GET /items/%00/parts/1 HTTP/1.1\r\nHost: a\r\n\r\n"), &closes));
	assert_int_equal(400,
		http_client_status(&server,
			TEXT("GET /items/%C0%A0/parts/1 HTTP/1.1\r\nHost: a\r\n\r\n"), &closes));
	/* A body that nobody reads leaves the connection unusable. */
	assert_int_equal(
		404, http_client_status(&server,
			     TEXT("POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"),
			     &closes));
	assert_true(closes);
}

/* Also those that the parser has not heard of. */
static void test_unknown_methods(void **state)
{
	static const char *const methods[] = {
		"FOO", "QUERY", "get", "M.1", "CONNECT", "PRI", "PLAY", "SOURCE"};
	struct http_response response;
	int fd = http_client_open(&server);

	(void)state;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		bud_auto(buffer) struct bud_buffer request = {0};
		bud_buffer_format(&request,
			"%s /items/1/parts/2 HTTP/1.1\r\nHost: a\r\n"
			"Content-Length: 0\r\n\r\n",
			methods[i]);
		http_client_text(fd, request.at);
		http_client_read(fd, false, &response);
		assert_int_equal(405, response.status);
		assert_non_null(strstr(response.head, "\r\nAllow: GET, HEAD, PUT, OPTIONS\r\n"));
		bud_buffer_finish(&response.body);
	}
	close(fd);
}

static void test_problem_and_allow(void **state)
{
	struct http_response response;
	int fd = http_client_open(&server);

	(void)state;
	http_client_text(fd, "DELETE /items/a%2Fb/parts/%C3%A6 HTTP/1.1\r\nHost: a\r\n\r\n");
	http_client_read(fd, false, &response);
	assert_int_equal(405, response.status);
	assert_non_null(strstr(response.head, "\r\nAllow: GET, HEAD, PUT, OPTIONS\r\n"));
	assert_non_null(strstr(response.head, "\r\nContent-Type: application/problem+json\r\n"));
	assert_string_equal(response.body.at,
		"{\"type\":\"https://budstikke.no/problems/method-not-allowed\","
		"\"title\":\"Method Not Allowed\",\"status\":405,"
		"\"detail\":\"This path does not take this method.\"}");
	bud_buffer_finish(&response.body);
	http_client_text(fd, "OPTIONS /items/1/parts/2 HTTP/1.1\r\nHost: a\r\n\r\n");
	http_client_read(fd, false, &response);
	assert_int_equal(200, response.status);
	assert_non_null(strstr(response.head, "\r\nAllow: GET, HEAD, PUT, OPTIONS\r\n"));
	assert_non_null(strstr(response.head, "\r\nContent-Length: 0\r\n"));
	bud_buffer_finish(&response.body);
	http_client_text(fd, "OPTIONS /own HTTP/1.1\r\nHost: a\r\n\r\n");
	http_client_read(fd, false, &response);
	assert_non_null(strstr(response.head, "\r\nWebHook-Allowed-Rate: *\r\n"));
	bud_buffer_finish(&response.body);
	http_client_text(fd, "GET /items/a%2Fb/parts/%C3%A6 HTTP/1.1\r\nHost: a\r\n\r\n");
	http_client_read(fd, false, &response);
	assert_string_equal(response.body.at, "a/b|\xc3\xa6");
	assert_non_null(strstr(response.head, "\r\nX-Part: a  X-Evil: b\r\n"));
	assert_non_null(strstr(response.head, "\r\nDate: "));
	bud_buffer_finish(&response.body);
	http_client_text(fd, "HEAD /items/a/parts/b HTTP/1.1\r\nHost: a\r\n\r\n"
			     "GET /items/c/parts/d HTTP/1.1\r\nHost: a\r\n\r\n");
	http_client_read(fd, true, &response);
	assert_int_equal(200, response.status);
	assert_non_null(strstr(response.head, "\r\nContent-Length: 3\r\n"));
	bud_buffer_finish(&response.body);
	http_client_read(fd, false, &response);
	assert_string_equal(response.body.at, "c|d");
	bud_buffer_finish(&response.body);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_heads_are_refused),
		cmocka_unit_test(test_bad_chunks_are_refused),
		cmocka_unit_test(test_odd_but_right_passes),
		cmocka_unit_test(test_head_limits),
		cmocka_unit_test(test_body_limits),
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_unknown_methods),
		cmocka_unit_test(test_problem_and_allow),
	};

	return cmocka_run_group_tests(tests, http_start, http_stop);
}
