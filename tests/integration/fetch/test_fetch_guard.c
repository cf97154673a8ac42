/* Whatever the networks allow, our own listeners are no sinks; connections come from the address
 * that was set; through a proxy nothing else is connected to, and what needs no name server is
 * still vetted. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "client.h"

#define ANSWER_MS 20000 /* for what answers at last */

static int set_up(void **state)
{
	struct client *client = client_create();
	client->server.act =
		(struct scripted_act){.text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
	*state = client;
	return 0;
}

static int tear_down(void **state)
{
	client_destroy(*state);
	return 0;
}

static const struct client_end *ask(struct client *client, const char *format, int port)
{
	struct bud_target *target = client_target(format, port);
	struct bud_fetch_request request = {
		.target = target, .timeout_ms = ANSWER_MS, .body = bud_span("hello")};
	client_send(client, &request, &client->end);
	bud_target_unref(target);
	return client_wait(client, &client->end);
}

/* 127.9.8.7 is the same listener when that is bound to all addresses, and nobody can tell. */
static void refuses_our_own_listeners(void **state)
{
	struct client *client = *state;
	struct scripted_server other;
	uint16_t port = (uint16_t)client->server.port;
	struct bud_networks nat64 = {.n = 1};
	assert_int_equal(
		bud_network_parse(bud_span("64:ff9b::/96"), &nat64.list[0], &(struct bud_error){0}),
		0);
	client_open(client, (struct bud_fetch_options){.own_ports = {1, port}, .nat64 = &nat64});
	static const char *const urls[] = {"http://127.0.0.1:%d/", "http://localhost:%d/",
		"http://127.9.8.7:%d/", "http://x.localhost:%d/", "http://[::ffff:127.0.0.1]:%d/",
		"http://[64:ff9b::127.0.0.1]:%d/"};
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		const struct client_end *end = ask(client, urls[i], port);
		if (end->kind != BUD_FETCH_ADDRESS_REFUSED)
			fail_msg("%s: %s", urls[i], bud_fetch_kind_word(end->kind));
	}
	assert_int_equal(client->server.accepts, 0);
	scripted_server_open(&other, &client->loop, "127.0.0.1", 0);
	other.act = client->server.act;
	assert_int_equal(ask(client, "http://127.0.0.1:%d/", other.port)->status, 200);
	scripted_server_close(&other);
	uv_run(&client->loop, UV_RUN_NOWAIT);
}

static void read_source(struct bud_networks *networks, const char *text)
{
	struct bud_error error;
	int r = bud_network_parse(bud_span(text), &networks->list[networks->n], &error);
	assert_int_equal(r, 0);
	networks->n++;
}

static void sends_from_the_address_that_was_set(void **state)
{
	struct client *client = *state;
	struct bud_networks sources = {0};
	struct sockaddr_in at = {.sin_family = AF_INET}, peer;
	socklen_t len = sizeof(at);
	int fd = -1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(listener, 8), 0);
	getsockname(listener, (struct sockaddr *)&at, &len);
	read_source(&sources, "2001:db8::7");
	read_source(&sources, "127.0.0.7");
	client_open(client, (struct bud_fetch_options){.sources = &sources});
	struct bud_target *target = client_target("http://127.0.0.1:%d/", ntohs(at.sin_port));
	struct bud_fetch_request request = {.target = target, .timeout_ms = ANSWER_MS};
	client_send(client, &request, &client->end);
	while (fd < 0 && client->end.calls == 0) {
		uv_run(&client->loop, UV_RUN_NOWAIT);
		fd = accept(listener, (struct sockaddr *)&peer, &len);
	}
	assert_true(fd >= 0);
	assert_int_equal(ntohl(peer.sin_addr.s_addr), 0x7f000007);
	close(fd);
	close(listener);
	client_wait(client, &client->end);
	bud_target_unref(target);
}

static void reaches_no_family_without_a_source(void **state)
{
	struct client *client = *state;
	struct bud_networks sources = {0};
	read_source(&sources, "::1");
	client_open(client, (struct bud_fetch_options){.sources = &sources});
	const struct client_end *end = ask(client, "http://127.0.0.1:%d/", client->server.port);
	assert_int_equal(end->kind, BUD_FETCH_CONNECT_FAILED);
	assert_int_equal(client->server.accepts, 0);
}

/* The scripted server stands for the proxy: it answers CONNECT, then what comes through. */
static void open_with_proxy(struct client *client, const struct bud_networks *networks)
{
	char proxy[60];
	snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", client->server.port);
	struct bud_fetch_options options = {
		.proxy = proxy, .allow_http = true, .networks = networks};
	client->fetch = bud_fetch_open(&client->loop, &options);
}

static void sends_everything_through_the_proxy(void **state)
{
	struct client *client = *state;
	open_with_proxy(client, NULL);
	const struct client_end *end = ask(client, "http://name.test:%d/hook", 8080);
	assert_int_equal(end->status, 200);
	assert_int_equal(client->server.requests, 2);
	assert_int_equal(client->server.accepts, 1);
	struct bud_span last = bud_buffer_as_span(&client->server.last);
	assert_true(bud_span_starts(last, bud_span("POST /hook HTTP/1.1\r\n")));
	assert_int_equal(ask(client, "http://name.test:%d/hook", 8080)->status, 200);
	assert_int_equal(client->server.requests, 3); /* the tunnel stays */
	assert_int_equal(ask(client, "http://8.8.8.8:%d/", 8080)->status, 200);
	assert_int_equal(client->server.accepts, 2);
}

static void tells_what_a_proxy_refuses(void **state)
{
	struct client *client = *state;
	client->server.act.text = "HTTP/1.1 403 No\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n";
	open_with_proxy(client, NULL);
	const struct client_end *end = ask(client, "https://name.test:%d/hook", 8443);
	assert_int_equal(end->kind, BUD_FETCH_CONNECT_FAILED);
	assert_int_equal(end->status, 0);
	assert_string_equal(end->retry_after, "");
	struct bud_span last = bud_buffer_as_span(&client->server.last);
	assert_true(bud_span_starts(last, bud_span("CONNECT name.test:8443 HTTP/1.1\r\n")));
}

static void vets_addresses_before_a_proxy(void **state)
{
	struct client *client = *state;
	open_with_proxy(client, NULL);
	static const char *const urls[] = {"http://127.0.0.1:%d/", "http://10.1.2.3:%d/",
		"http://169.254.169.254:%d/", "http://[::1]:%d/", "http://localhost:%d/"};
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
		assert_int_equal(ask(client, urls[i], 8080)->kind, BUD_FETCH_ADDRESS_REFUSED);
	assert_int_equal(client->server.accepts, 0);
}

static void says_that_a_proxy_is_away(void **state)
{
	struct client *client = *state;
	struct bud_fetch_options options = {.proxy = "http://127.0.0.1:1", .allow_http = true};
	client->fetch = bud_fetch_open(&client->loop, &options);
	assert_int_equal(ask(client, "http://8.8.8.8:%d/", 8080)->kind, BUD_FETCH_CONNECT_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(refuses_our_own_listeners, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			sends_from_the_address_that_was_set, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			reaches_no_family_without_a_source, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			sends_everything_through_the_proxy, set_up, tear_down),
		cmocka_unit_test_setup_teardown(tells_what_a_proxy_refuses, set_up, tear_down),
		cmocka_unit_test_setup_teardown(vets_addresses_before_a_proxy, set_up, tear_down),
		cmocka_unit_test_setup_teardown(says_that_a_proxy_is_away, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
