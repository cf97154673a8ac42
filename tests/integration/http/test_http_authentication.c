/* Who asks is found out between a whole request and its handler, at once or later; what was put
 * into the request is given back exactly once, however it ended; without the step everybody is the
 * same. Where a body is to come the head is looked at first, and nobody unknown has one read.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "http/listener.h"
#include "http/reply.h"
#include "http/request.h"

/* Only its address counts here. */
static const char somebody[] = "somebody";
static const char everybody[] = "everybody";

static uv_loop_t loop;
static struct bud_listener *listener;
static int client;
static struct bud_request *asked; /* by ask_later() */
static int handled, left, looked;
static const void *seen;

static const struct bud_identity *as_identity(const char *text)
{
	return (const struct bud_identity *)text;
}

static void handle(void *context, struct bud_request *request)
{
	(void)context;
	handled++;
	seen = bud_request_identity(request);
	bud_reply(request, 200, "text/plain", bud_span("ok"));
}

static const struct bud_route routes[] = {
	{"GET", "/", handle, 0, 7},
	{"POST", "/", handle, 100000, 7},
};
static const struct bud_route_table table = {routes, 2, NULL};

static void ask_now(void *owner, struct bud_request *request)
{
	(void)owner;
	assert_int_equal(request->route->need, 7);
	request->identity = as_identity(somebody);
	bud_request_admit(request);
}

static void ask_later(void *owner, struct bud_request *request)
{
	(void)owner;
	asked = request;
}

static void refuse(void *owner, struct bud_request *request)
{
	(void)owner;
	request->identity = as_identity(somebody);
	bud_reply_problem(request, 401, "unauthenticated", "Who asks is not known", NULL);
}

static void leave(void *owner, struct bud_request *request)
{
	(void)owner;
	left++;
	if (request->identity)
		assert_ptr_equal(request->identity, as_identity(somebody));
}

static enum bud_head_look look_undecided(void *owner, struct bud_request *request)
{
	(void)owner;
	assert_int_equal(request->body.len, 0);
	looked++;
	return BUD_HEAD_UNDECIDED;
}

static enum bud_head_look look_known(void *owner, struct bud_request *request)
{
	(void)owner;
	looked++;
	request->identity = as_identity(somebody);
	return BUD_HEAD_KNOWN;
}

static enum bud_head_look look_refuse(void *owner, struct bud_request *request)
{
	looked++;
	refuse(owner, request);
	return BUD_HEAD_ANSWERED;
}

static enum bud_head_look (*look)(void *, struct bud_request *);

static void start(void (*ask)(void *, struct bud_request *), const char *everyone)
{
	struct bud_listener_options options = {.host = "127.0.0.1",
		.tables = &table,
		.n_tables = 1,
		.authentication = {ask, ask ? leave : NULL, NULL, as_identity(everyone), look}};
	struct sockaddr_in address = {.sin_family = AF_INET};
	int error;

	handled = left = looked = 0;
	asked = NULL;
	seen = NULL;
	uv_loop_init(&loop);
	listener = bud_listener_open(&loop, &options, &error);
	assert_non_null(listener);
	client = socket(AF_INET, SOCK_STREAM, 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons((uint16_t)bud_listener_port(listener));
	assert_int_equal(0, connect(client, (struct sockaddr *)&address, sizeof(address)));
}

static void stop(void)
{
	bud_listener_close(listener, NULL, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	if (client >= 0)
		close(client);
	look = NULL;
}

static void send_requests(int n)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

	for (int i = 0; i < n; i++)
		assert_int_equal(send(client, text, strlen(text), 0), (ssize_t)strlen(text));
}

/* Runs the loop until `n` responses with this status have come. */
static void receive(const char *status, int n)
{
	char bytes[8192] = "";
	size_t len = 0;
	int found = 0;

	while (found < n) {
		ssize_t r = recv(client, bytes + len, sizeof(bytes) - 1 - len, MSG_DONTWAIT);
		if (r < 0) {
			assert_int_equal(errno, EAGAIN);
			uv_run(&loop, UV_RUN_ONCE);
			continue;
		}
		assert_true(r > 0);
		len += (size_t)r;
		bytes[len] = '\0';
		found = 0;
		for (char *at = bytes; (at = strstr(at, status)); at += strlen(status))
			found++;
	}
	assert_int_equal(found, n);
}

static void test_everybody(void **state)
{
	(void)state;
	start(NULL, everybody);
	send_requests(1);
	receive("HTTP/1.1 200", 1);
	assert_ptr_equal(seen, everybody);
	stop();
}

static void test_at_once(void **state)
{
	(void)state;
	start(ask_now, NULL);
	send_requests(3);
	receive("HTTP/1.1 200", 3);
	assert_ptr_equal(seen, somebody);
	assert_int_equal(handled, 3);
	assert_int_equal(left, 3);
	stop();
	assert_int_equal(left, 3);
}

static void admit(void)
{
	struct bud_request *request = asked;

	asked = NULL;
	request->identity = as_identity(somebody);
	bud_request_admit(request);
}

static void wait_for_ask(void)
{
	while (!asked)
		uv_run(&loop, UV_RUN_ONCE);
}

/* What waits behind it comes after it. */
static void test_later(void **state)
{
	(void)state;
	start(ask_later, NULL);
	send_requests(2);
	wait_for_ask();
	assert_int_equal(handled, 0);
	assert_int_equal(bud_listener_requests(listener), 1);
	admit();
	assert_int_equal(handled, 1);
	assert_int_equal(left, 1);
	wait_for_ask();
	admit();
	receive("HTTP/1.1 200", 2);
	assert_int_equal(left, 2);
	stop();
}

static void test_refused(void **state)
{
	(void)state;
	start(refuse, NULL);
	send_requests(2);
	receive("HTTP/1.1 401", 2);
	assert_int_equal(handled, 0);
	assert_int_equal(left, 2);
	stop();
}

/* The client is gone before it is known who it was. */
static void test_client_leaves(void **state)
{
	(void)state;
	start(ask_later, NULL);
	send_requests(1);
	wait_for_ask();
	close(client);
	client = -1;
	for (int i = 0; i < 20; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	admit();
	assert_int_equal(handled, 1);
	assert_int_equal(left, 1);
	stop();
}

/* No request of ours: a path that is not there is answered without asking. */
static void test_no_route(void **state)
{
	static const char text[] = "GET /none HTTP/1.1\r\nHost: a\r\n\r\n";

	(void)state;
	start(ask_later, NULL);
	assert_int_equal(send(client, text, strlen(text), 0), (ssize_t)strlen(text));
	receive("HTTP/1.1 404", 1);
	assert_null(asked);
	assert_int_equal(left, 0);
	stop();
}

/* A head that says how much is to come, and some of that. */
static void send_head(size_t body_len)
{
	static const char text[] = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
				   "Content-Length: 90000\r\n\r\n";
	char body[90000] = "";

	assert_int_equal(send(client, text, strlen(text), 0), (ssize_t)strlen(text));
	assert_int_equal(send(client, body, body_len, 0), (ssize_t)body_len);
}

static void test_head_is_refused(void **state)
{
	(void)state;
	look = look_refuse;
	start(ask_later, NULL);
	send_head(0);
	receive("HTTP/1.1 401", 1);
	assert_int_equal(looked, 1);
	assert_int_equal(handled, 0);
	assert_int_equal(left, 1);
	assert_null(asked);
	stop();
	assert_int_equal(left, 1);
}

/* Sends on until the whole request was handed out. */
static void send_rest(size_t len)
{
	char body[90000] = "";

	while (len > 0) {
		ssize_t r = send(client, body, len, MSG_DONTWAIT);
		len -= r > 0 ? (size_t)r : 0;
		uv_run(&loop, UV_RUN_NOWAIT);
	}
}

static void test_head_is_enough(void **state)
{
	(void)state;
	look = look_known;
	start(ask_later, NULL);
	send_head(0);
	receive("HTTP/1.1 100", 1);
	assert_int_equal(handled, 0);
	send_rest(90000);
	receive("HTTP/1.1 200", 1);
	assert_int_equal(looked, 1);
	assert_ptr_equal(seen, somebody);
	assert_null(asked);
	assert_int_equal(left, 1);
	/* What comes whole is looked at once. */
	send_requests(1);
	wait_for_ask();
	admit();
	assert_int_equal(looked, 1);
	assert_int_equal(left, 2);
	stop();
}

static void test_head_says_nothing(void **state)
{
	(void)state;
	look = look_undecided;
	start(ask_later, NULL);
	send_head(0);
	receive("HTTP/1.1 100", 1);
	assert_int_equal(looked, 1);
	send_rest(90000);
	wait_for_ask();
	assert_int_equal(left, 0);
	admit();
	receive("HTTP/1.1 200", 1);
	assert_int_equal(handled, 1);
	assert_int_equal(left, 1);
	stop();
}

/* Known from its head, then gone in the middle of its body. */
static void test_client_leaves_in_its_body(void **state)
{
	(void)state;
	look = look_known;
	start(ask_later, NULL);
	send_head(1000);
	while (looked == 0)
		uv_run(&loop, UV_RUN_ONCE);
	close(client);
	client = -1;
	while (left == 0)
		uv_run(&loop, UV_RUN_ONCE);
	assert_int_equal(handled, 0);
	stop();
	assert_int_equal(left, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everybody),
		cmocka_unit_test(test_at_once),
		cmocka_unit_test(test_later),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_client_leaves),
		cmocka_unit_test(test_no_route),
		cmocka_unit_test(test_head_is_refused),
		cmocka_unit_test(test_head_is_enough),
		cmocka_unit_test(test_head_says_nothing),
		cmocka_unit_test(test_client_leaves_in_its_body),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
