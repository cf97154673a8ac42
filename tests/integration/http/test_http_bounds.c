/* What happens when connections, memory or descriptors run out, and who shares a port. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "http_rig.h"

static int start_small(void **state)
{
	(void)state;
	http_server_start(&server,
		(struct bud_listener_options){.connections_max = 3, .input_bytes_max = 100000});
	return 0;
}

static void test_bounds(void **state)
{
	struct http_response response;
	int fds[4];

	(void)state;
	for (int i = 0; i < 3; i++)
		fds[i] = http_client_open(&server);
	http_wait_for_connections(3);
	fds[3] = http_client_open(&server);
	http_client_read(fds[3], false, &response);
	assert_int_equal(503, response.status);
	bud_buffer_finish(&response.body);
	/* 100 000 bytes of input: the second long body finds no room. */
	static char body[60000];
	http_client_text(fds[0], "POST /late HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n");
	http_client_send(fds[0], body, sizeof(body));
	http_wait_for_requests(1);
	http_client_text(fds[1], "POST /late HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n");
	http_client_send(fds[1], body, sizeof(body));
	http_client_read(fds[1], false, &response);
	assert_int_equal(503, response.status);
	assert_non_null(strstr(response.head, "\r\nRetry-After: 1\r\n"));
	bud_buffer_finish(&response.body);
	http_server_ask(&server, HTTP_SERVER_RELEASE);
	http_expect(fds[0], 200, NULL);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	http_wait_for_connections(0);
	assert_int_equal(0, server.input_bytes);
}

/* No descriptor is left: clients are turned away, the loop does not spin, and it recovers. */
static void test_descriptors_run_out(void **state)
{
	struct rlimit before;
	struct rlimit tight;
	struct timespec cpu[2];
	int64_t began_ms;
	clockid_t clock;
	int fds[40];
	int n = 0;
	int spare = dup(0);

	(void)state;
	for (int i = 0; i < 40; i++)
		fds[i] = -1;
	getrlimit(RLIMIT_NOFILE, &before);
	tight = before;
	tight.rlim_cur = (rlim_t)spare + 21;
	close(spare);
	setrlimit(RLIMIT_NOFILE, &tight);
	/* Both ends are ours; when socket() fails no descriptor is left for accept() either. */
	for (; n < 40; n++) {
		struct sockaddr_in address = {.sin_family = AF_INET,
			.sin_port = htons((uint16_t)server.port),
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		fds[n] = socket(AF_INET, SOCK_STREAM, 0);
		if (fds[n] < 0)
			break;
		if (connect(fds[n], (struct sockaddr *)&address, sizeof(address)) != 0)
			break;
	}
	assert_true(n > 5 && n < 40);
	pthread_getcpuclockid(server.thread, &clock);
	clock_gettime(clock, &cpu[0]);
	began_ms = bud_clock_mono_ms();
	usleep(300000);
	clock_gettime(clock, &cpu[1]);
	int64_t passed_ms = bud_clock_mono_ms() - began_ms;
	int64_t used_us = (cpu[1].tv_sec - cpu[0].tv_sec) * 1000000 +
			  (cpu[1].tv_nsec - cpu[0].tv_nsec) / 1000;
	assert_true(used_us < passed_ms * 1000 / 3);
	for (int i = 0; i < n; i++)
		close(fds[i]);
	setrlimit(RLIMIT_NOFILE, &before);
	http_wait_for_connections(0);
	int fd = http_client_open(&server);
	http_client_text(fd, "GET /long HTTP/1.1\r\nHost: a\r\n\r\n");
	http_expect(fd, 200, NULL);
	close(fd);
}

/* Several listeners share a port, and a stranger's is noticed beforehand. */
static void test_shared_port(void **state)
{
	int first;
	int second;
	int port;
	int same;

	(void)state;
	assert_int_equal(0, bud_listener_bind("127.0.0.1", 0, &first, &port));
	assert_int_equal(0, bud_listener_bind("localhost", port, &second, &same));
	assert_int_equal(port, same);
	assert_int_equal(0, listen(first, 1));
	assert_int_equal(-EADDRINUSE, bud_listener_probe("127.0.0.1", port));
	close(first);
	close(second);
	assert_int_equal(0, bud_listener_probe("127.0.0.1", port));
	assert_int_equal(-EINVAL, bud_listener_bind("not.an.address", 0, &first, &port));
	assert_int_equal(-EINVAL, bud_listener_bind("127.0.0.1", 65536, &first, &port));
	assert_int_equal(0, bud_listener_bind("::1", 0, &first, &port));
	close(first);
}

#define TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, http_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_bounds, start_small),
		TEST(test_descriptors_run_out, http_start),
		cmocka_unit_test(test_shared_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
