/* A connection's life: requests in order, bodies in pieces, deadlines, late replies and drain. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/limits.h"
#include "http_rig.h"

/* Long enough for what is sent at once to be there in time, also on a loaded machine. */
#define HASTY_MS 1000
#define PIECE_MS 50

static int start_hasty(void **state)
{
	(void)state;
	http_server_start(&server, (struct bud_listener_options){.deadlines = {.head_ms = HASTY_MS,
									 .body_ms = HASTY_MS,
									 .idle_ms = HASTY_MS,
									 .write_ms = HASTY_MS,
									 .linger_ms = HASTY_MS}});
	return 0;
}

static void test_pipeline_is_answered_in_order(void **state)
{
	int fd = http_client_open(&server);

	(void)state;
	/* The second waits for the test, the third must wait for it, although it could be answered.
	 */
	http_client_text(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\none"
			     "GET /late?two HTTP/1.1\r\nHost: a\r\n\r\n"
			     "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nthree"
			     "GET /late?four HTTP/1.1\r\nHost: a\r\n\r\n"
			     "POST /ec");
	http_expect(fd, 200, "one");
	http_wait_for_requests(1);
	http_server_ask(&server, HTTP_SERVER_RELEASE);
	http_expect(fd, 200, "two");
	http_expect(fd, 200, "three");
	http_wait_for_requests(1);
	http_client_text(fd, "ho HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nfive");
	http_server_ask(&server, HTTP_SERVER_RELEASE);
	http_expect(fd, 200, "four");
	http_expect(fd, 200, "five");
	close(fd);
	http_wait_for_connections(0);
	assert_int_equal(5, server.replies);
}

/* Far more behind one request than the buffer takes: the rest waits in the socket. */
static void test_pipeline_is_bounded(void **state)
{
	static const char late[] = "GET /late?x HTTP/1.1\r\nHost: a\r\n\r\n";
	static const char event[] = "POST /events HTTP/1.1\r\nHost: a\r\n\r\n";
	int fd = http_client_open(&server);

	(void)state;
	http_client_text(fd, late);
	for (int i = 0; i < 2000; i++)
		http_client_send(fd, event, sizeof(event) - 1);
	http_wait_for_requests(1);
	http_server_ask(&server, HTTP_SERVER_LOOK);
	assert_true(server.input_bytes <= 8192);
	http_server_ask(&server, HTTP_SERVER_RELEASE);
	http_expect(fd, 200, "x");
	for (int i = 0; i < 2000; i++)
		http_expect(fd, 202, NULL);
	http_server_ask(&server, HTTP_SERVER_LOOK);
	assert_int_equal(0, server.input_bytes); /* an idle connection holds nothing */
	assert_int_equal(1, server.connections);
	close(fd);
}

static void test_bodies_in_pieces(void **state)
{
	int fd = http_client_open(&server);
	bud_auto(buffer) struct bud_buffer big = {0};
	bud_auto(buffer) struct bud_buffer wire = {0};

	(void)state;
	for (int i = 0; i < 50000; i++)
		bud_buffer_format(&big, "%d,", i);
	/* With a length, in pieces that move the buffer while the head is kept. */
	bud_buffer_format(
		&wire, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n", big.len);
	bud_buffer_span(&wire, bud_buffer_as_span(&big));
	for (size_t at = 0; at < wire.len; at += 7000)
		http_client_send(fd, wire.at + at, wire.len - at < 7000 ? wire.len - at : 7000);
	http_expect(fd, 200, big.at);
	/* In chunks that end anywhere. */
	bud_buffer_clear(&wire);
	bud_buffer_text(
		&wire, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (size_t at = 0, len = 1; at < big.len; at += len, len = len % 997 + 13) {
		if (len > big.len - at)
			len = big.len - at;
		bud_buffer_format(&wire, "%zx\r\n", len);
		bud_buffer_add(&wire, big.at + at, len);
		bud_buffer_text(&wire, "\r\n");
	}
	bud_buffer_text(&wire, "0\r\nTrailer: x\r\n\r\n");
	bud_buffer_text(&wire, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nnext");
	for (size_t at = 0; at < wire.len; at += 3001)
		http_client_send(fd, wire.at + at, wire.len - at < 3001 ? wire.len - at : 3001);
	http_expect(fd, 200, big.at);
	http_expect(fd, 200, "next");
	close(fd);
}

static void test_byte_by_byte(void **state)
{
	static const char wire[] =
		"\r\nPOST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked"
		"\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
	int fd = http_client_open(&server);

	(void)state;
	for (size_t i = 0; i < sizeof(wire) - 1; i++) {
		http_client_send(fd, wire + i, 1);
		usleep(100);
	}
	http_expect(fd, 200, "abcde");
	close(fd);
}

static void test_continue(void **state)
{
	int fd = http_client_open(&server);

	(void)state;
	http_client_text(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
			     "Content-Length: 5\r\n\r\n");
	http_expect(fd, 100, NULL);
	http_client_text(fd, "hello");
	http_expect(fd, 200, "hello");
	/* Who does not wait is not told. */
	http_client_text(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
			     "Content-Length: 5\r\n\r\nhello");
	http_expect(fd, 200, "hello");
	close(fd);
}

static void test_old_and_leaving_clients(void **state)
{
	struct http_response response;
	int fd = http_client_open(&server);

	(void)state;
	http_client_text(fd, "GET /long HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	http_client_read(fd, false, &response);
	assert_non_null(strstr(response.head, "\r\nConnection: close\r\n"));
	bud_buffer_finish(&response.body);
	assert_true(http_client_is_closed(fd));
	close(fd);
	fd = http_client_open(&server);
	http_client_text(fd, "GET /long HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	http_expect(fd, 200, "0");
	assert_true(http_client_is_closed(fd));
	close(fd);
	/* A client that has sent all it has still gets all its replies. */
	fd = http_client_open(&server);
	http_client_text(fd, "GET /late?a HTTP/1.1\r\nHost: a\r\n\r\n"
			     "GET /long HTTP/1.1\r\nHost: a\r\n\r\n");
	shutdown(fd, SHUT_WR);
	http_wait_for_requests(1);
	http_server_ask(&server, HTTP_SERVER_RELEASE);
	http_expect(fd, 200, "a");
	http_expect(fd, 200, "0");
	assert_true(http_client_is_closed(fd));
	close(fd);
}

static void cut(int fd)
{
	struct linger reset = {1, 0};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
}

/* The body is read after the client has gone: under a sanitizer this shows that it is still there.
 */
static void test_client_leaves_before_the_reply(void **state)
{
	int fd = http_client_open(&server);
	int other = http_client_open(&server);

	(void)state;
	http_client_text(fd, "GET /late?gone HTTP/1.1\r\nHost: a\r\n\r\n");
	http_client_text(
		other, "POST /late?too HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab");
	http_wait_for_requests(2);
	cut(fd);
	cut(other);
	usleep(20000);
	http_server_ask(&server, HTTP_SERVER_LOOK);
	assert_int_equal(2, server.requests);
	http_server_ask(&server, HTTP_SERVER_RELEASE);
	http_wait_for_requests(0);
	http_wait_for_connections(0);
	assert_int_equal(2, server.replies);
}

/* Closing waits for handlers: http_server_join() releases first, so here the order is the other. */
static void test_close_with_requests_under_way(void **state)
{
	int fd = http_client_open(&server);

	(void)state;
	http_client_text(fd, "GET /late?x HTTP/1.1\r\nHost: a\r\n\r\n");
	http_wait_for_requests(1);
	http_server_ask(&server, HTTP_SERVER_CLOSE);
	assert_true(http_client_is_closed(fd));
	assert_false(server.is_closed);
	assert_int_equal(1, server.requests);
	server.wanted = HTTP_SERVER_RELEASE; /* the listener is gone when this has been done */
	uv_async_send(&server.wake);
	pthread_join(server.thread, NULL);
	assert_true(server.is_closed);
	assert_int_equal(0, uv_loop_close(&server.loop));
	close(fd);
}

static void expect_late(int fd, const char *detail)
{
	struct http_response response;

	http_client_read(fd, false, &response);
	assert_int_equal(408, response.status);
	assert_non_null(strstr(response.body.at, detail));
	bud_buffer_finish(&response.body);
	assert_true(http_client_is_closed(fd));
}

/* Each byte comes well within the deadline; the total does not. */
static void test_slow_clients_are_cut(void **state)
{
	int head = http_client_open(&server);
	int body = http_client_open(&server);
	int silent = http_client_open(&server);
	int idle = http_client_open(&server);
	int64_t start_ms = bud_clock_mono_ms();

	(void)state;
	http_client_text(head, "GET /long HTTP/1.1\r\nX: ");
	http_client_text(body, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
	http_client_text(idle, "GET /long HTTP/1.1\r\nHost: a\r\n\r\n");
	http_expect(idle, 200, "0");
	for (int i = 0; i < HASTY_MS / PIECE_MS + 4; i++) {
		usleep(PIECE_MS * 1000);
		http_client_text(head, "x");
		http_client_text(body, "x");
	}
	expect_late(head, "The head took too long.");
	expect_late(body, "The body took too long.");
	assert_true(http_client_is_closed(silent));
	assert_true(http_client_is_closed(idle));
	assert_true(bud_clock_mono_ms() - start_ms < BUD_HEAD_DEADLINE_MS);
	http_wait_for_connections(0);
	close(head);
	close(body);
	close(silent);
	close(idle);
}

static void test_slow_reader_is_cut(void **state)
{
	int fd = http_client_open(&server);

	(void)state;
	http_client_text(fd, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
	http_wait_for_connections(1);
	http_wait_for_connections(0);
	close(fd);
}

static void test_big_reply(void **state)
{
	struct http_response response;
	int fd = http_client_open(&server);

	(void)state;
	http_client_text(fd, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n"
			     "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nnext");
	http_client_read(fd, false, &response);
	assert_int_equal(8u << 20, response.body.len);
	for (size_t i = 0; i < response.body.len; i++)
		assert_int_equal('b', response.body.at[i]);
	bud_buffer_finish(&response.body);
	http_expect(fd, 200, "next");
	close(fd);
}

static void test_drain(void **state)
{
	struct http_response response;
	int idle = http_client_open(&server);
	int busy = http_client_open(&server);
	int half = http_client_open(&server);

	(void)state;
	http_client_text(idle, "GET /long HTTP/1.1\r\nHost: a\r\n\r\n");
	http_expect(idle, 200, "0");
	http_client_text(busy, "GET /late?busy HTTP/1.1\r\nHost: a\r\n\r\n");
	http_client_text(half, "GET /long HTTP/1.1\r\n");
	http_wait_for_requests(1);
	http_server_ask(&server, HTTP_SERVER_STOP);
	assert_true(http_client_is_closed(idle));
	http_client_text(half, "Host: a\r\n\r\n");
	http_expect(half, 200, "0");
	assert_true(http_client_is_closed(half));
	http_server_ask(&server, HTTP_SERVER_RELEASE);
	http_client_read(busy, false, &response);
	assert_string_equal("busy", response.body.at);
	assert_non_null(strstr(response.head, "\r\nConnection: close\r\n"));
	bud_buffer_finish(&response.body);
	assert_true(http_client_is_closed(busy));
	close(idle);
	close(busy);
	close(half);
	http_wait_for_connections(0);
}

#define TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, http_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_pipeline_is_answered_in_order, http_start),
		TEST(test_pipeline_is_bounded, http_start),
		TEST(test_bodies_in_pieces, http_start),
		TEST(test_byte_by_byte, http_start),
		TEST(test_continue, http_start),
		TEST(test_old_and_leaving_clients, http_start),
		TEST(test_client_leaves_before_the_reply, http_start),
		cmocka_unit_test_setup(test_close_with_requests_under_way, http_start),
		TEST(test_slow_clients_are_cut, start_hasty),
		TEST(test_slow_reader_is_cut, start_hasty),
		TEST(test_big_reply, http_start),
		TEST(test_drain, http_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
