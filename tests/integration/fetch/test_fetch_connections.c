/* Connections are used again and survive the keep-alive race, the guard refuses addresses, and
 * every transfer ends exactly once however it is ended. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "client.h"
#include "core/clock.h"

#define ANSWER_MS 20000 /* for what answers at last */

static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

static int set_up(void **state)
{
	struct client *client = client_create();
	client_open(client, (struct bud_fetch_options){0});
	client->server.act = (struct scripted_act){.text = ok};
	*state = client;
	return 0;
}

static int tear_down(void **state)
{
	client_destroy(*state);
	return 0;
}

static void uses_a_connection_again(void **state)
{
	struct client *client = *state;
	for (int i = 0; i < 100; i++)
		assert_int_equal(client_do(client, ANSWER_MS)->status, 200);
	assert_int_equal(client->server.requests, 100);
	assert_int_equal(client->server.accepts, 1);
}

struct crowd {
	struct client *client;
	struct bud_fetch_request request;
	unsigned started;
	unsigned ended;
	unsigned good;
	unsigned total;
};

static void on_crowd(void *owner, const struct bud_fetch_result *result)
{
	struct crowd *crowd = owner;
	crowd->ended++;
	crowd->good += result->kind == BUD_FETCH_RESPONSE && result->status == 200;
	if (crowd->started == crowd->total)
		return;
	crowd->started++;
	int r = bud_fetch_start(crowd->client->fetch, &crowd->request, on_crowd, crowd, NULL);
	assert_int_equal(r, 0);
}

static void run_crowd(struct crowd *crowd, unsigned at_a_time)
{
	while (crowd->started < at_a_time) {
		crowd->started++;
		assert_int_equal(bud_fetch_start(crowd->client->fetch, &crowd->request, on_crowd,
					 crowd, NULL),
			0);
	}
	while (crowd->ended < crowd->total)
		uv_run(&crowd->client->loop, UV_RUN_ONCE);
}

static void keeps_as_many_connections_as_were_busy(void **state)
{
	struct client *client = *state;
	struct crowd crowd = {.client = client,
		.total = 2000,
		.request = {.target = client->target,
			.timeout_ms = ANSWER_MS,
			.body = bud_span("hello")}};
	run_crowd(&crowd, 100);
	assert_int_equal(crowd.good, 2000);
	assert_int_equal(client->server.requests, 2000);
	assert_in_range(client->server.accepts, 1, 100);
}

static void repeats_when_a_kept_connection_was_closed(void **state)
{
	struct client *client = *state;
	struct bud_target *other = client_target("http://127.0.0.1:%d/other", client->server.port);
	struct bud_target *targets[] = {client->target, other};
	client->server.act.dies_at = 3;
	for (int i = 0; i < 20; i++) {
		struct bud_fetch_request request = {.target = targets[i / 3 % 2],
			.timeout_ms = ANSWER_MS,
			.body = bud_span("x")};
		client_send(client, &request, &client->end);
		const struct client_end *end = client_wait(client, &client->end);
		if (end->status != 200)
			fail_msg("request %d: %s", i, bud_fetch_kind_word(end->kind));
		struct bud_span sent = bud_buffer_as_span(&client->server.last);
		assert_true(bud_span_starts(
			sent, bud_span(i / 3 % 2 ? "POST /other " : "POST /hook?a=b ")));
	}
	assert_true(client->server.accepts > 5);
	bud_target_unref(other);
}

/* A receiver that dies of a request gets it twice, not once for each connection that it keeps. */
static void repeats_once_however_many_are_kept(void **state)
{
	struct client *client = *state;
	struct crowd crowd = {.client = client,
		.total = 24,
		.request = {.target = client->target,
			.timeout_ms = ANSWER_MS,
			.body = bud_span("hello")}};
	client->server.act.drip_ms = 1; /* so that all are busy at once */
	run_crowd(&crowd, 12);
	assert_int_equal(crowd.good, 24);
	assert_in_range(client->server.accepts, 10, 12);
	client->server.act = (struct scripted_act){.then = SCRIPTED_CLOSE};
	for (unsigned i = 0; i < 4; i++) {
		client->server.requests = 0;
		assert_int_equal(client_do(client, ANSWER_MS)->kind, BUD_FETCH_RESET);
		assert_in_range(client->server.requests, 1, 2);
	}
	/* It is well again, and connections are kept as before. */
	client->server.act =
		(struct scripted_act){.text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
	client->server.accepts = 0;
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(client_do(client, ANSWER_MS)->status, 200);
	assert_in_range(client->server.accepts, 0, 1);
}

/* An idle connection that the server closes must neither spin the loop nor be used. */
static void notices_a_closed_idle_connection(void **state)
{
	struct client *client = *state;
	client->server.act.then = SCRIPTED_CLOSE;
	for (int i = 0; i < 5; i++) {
		assert_int_equal(client_do(client, ANSWER_MS)->status, 200);
		int64_t until = bud_clock_mono_ms() + 30;
		unsigned turns = 0;
		while (bud_clock_mono_ms() < until) {
			uv_run(&client->loop, UV_RUN_NOWAIT);
			usleep(1000);
			turns++;
		}
		assert_in_range(turns, 1, 40);
	}
	assert_int_equal(client->server.accepts, 5);
}

/* Some servers tell an idle connection that they waited too long (408), and what nobody asked for
 * may be anything: it is never the answer to what is sent next. */
static void takes_nothing_for_an_answer_that_came_before(void **state)
{
	struct client *client = *state;
	client->server.act = (struct scripted_act){
		.text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
			"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n",
		.drip_ms = 1};
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(client_do(client, ANSWER_MS)->status, 200);
		while (client->server.connections && client->server.answers == 0)
			uv_run(&client->loop, UV_RUN_ONCE);
	}
	assert_int_equal(client->server.requests, 3);
}

static void refuses_loopback_unless_allowed(void **state)
{
	struct client *client = *state;
	const char *const urls[] = {"http://10.255.255.1:%d/", "http://[fc00::1]:%d/",
		"http://169.254.169.254:%d/", "http://[::ffff:10.0.0.1]:%d/"};
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct bud_target *target = client_target(urls[i], 8080);
		struct bud_fetch_request request = {.target = target, .timeout_ms = ANSWER_MS};
		client_send(client, &request, &client->end);
		const struct client_end *end = client_wait(client, &client->end);
		assert_int_equal(end->kind, BUD_FETCH_ADDRESS_REFUSED);
		assert_int_equal(end->status, 0);
		assert_string_equal(end->text, "the host's address is not allowed");
		bud_target_unref(target);
	}
	struct bud_fetch *strict =
		bud_fetch_open(&client->loop, &(struct bud_fetch_options){.allow_http = true});
	struct bud_fetch *both = client->fetch;
	client->fetch = strict;
	assert_int_equal(client_do(client, ANSWER_MS)->kind, BUD_FETCH_ADDRESS_REFUSED);
	struct bud_target *name = client_target("http://localhost:%d/", client->server.port);
	struct bud_fetch_request request = {.target = name, .timeout_ms = ANSWER_MS};
	client_send(client, &request, &client->end);
	assert_int_equal(client_wait(client, &client->end)->kind, BUD_FETCH_ADDRESS_REFUSED);
	assert_string_equal(client->end.text, "the host's address is not allowed");
	assert_int_equal(client->server.accepts, 0);
	bud_target_unref(name);
	bud_fetch_close(strict, NULL, NULL);
	client->fetch = both;
}

static void refuses_http_unless_allowed(void **state)
{
	struct client *client = *state;
	struct bud_fetch *strict = bud_fetch_open(
		&client->loop, &(struct bud_fetch_options){.networks = &client->loopback});
	struct bud_fetch_request request = {.target = client->target, .timeout_ms = ANSWER_MS};
	assert_int_equal(bud_fetch_start(strict, &request, NULL, NULL, NULL), -EPROTONOSUPPORT);
	bud_fetch_close(strict, NULL, NULL);
}

static void tells_a_refused_connection(void **state)
{
	struct client *client = *state;
	struct scripted_server gone;
	scripted_server_open(&gone, &client->loop, "127.0.0.1", 0);
	struct bud_target *target = client_target("http://127.0.0.1:%d/", gone.port);
	scripted_server_close(&gone);
	uv_run(&client->loop, UV_RUN_NOWAIT);
	struct bud_fetch_request request = {.target = target, .timeout_ms = ANSWER_MS};
	client_send(client, &request, &client->end);
	assert_int_equal(client_wait(client, &client->end)->kind, BUD_FETCH_CONNECT_FAILED);
	bud_target_unref(target);
}

/* A listener whose queue is full answers no SYN any more. */
static void gives_up_connecting_at_the_deadline(void **state)
{
	struct client *client = *state;
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t len = sizeof(at);
	int fds[4], listener = socket(AF_INET, SOCK_STREAM, 0);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(listener, 0), 0);
	getsockname(listener, (struct sockaddr *)&at, &len);
	for (int i = 0; i < 4; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(fds[i], (struct sockaddr *)&at, len);
	}
	struct bud_target *target = client_target("http://127.0.0.1:%d/", ntohs(at.sin_port));
	struct bud_fetch_request request = {.target = target, .timeout_ms = 200};
	client_send(client, &request, &client->end);
	const struct client_end *end = client_wait(client, &client->end);
	assert_int_equal(end->kind, BUD_FETCH_TIMEOUT);
	assert_true(end->time_us >= 195000);
	assert_true(end->late_us < 100000);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	close(listener);
	bud_target_unref(target);
}

static void ignores_proxies_from_the_environment(void **state)
{
	struct client *client = *state;
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	assert_int_equal(client_do(client, ANSWER_MS)->status, 200);
	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
}

static void cancels(void **state)
{
	struct client *client = *state;
	client->server.act = (struct scripted_act){0};
	struct bud_transfer *transfer = client_start(client, ANSWER_MS);
	bud_transfer_cancel(transfer); /* before anything happened */
	assert_int_equal(client->end.calls, 0);
	assert_int_equal(client_wait(client, &client->end)->kind, BUD_FETCH_CANCELLED);
	transfer = client_start(client, ANSWER_MS);
	while (client->server.requests == 0)
		uv_run(&client->loop, UV_RUN_ONCE);
	bud_transfer_cancel(transfer); /* while the server thinks */
	bud_transfer_cancel(transfer); /* twice is once */
	assert_int_equal(client->end.calls, 0);
	assert_int_equal(client_wait(client, &client->end)->kind, BUD_FETCH_CANCELLED);
	assert_int_equal(bud_fetch_running(client->fetch), 0);
	client->server.act = (struct scripted_act){.text = ok};
	assert_int_equal(client_do(client, ANSWER_MS)->status, 200);
}

static void ends_everything_when_closed(void **state)
{
	struct client *client = *state;
	static struct client_end ends[10];
	client->server.act = (struct scripted_act){0};
	struct bud_target *name = client_target("http://localhost:%d/", client->server.port);
	for (int i = 0; i < 10; i++) {
		struct bud_fetch_request request = {
			.target = i % 2 ? client->target : name, .timeout_ms = ANSWER_MS};
		client_send(client, &request, &ends[i]);
		if (i == 5)
			while (client->server.requests == 0)
				uv_run(&client->loop, UV_RUN_ONCE);
	}
	bud_fetch_close(client->fetch, NULL, NULL);
	struct bud_fetch_request request = {.target = client->target, .timeout_ms = ANSWER_MS};
	assert_int_equal(bud_fetch_start(client->fetch, &request, NULL, NULL, NULL), -ECANCELED);
	client->fetch = NULL;
	for (int i = 0; i < 10; i++)
		assert_int_equal(ends[i].calls, 0);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(client_wait(client, &ends[i])->kind, BUD_FETCH_CANCELLED);
		client_forget_end(&ends[i]);
	}
	bud_target_unref(name);
}

static void on_end_close(void *owner, const struct bud_fetch_result *result)
{
	struct client *client = owner;
	client->end.calls++;
	client->end.status = result->status;
	bud_fetch_close(bud_move(client->fetch), NULL, NULL);
}

static void may_be_closed_from_a_callback(void **state)
{
	struct client *client = *state;
	struct bud_fetch_request request = {.target = client->target, .timeout_ms = ANSWER_MS};
	assert_int_equal(bud_fetch_start(client->fetch, &request, on_end_close, client, NULL), 0);
	assert_int_equal(client_wait(client, &client->end)->status, 200);
}

static void bounds_what_runs_at_a_time(void **state)
{
	struct client *client = *state;
	struct bud_fetch *usual = client->fetch;
	static struct client_end ends[3];
	client_open(client, (struct bud_fetch_options){.connections_max = 2, .multis = 1});
	struct bud_fetch_request request = {.target = client->target, .timeout_ms = ANSWER_MS};
	client_send(client, &request, &ends[0]);
	client_send(client, &request, &ends[1]);
	assert_int_equal(bud_fetch_start(client->fetch, &request, NULL, NULL, NULL), -EAGAIN);
	client_wait(client, &ends[0]);
	client_send(client, &request, &ends[2]);
	assert_int_equal(client_wait(client, &ends[1])->status, 200);
	assert_int_equal(client_wait(client, &ends[2])->status, 200);
	bud_fetch_close(client->fetch, NULL, NULL);
	client->fetch = usual;
	for (int i = 0; i < 3; i++)
		client_forget_end(&ends[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(uses_a_connection_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			keeps_as_many_connections_as_were_busy, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			repeats_when_a_kept_connection_was_closed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			repeats_once_however_many_are_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			notices_a_closed_idle_connection, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			takes_nothing_for_an_answer_that_came_before, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refuses_loopback_unless_allowed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refuses_http_unless_allowed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(tells_a_refused_connection, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			gives_up_connecting_at_the_deadline, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			ignores_proxies_from_the_environment, set_up, tear_down),
		cmocka_unit_test_setup_teardown(cancels, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ends_everything_when_closed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(may_be_closed_from_a_callback, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bounds_what_runs_at_a_time, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
