/* Names are looked up once for all who wait, never stall the loop, pin the transfer to the vetted
 * address, follow changes to the letter, and one bad address among good ones refuses the host. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "client.h"
#include "core/clock.h"
#include "name_server.h"

#define KEPT_MS 1000

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
	client_open(test->client, (struct bud_fetch_options){.name_servers = test->names.address,
					  .name_kept_ms = KEPT_MS});
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

static void answers_localhost_itself(void **state)
{
	struct names_test *test = *state;
	assert_int_equal(ask(test, "localhost", 1000)->status, 200);
	assert_int_equal(ask(test, "LOCALHOST.", 1000)->status, 200);
	assert_int_equal(ask(test, "deep.down.localhost", 1000)->status, 200);
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
	assert_int_equal(test->names.questions, questions); /* kept for a while */
}

static void refuses_if_one_address_is_denied(void **state)
{
	struct names_test *test = *state;
	test->names.records[0] = (struct name_record){
		.name = "mixed.test", .addresses = {"127.0.0.1", "127.0.0.2", "10.0.0.1"}};
	test->names.records[1] = (struct name_record){.name = "last.test"};
	for (int i = 0; i < 64; i++)
		test->names.records[1].addresses[i] = i == 63 ? "169.254.169.254" : "127.0.0.1";
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

static void wait_ms(struct names_test *test, int ms)
{
	int64_t until = bud_clock_mono_ms() + ms;
	while (bud_clock_mono_ms() < until) {
		uv_run(&test->client->loop, UV_RUN_NOWAIT);
		usleep(20000);
	}
}

/* 127.0.0.3 is a black hole at that port: it gets a share of the time, and only once. */
static void goes_past_an_address_that_is_silent(void **state)
{
	struct names_test *test = *state;
	struct sockaddr_in at;
	int fds[5];
	uv_ip4_addr("127.0.0.3", test->client->server.port, &at);
	for (int i = 0; i < 5; i++)
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(fds[0], (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fds[0], 0), 0);
	for (int i = 1; i < 5; i++)
		(void)connect(fds[i], (struct sockaddr *)&at, sizeof(at));
	test->names.records[0] =
		(struct name_record){.name = "two.test", .addresses = {"127.0.0.3", "127.0.0.2"}};
	test->second.act.then = SCRIPTED_CLOSE;
	assert_int_equal(ask(test, "two.test", 1800)->status, 201);
	assert_in_range(test->client->end.time_us, 700000, 1800000);
	assert_int_equal(ask(test, "two.test", 1800)->status, 201);
	assert_in_range(test->client->end.time_us, 0, 650000);
	unsigned questions = test->names.questions;
	wait_ms(test, KEPT_MS + 50);
	assert_int_equal(ask(test, "two.test", 1800)->status, 201);
	assert_in_range(test->client->end.time_us, 0, 650000);
	assert_true(test->names.questions > questions);
	assert_int_equal(test->second.accepts, 3);
	for (int i = 0; i < 5; i++)
		close(fds[i]);
}

static void waits_no_longer_than_two_seconds(void **state)
{
	struct names_test *test = *state;
	test->names.records[0] = (struct name_record){.name = "hole.test", .is_silent = true};
	const struct client_end *end = ask(test, "hole.test", 300);
	assert_int_equal(end->kind, BUD_FETCH_TIMEOUT);
	assert_in_range(end->time_us, 295000, 1900000);
	end = ask(test, "hole.test", 10000);
	assert_int_equal(end->kind, BUD_FETCH_NAME_FAILED);
	assert_in_range(end->time_us, 0, 4000000);
}

/* How long this thread was ready to run and another one had the processor, since it was made; 0
 * where the kernel does not say. */
static int64_t kept_waiting_us(void)
{
	static int fd = -1;
	char text[100] = "";
	long long waited_ns = 0;
	if (fd < 0)
		fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && pread(fd, text, sizeof(text) - 1, 0) > 0)
		(void)sscanf(text, "%*s %lld", &waited_ns);
	return waited_ns / 1000;
}

struct pulse {
	uv_timer_t timer;
	int64_t last_us;
	int64_t longest_us;
};

/* By a clock that stands still while others have the processor: a busy machine stalls us, too, but
 * that is not what is measured. Work counts, and so does a call that blocks. */
static int64_t own_clock_us(void)
{
	return bud_clock_mono_us() - kept_waiting_us();
}

static void on_pulse(uv_timer_t *timer)
{
	struct pulse *pulse = timer->data;
	int64_t now = own_clock_us();
	if (now - pulse->last_us > pulse->longest_us)
		pulse->longest_us = now - pulse->last_us;
	pulse->last_us = now;
}

/* 1000 names that nobody answers: the loop goes on, a known host is reached meanwhile. The
 * longest time between two ticks of a timer of 5 ms. */
static int64_t stall_with_a_black_hole(struct names_test *test, int round)
{
	static struct client_end ends[1000];
	static struct pulse pulse; /* outlives a failed assertion */
	pulse.longest_us = 0;
	test->names.is_silent = false;
	assert_int_equal(ask(test, "a.test", 5000)->status, 200);
	test->names.is_silent = true;
	uv_timer_init(&test->client->loop, &pulse.timer);
	uv_unref((uv_handle_t *)&pulse.timer);
	pulse.timer.data = &pulse;
	pulse.last_us = own_clock_us();
	uv_timer_start(&pulse.timer, on_pulse, 5, 5);
	for (int i = 0; i < 1000; i++) {
		char format[100];
		snprintf(format, sizeof(format), "http://h%d-%d.test:%%d/", round, i);
		struct bud_target *target = client_target(format, 8080);
		struct bud_fetch_request request = {.target = target, .timeout_ms = 5000};
		client_send(test->client, &request, &ends[i]);
		bud_target_unref(target);
		if (i % 100 == 99) /* not the starts are measured */
			uv_run(&test->client->loop, UV_RUN_NOWAIT);
	}
	for (int i = 0; i < 20; i++)
		assert_int_equal(ask(test, "a.test", 5000)->status, 200);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(client_wait(test->client, &ends[i])->kind, BUD_FETCH_NAME_FAILED);
		assert_true(ends[i].time_us < 4500000);
		client_forget_end(&ends[i]);
	}
	uv_close((uv_handle_t *)&pulse.timer, NULL);
	uv_run(&test->client->loop, UV_RUN_NOWAIT);
	return pulse.longest_us - 5000;
}

/* A sanitizer makes our own work slower. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STALL_US_MAX 200000
#else
#define STALL_US_MAX 20000
#endif

/* The best of five: what runs beside this machine stalls us, too. */
static void never_stalls_the_loop(void **state)
{
	struct names_test *test = *state;
	int64_t best_us = INT64_MAX;
	test->names.records[0] = (struct name_record){.name = "a.test", .addresses = {"127.0.0.1"}};
	for (int round = 0; round < 5 && best_us >= STALL_US_MAX; round++) {
		int64_t stall_us = stall_with_a_black_hole(test, round);
		print_message("longest stall: %lld us\n", (long long)stall_us);
		if (stall_us < best_us)
			best_us = stall_us;
	}
	assert_true(best_us < STALL_US_MAX);
}

static void takes_many_addresses(void **state)
{
	struct names_test *test = *state;
	test->names.records[0] = (struct name_record){.name = "many.test"};
	for (int i = 0; i < 64; i++)
		test->names.records[0].addresses[i] = "127.0.0.1";
	assert_int_equal(ask(test, "many.test", 1000)->status, 200);
}

static void goes_round_in_no_circle_of_aliases(void **state)
{
	struct names_test *test = *state;
	test->names.records[0] = (struct name_record){.name = "one.test", .alias = "two.test"};
	test->names.records[1] = (struct name_record){.name = "two.test", .alias = "one.test"};
	test->names.records[2] = (struct name_record){.name = "self.test", .alias = "self.test"};
	assert_int_equal(ask(test, "one.test", 5000)->kind, BUD_FETCH_NAME_FAILED);
	assert_int_equal(ask(test, "self.test", 5000)->kind, BUD_FETCH_NAME_FAILED);
	assert_in_range(test->names.questions, 1, 20);
}

/* The last good answer stays when the servers fail, and yields to a new one. */
static void outlives_servers_that_flap(void **state)
{
	struct names_test *test = *state;
	struct name_record *record = &test->names.records[0];
	*record = (struct name_record){.name = "flap.test", .addresses = {"127.0.0.1"}};
	assert_int_equal(ask(test, "flap.test", 1000)->status, 200);
	record->rcode = 2;
	wait_ms(test, KEPT_MS + 50);
	assert_int_equal(ask(test, "flap.test", 1000)->status, 200);
	assert_true(test->names.questions > 2);
	record->rcode = 0;
	record->addresses[0] = "127.0.0.2";
	wait_ms(test, KEPT_MS + 50);
	assert_int_equal(ask(test, "flap.test", 1000)->status, 201);
}

/* A server that is silent, and one that always fails, cost the first look-up only. */
static void asks_first_who_answered_last(void **state)
{
	struct names_test *test = *state;
	struct client *client = test->client;
	static struct name_server dead;
	char servers[80];
	bud_fetch_close(client->fetch, NULL, NULL);
	name_server_open(&dead, &client->loop);
	snprintf(servers, sizeof(servers), "%s,%s", dead.address, test->names.address);
	client_open(client, (struct bud_fetch_options){.name_servers = servers});
	test->names.records[0] = (struct name_record){.name = "a.test", .addresses = {"127.0.0.1"}};
	test->names.records[1] = (struct name_record){.name = "b.test", .addresses = {"127.0.0.1"}};
	test->names.records[2] = (struct name_record){.name = "c.test", .addresses = {"127.0.0.1"}};
	dead.records[0] = (struct name_record){.name = "a.test", .is_silent = true};
	dead.records[1] = (struct name_record){.name = "b.test", .is_silent = true};
	dead.records[2] = (struct name_record){.name = "c.test", .rcode = 2};
	assert_int_equal(ask(test, "a.test", 3000)->status, 200);
	assert_in_range(client->end.time_us, 400000, 2900000);
	assert_int_equal(ask(test, "b.test", 3000)->status, 200);
	assert_int_equal(ask(test, "c.test", 3000)->status, 200);
	assert_int_equal(ask(test, "none.test", 3000)->kind, BUD_FETCH_NAME_FAILED);
	assert_int_equal(dead.questions, 2);
	name_server_close(&dead);
	uv_run(&client->loop, UV_RUN_NOWAIT);
}

static void goes_past_a_server_that_fails(void **state)
{
	struct names_test *test = *state;
	struct client *client = test->client;
	static struct name_server bad;
	char servers[80];
	bud_fetch_close(client->fetch, NULL, NULL);
	name_server_open(&bad, &client->loop);
	snprintf(servers, sizeof(servers), "%s,%s", bad.address, test->names.address);
	client_open(client, (struct bud_fetch_options){.name_servers = servers});
	test->names.records[0] = (struct name_record){.name = "a.test", .addresses = {"127.0.0.1"}};
	bad.records[0] = (struct name_record){.name = "a.test", .rcode = 2};
	assert_int_equal(ask(test, "a.test", 3000)->status, 200);
	name_server_close(&bad);
	uv_run(&client->loop, UV_RUN_NOWAIT);
}

/* TTL 0 is taken as KEPT_MS. A new address gets a new connection though the old one is alive; the
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
	wait_ms(test, KEPT_MS + 50);
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
		cmocka_unit_test_setup_teardown(answers_localhost_itself, set_up, tear_down),
		cmocka_unit_test_setup_teardown(tells_names_that_fail, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			refuses_if_one_address_is_denied, set_up, tear_down),
		cmocka_unit_test_setup_teardown(tries_the_next_address, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			goes_past_an_address_that_is_silent, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			waits_no_longer_than_two_seconds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(never_stalls_the_loop, set_up, tear_down),
		cmocka_unit_test_setup_teardown(takes_many_addresses, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			goes_round_in_no_circle_of_aliases, set_up, tear_down),
		cmocka_unit_test_setup_teardown(outlives_servers_that_flap, set_up, tear_down),
		cmocka_unit_test_setup_teardown(asks_first_who_answered_last, set_up, tear_down),
		cmocka_unit_test_setup_teardown(goes_past_a_server_that_fails, set_up, tear_down),
		cmocka_unit_test_setup_teardown(follows_changes_of_an_address, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
