/* The server and the waiting. */
#include "http_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>

#include "core/clock.h"

#define PATIENCE_MS 30000

struct http_server server;

int http_start(void **state)
{
	(void)state;
	http_server_start(&server, (struct bud_listener_options){0});
	return 0;
}

int http_stop(void **state)
{
	(void)state;
	http_server_join(&server);
	return 0;
}

void http_expect(int fd, int status, const char *body)
{
	struct http_response response;

	http_client_read(fd, false, &response);
	assert_int_equal(status, response.status);
	if (body)
		assert_string_equal(body, response.body.at);
	bud_buffer_finish(&response.body);
}

static void wait_for(const atomic_size_t *count, size_t n, const char *what)
{
	int64_t end_ms = bud_clock_mono_ms() + PATIENCE_MS;

	for (;;) {
		http_server_ask(&server, HTTP_SERVER_LOOK);
		if (*count == n)
			return;
		if (bud_clock_mono_ms() > end_ms)
			fail_msg("%zu %s, not %zu", (size_t)*count, what, n);
		usleep(500);
	}
}

void http_wait_for_requests(size_t n)
{
	wait_for(&server.requests, n, "requests under way");
}

void http_wait_for_connections(size_t n)
{
	wait_for(&server.connections, n, "connections");
}
