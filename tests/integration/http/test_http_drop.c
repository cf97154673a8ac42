/* A dropped request: the client sees the connection end without a byte, at once or later, and
 * nothing is left behind, also when the client or the listener went first. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "http/listener.h"
#include "http/reply.h"
#include "http/request.h"

static struct bud_request *kept;

static void drop(void *context, struct bud_request *request)
{
	(void)context;
	bud_request_drop(request);
}

static void keep(void *context, struct bud_request *request)
{
	(void)context;
	kept = request;
}

static const struct bud_route routes[] = {
	{"GET", "/now", drop, 0, 0},
	{"GET", "/later", keep, 0, 0},
};
static const struct bud_route_table table = {routes, 2, NULL};

struct server {
	uv_loop_t loop;
	struct bud_listener *listener;
	int fd; /* of the client */
};

static void start(struct server *server, const char *path)
{
	struct bud_listener_options options = {
		.host = "127.0.0.1", .tables = &table, .n_tables = 1};
	struct sockaddr_in address = {.sin_family = AF_INET};
	char text[100];
	int error;

	kept = NULL;
	uv_loop_init(&server->loop);
	server->listener = bud_listener_open(&server->loop, &options, &error);
	assert_non_null(server->listener);
	server->fd = socket(AF_INET, SOCK_STREAM, 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons((uint16_t)bud_listener_port(server->listener));
	assert_int_equal(0, connect(server->fd, (struct sockaddr *)&address, sizeof(address)));
	int len = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
	assert_int_equal(len, send(server->fd, text, (size_t)len, 0));
}

/* Runs the loop until the client has something to read; what recv() says. */
static ssize_t receive(struct server *server)
{
	char bytes[200];

	for (;;) {
		ssize_t n = recv(server->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (n >= 0 || errno != EAGAIN)
			return n;
		uv_run(&server->loop, UV_RUN_ONCE);
	}
}

static void wait_for_request(struct server *server)
{
	while (!kept)
		uv_run(&server->loop, UV_RUN_ONCE);
}

static void stop(struct server *server)
{
	if (server->listener)
		bud_listener_close(server->listener, NULL, NULL);
	uv_run(&server->loop, UV_RUN_DEFAULT);
	assert_int_equal(0, uv_loop_close(&server->loop));
	close(server->fd);
}

static void test_at_once(void **state)
{
	struct server server;

	(void)state;
	start(&server, "/now");
	assert_int_equal(0, receive(&server));
	assert_int_equal(0, bud_listener_requests(server.listener));
	stop(&server);
}

static void test_later(void **state)
{
	struct server server;

	(void)state;
	start(&server, "/later");
	wait_for_request(&server);
	assert_int_equal(1, bud_listener_requests(server.listener));
	bud_request_drop(kept);
	assert_int_equal(0, bud_listener_requests(server.listener));
	assert_int_equal(0, receive(&server));
	stop(&server);
}

static void test_after_the_listener_closed(void **state)
{
	struct server server;

	(void)state;
	start(&server, "/later");
	wait_for_request(&server);
	bud_listener_close(server.listener, NULL, NULL);
	for (int i = 0; i < 3; i++)
		uv_run(&server.loop, UV_RUN_NOWAIT);
	bud_request_drop(kept);
	server.listener = NULL;
	stop(&server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_at_once),
		cmocka_unit_test(test_later),
		cmocka_unit_test(test_after_the_listener_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
