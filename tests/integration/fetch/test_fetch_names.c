/* Names are looked up once for all who wait, never stall the loop, pin the transfer to the vetted
 * address, follow changes to the letter, and one bad address among good ones refuses the host. */
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
#include "name_server.h"

struct names_test {
	struct client *client;
	struct name_server names;
	struct scripted_server second; /* on 127.0.0.2, same port */
};

static int set_up(void **state)
{
	struct names_test *test = bud_new(struct names_test);
	test->client = client_create();
	name_server_open(&test->names, &test->client->loop);
	client_open(test->client, (struct bud_fetch_options){.name_servers = test->names.address});
	test->client->server.act =
		(struct scripted_act){.text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
	scripted_server_open(
		&test->second, &test->client->loop, "127.0.0.2", test->client->server.port);
	test->second.act =
		(struct scripted_act){.text = "HTTP/1.1 201 OK\r\nContent-Length: 0\r\n\r\n"};
	*state = test;
	return 0;
}

static int tear_down(void **state)
{
	struct names_test *test = *state;
	name_server_close(&test->names);
	scripted_server_close(&test->second);
	client_destroy(test->client);
	free(test);
	return 0;
}

static const struct client_end *ask(struct names_test *test, const char *host, unsigned timeout_ms)
{
	char format[300];
	snprintf(format, sizeof(format), "http://%s:%%d/x", host);
	struct bud_target *target = client_target(format, test->client->server.port);
	struct bud_fetch_request request = {.target = target, .timeout_ms = timeout_ms};
	client_send(test->client, &request, &test->client->end);
	bud_target_unref(target);
	return client_wait(test->client, &test->client->end);
}

static void looks_up_once(void **state)
{
	struct names_test *test = *state;
	static struct client_end ends[20];
	test->names.records[0] = (struct name_record){.name = "a.test", .addresses = {"127.0.0.1"}};
	struct bud_target *target = client_target("http://a.test:%d/x", test->client->server.port);
	for (int i = 0; i < 20; i++) {
		struct bud_fetch_request request = {.target = target, .timeout_ms = 1000};
		client_send(test->client, &request, &ends[i]);
	}
	for (int i = 0; i < 20; i++) {
		assert_int_equal(client_wait(test->client, &ends[i])->status, 200);
		client_forget_end(&ends[i]);
	}
	bud_target_unref(target);
	assert_int_equal(ask(test, "A.test.", 1000)->status, 200);
	assert_int_equal(test->names.questions, 2); /* A and AAAA */
	char host[100];
	snprintf(host, sizeof(host), "\r\nHost: a.test:%d\r\n", test->client->server.port);
	assert_non_null(strstr(test->client->server.last.at, host));
}

static void honours_the_hosts_file(void **state)
{
	struct names_test *test = *state;
	assert_int_equal(ask(test, "localhost", 1000)->status, 200);
	assert_int_equal(test->names.questions, 0);
}

static void tells_names_that_fail(void **state)
{
	struct names_test *test = *state;
	test->names.records[0] = (struct name_record){.name = "fail.test", .rcode = 2};
	test->names.records[1] = (struct name_record){.name = "empty.test"};
	assert_int_equal(ask(test, "no.test", 1500)->kind, BUD_FETCH_NAME_FAILED);
	assert_int_equal(ask(test, "empty.test", 1500)->kind, BUD_FETCH_NAME_FAILED);
	assert_int_equal(ask(test, "fail.test", 5000)->kind, BUD_FETCH_NAME_FAILED);
	unsigned questions = test->names.questions;
	assert_int_equal(ask(test, "no.test", 1500)->kind, BUD_FETCH_NAME_FAILED);
	assert_int_equal(test->names.questions, questions); /* kept for 5 s */
}

static void refuses_if_one_address_is_denied(void **state)
{
	struct names_test *test = *state;
	test->names.records[0] = (struct name_record){
		.name = "mixed.test", .addresses = {"127.0.0.1", "127.0.0.2", "10.0.0.1"}};
	test->names.records[1] = (struct name_record){.name = "last.test"};
	for (int i = 0; i < 28; i++)
		test->names.records[1].addresses[i] = i == 27 ? "169.254.169.254" : "127.0.0.1";
	assert_int_equal(ask(test, "mixed.test", 1000)->kind, BUD_FETCH_ADDRESS_REFUSED);
	assert_string_equal(test->client->end.text, "the host's address is not allowed");
	assert_int_equal(ask(test, "last.test", 1000)->kind, BUD_FETCH_ADDRESS_REFUSED);
	assert_int_equal(test->client->server.accepts, 0);
}

static void tries_the_next_address(void **state)
{
	struct names_test *test = *state;
	test->names.records[0] = (struct name_record){
		.name = "two.test", .addresses = {"127.0.0.3", "127.0.0.4", "127.0.0.2"}};
	assert_int_equal(ask(test, "two.test", 1000)->status, 201);
}

static void waits_no_longer_than_two_seconds(void **state)
{
	struct names_test *test = *state;
	test->names.records[0] = (struct name_record){.name = "hole.test", .is_silent = true};
	const struct client_end *end = ask(test, "hole.test", 300);
	assert_int_equal(end->kind, BUD_FETCH_TIMEOUT);
	assert_in_range(end->time_us, 295000, 400000);
	end = ask(test, "hole.test", 10000);
	assert_int_equal(end->kind, BUD_FETCH_NAME_FAILED);
	assert_in_range(end->time_us, 0, 2200000);
}

struct pulse {
	uv_timer_t timer;
	int64_t last_us;
	int64_t longest_us;
};

static void on_pulse(uv_timer_t *timer)
{
	struct pulse *pulse = timer->data;
	int64_t now = bud_clock_mono_us();
	if (now - pulse->last_us > pulse->longest_us)
		pulse->longest_us = now - pulse->last_us;
	pulse->last_us = now;
}

/* 900 black-holed names: the loop goes on, a known host is reached meanwhile. */
static void never_stalls_the_loop(void **state)
{
	struct names_test *test = *state;
	static struct client_end ends[900];
	struct pulse pulse = {0};
	test->names.records[0] = (struct name_record){.name = "a.test", .addresses = {"127.0.0.1"}};
	assert_int_equal(ask(test, "a.test", 1000)->status, 200);
	uv_udp_recv_stop(&test->names.udp);
	uv_timer_init(&test->client->loop, &pulse.timer);
	pulse.timer.data = &pulse;
	pulse.last_us = bud_clock_mono_us();
	uv_timer_start(&pulse.timer, on_pulse, 1, 1);
	for (int i = 0; i < 900; i++) {
		char format[100];
		snprintf(format, sizeof(format), "http://h%d.test:%%d/", i);
		struct bud_target *target = client_target(format, 8080);
		struct bud_fetch_request request = {.target = target, .timeout_ms = 5000};
		client_send(test->client, &request, &ends[i]);
		bud_target_unref(target);
	}
	for (int i = 0; i < 20; i++)
		assert_int_equal(ask(test, "a.test", 500)->status, 200);
	for (int i = 0; i < 900; i++) {
		assert_int_equal(client_wait(test->client, &ends[i])->kind, BUD_FETCH_NAME_FAILED);
		assert_true(ends[i].time_us < 2400000);
		client_forget_end(&ends[i]);
	}
	uv_close((uv_handle_t *)&pulse.timer, NULL);
	uv_run(&test->client->loop, UV_RUN_NOWAIT);
	print_message("longest turn: %lld us\n", (long long)pulse.longest_us);
	assert_true(pulse.longest_us < 200000);
}

/* TTL 0 is taken as 5 s. A new address gets a new connection though the old one is alive; the
 * same again gets the pooled one; a name that turns to a denied address is refused. */
static void follows_changes_of_an_address(void **state)
{
	struct names_test *test = *state;
	test->names.records[0] =
		(struct name_record){.name = "pin.test", .addresses = {"127.0.0.1"}};
	test->names.records[1] =
		(struct name_record){.name = "rebind.test", .addresses = {"127.0.0.1"}};
	assert_int_equal(ask(test, "pin.test", 1000)->status, 200);
	assert_int_equal(ask(test, "rebind.test", 1000)->status, 200);
	test->names.records[0].addresses[0] = "127.0.0.2";
	test->names.records[1].addresses[0] = "10.0.0.1";
	assert_int_equal(ask(test, "pin.test", 1000)->status, 200);
	assert_int_equal(test->client->server.accepts, 2);
	int64_t until = bud_clock_mono_ms() + 5050;
	while (bud_clock_mono_ms() < until) {
		uv_run(&test->client->loop, UV_RUN_NOWAIT);
		usleep(20000);
	}
	assert_int_equal(ask(test, "pin.test", 1000)->status, 201);
	assert_int_equal(ask(test, "pin.test", 1000)->status, 201);
	assert_int_equal(test->second.accepts, 1);
	assert_int_equal(ask(test, "rebind.test", 1000)->kind, BUD_FETCH_ADDRESS_REFUSED);
	assert_int_equal(test->client->server.accepts, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(looks_up_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(honours_the_hosts_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(tells_names_that_fail, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			refuses_if_one_address_is_denied, set_up, tear_down),
		cmocka_unit_test_setup_teardown(tries_the_next_address, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			waits_no_longer_than_two_seconds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(never_stalls_the_loop, set_up, tear_down),
		cmocka_unit_test_setup_teardown(follows_changes_of_an_address, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
