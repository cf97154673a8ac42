/* Without a descriptor for a socket, a local port or our source address nothing is said about the
 * target: neither about its address nor about its name; and it is well again when there is one. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>
#include "client.h"
#include "core/error.h"
#include "name_server.h"

/* Sockets of this kind get no local address and port; 0: all do. */
static bool refuses_streams, refuses_datagrams;

/* In place of the C library's, for libcurl, too. */
int connect(int fd, const struct sockaddr *address, socklen_t len)
{
	int type = 0;
	socklen_t type_len = sizeof(type);
	getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len);
	if (type == SOCK_STREAM ? refuses_streams : refuses_datagrams) {
		errno = EADDRNOTAVAIL;
		return -1;
	}
	return (int)syscall(SYS_connect, fd, address, len);
}

struct exhausted_test {
	struct client *client;
	struct name_server names;
	struct rlimit before;
};

static int set_up(void **state)
{
	struct exhausted_test *test = bud_new(struct exhausted_test);
	test->client = client_create();
	test->client->server.act =
		(struct scripted_act){.text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
	name_server_open(&test->names, &test->client->loop);
	test->names.anybody = "127.0.0.1";
	client_open(test->client,
		(struct bud_fetch_options){.name_servers = test->names.address, .own_ports = {1}});
	getrlimit(RLIMIT_NOFILE, &test->before);
	*state = test;
	return 0;
}

static int tear_down(void **state)
{
	struct exhausted_test *test = *state;
	refuses_streams = refuses_datagrams = false;
	setrlimit(RLIMIT_NOFILE, &test->before);
	name_server_close(&test->names);
	client_destroy(test->client);
	free(test);
	return 0;
}

static void exhaust(struct exhausted_test *test)
{
	struct rlimit tight = test->before;
	int spare = dup(0);
	assert_true(spare >= 0);
	close(spare);
	tight.rlim_cur = (rlim_t)spare;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
}

static void assert_end(
	struct exhausted_test *test, const char *format, int port, enum bud_fetch_kind kind)
{
	struct bud_target *target = client_target(format, port);
	struct bud_fetch_request request = {.target = target, .timeout_ms = 3000};
	client_send(test->client, &request, &test->client->end);
	bud_target_unref(target);
	const struct client_end *end = client_wait(test->client, &test->client->end);
	if (end->kind != kind)
		fail_msg("%s: %s (%s)", format, bud_fetch_kind_word(end->kind), end->text);
}

static void says_nothing_about_the_target(void **state)
{
	struct exhausted_test *test = *state;
	int port = test->client->server.port;
	static const char *const urls[] = {
		"http://127.0.0.1:%d/", "http://localhost:%d/", "http://a.test:%d/"};
	exhaust(test);
	for (int again = 0; again < 2; again++)
		for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
			assert_end(test, urls[i], port, BUD_FETCH_BLOCKED);
	assert_string_equal(test->client->end.text,
		"no file or port is free, or delivery.source_address is not ours");
	assert_string_equal(bud_fetch_kind_word(BUD_FETCH_BLOCKED), "blocked");
	setrlimit(RLIMIT_NOFILE, &test->before);
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
		assert_end(test, urls[i], port, BUD_FETCH_RESPONSE);
	assert_end(test, "http://10.0.0.1:%d/", port, BUD_FETCH_ADDRESS_REFUSED);
}

/* A connection that is there is used all the same, and a name that was found stays found. */
static void goes_on_with_what_there_is(void **state)
{
	struct exhausted_test *test = *state;
	int port = test->client->server.port;
	assert_end(test, "http://a.test:%d/", port, BUD_FETCH_RESPONSE);
	exhaust(test);
	assert_end(test, "http://a.test:%d/", port, BUD_FETCH_RESPONSE);
	assert_end(test, "http://b.test:%d/", port, BUD_FETCH_BLOCKED);
	assert_int_equal(test->client->server.accepts, 1);
}

static void blames_nobody_for_a_local_port(void **state)
{
	struct exhausted_test *test = *state;
	int port = test->client->server.port;
	refuses_streams = true;
	assert_end(test, "http://127.0.0.1:%d/", port, BUD_FETCH_BLOCKED);
	assert_end(test, "http://a.test:%d/", port, BUD_FETCH_BLOCKED);
	assert_string_equal(test->client->end.text,
		"no file or port is free, or delivery.source_address is not ours");
	refuses_streams = false;
	assert_end(test, "http://127.0.0.1:%d/", port, BUD_FETCH_RESPONSE);
}

/* As where there is no IPv6: a target that has nothing else is not reached, now or later. */
static void without_an_address_it_is_not_reached(void **state)
{
	struct exhausted_test *test = *state;
	refuses_streams = refuses_datagrams = true;
	assert_end(
		test, "http://127.0.0.1:%d/", test->client->server.port, BUD_FETCH_CONNECT_FAILED);
}

static int set_up_elsewhere(void **state)
{
	struct exhausted_test *test = bud_new(struct exhausted_test);
	struct bud_networks sources = {.n = 1};
	int r = bud_network_parse(bud_span("192.0.2.7"), &sources.list[0], &(struct bud_error){0});
	assert_int_equal(r, 0);
	test->client = client_create();
	name_server_open(&test->names, &test->client->loop);
	client_open(test->client, (struct bud_fetch_options){.sources = &sources});
	getrlimit(RLIMIT_NOFILE, &test->before);
	*state = test;
	return 0;
}

static void blames_nobody_for_our_source_address(void **state)
{
	struct exhausted_test *test = *state;
	assert_end(test, "http://127.0.0.1:%d/", test->client->server.port, BUD_FETCH_BLOCKED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(says_nothing_about_the_target, set_up, tear_down),
		cmocka_unit_test_setup_teardown(goes_on_with_what_there_is, set_up, tear_down),
		cmocka_unit_test_setup_teardown(blames_nobody_for_a_local_port, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			without_an_address_it_is_not_reached, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			blames_nobody_for_our_source_address, set_up_elsewhere, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
