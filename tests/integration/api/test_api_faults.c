/* When Redis leaves or the table lags, the API says so, waits as long as it may, stores nothing
 * twice, and answers everything before it stops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include "api_rig.h"
#include "core/clock.h"

#define BODY          "{\"protocol\":\"HTTP\",\"sink\":\"https://example.com/a\"}"
#define LOST_AFTER_MS 700
#define SLACK_MS      10000

static int start(void **state)
{
	(void)state;
	api_node_start(&node, LOST_AFTER_MS);
	return 0;
}

static bool is_answered(int fd, int wait_ms)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	return poll(&poll_fd, 1, wait_ms) == 1;
}

static void wait_for(atomic_bool *flag, bool value)
{
	for (int i = 0; i < 30000 && *flag != value; i++)
		usleep(1000);
	assert_int_equal(value, *flag);
}

static void hold_table(void)
{
	node.holds_table = true;
	usleep(50000); /* what is being read is in */
}

static void test_list_waits_for_the_table(void **state)
{
	(void)state;
	hold_table();
	assert_int_equal(201, api_ask("POST /subscriptions", BODY));
	int fd = api_send(&node, "GET /subscriptions", NULL, NULL);
	assert_false(is_answered(fd, 100));
	node.holds_table = false;
	assert_int_equal(200, api_await(fd));
	assert_int_equal(1, json_array_size(answer.body));
}

static void test_list_waits_no_longer_than_it_may(void **state)
{
	int64_t began = bud_clock_mono_ms();

	(void)state;
	hold_table();
	assert_int_equal(201, api_ask("POST /subscriptions", BODY));
	assert_int_equal(200, api_ask("GET /subscriptions", NULL));
	assert_int_equal(0, json_array_size(answer.body));
	assert_in_range(bud_clock_mono_ms() - began, 2000, 2000 + SLACK_MS);
}

static void test_stop_answers_what_waits(void **state)
{
	(void)state;
	hold_table();
	assert_int_equal(201, api_ask("POST /subscriptions", BODY));
	int list = api_send(&node, "GET /subscriptions", NULL, NULL);
	assert_false(is_answered(list, 100));
	node.wants_api_stop = true;
	wait_for(&node.wants_api_stop, false);
	assert_true(is_answered(list, SLACK_MS));
	close(list);
	/* And a put whose answer is lost after the stop. */
	redis_server_pause(&node.server);
	assert_int_equal(503, api_ask("POST /subscriptions", BODY));
	redis_server_resume(&node.server);
}

/* Sends a write that Redis does not answer in time, and lets Redis go on. */
static int send_and_lose(const char *request_line, const char *body)
{
	redis_server_pause(&node.server);
	int fd = api_send(&node, request_line, NULL, body);
	wait_for(&node.readiness.is_redis_up, false);
	assert_false(is_answered(fd, 0));
	redis_server_resume(&node.server);
	return fd;
}

static size_t stored(void)
{
	redisReply *reply = redis_server_ask(&node.server, "HLEN bud:{s0}:subs:records");
	size_t n = (size_t)reply->integer;

	freeReplyObject(reply);
	return n;
}

static void test_lost_answers(void **state)
{
	char line[100];

	(void)state;
	assert_int_equal(201, api_await(send_and_lose("POST /subscriptions", BODY)));
	assert_int_equal(1, stored());
	snprintf(line, sizeof(line), "DELETE /subscriptions/%s", api_text(&answer, "id"));
	assert_int_equal(200, api_ask(line, NULL));
	assert_int_equal(404, api_ask(line, NULL));
}

/* Redis answers reads, but writes only after a while: look-up fine, answers to the put lost. */
static void hold_writes(void)
{
	redis_server_do(&node.server, "CLIENT PAUSE %d WRITE", 2 * LOST_AFTER_MS);
}

static void test_lost_answers_to_changes(void **state)
{
	char patch[100];
	char delete[100];
	char etag[64];

	(void)state;
	assert_int_equal(201, api_ask("POST /subscriptions", BODY));
	snprintf(patch, sizeof(patch), "PATCH /subscriptions/%s", api_text(&answer, "id"));
	snprintf(delete, sizeof(delete), "DELETE /subscriptions/%s", api_text(&answer, "id"));
	snprintf(etag, sizeof(etag), "If-Match: %s\r\n", api_field(&answer, "ETag"));
	hold_writes();
	assert_int_equal(200, api_ask_with(patch, etag, "{\"name\":\"n\"}"));
	assert_string_equal("n", api_text(&answer, "name"));
	hold_writes();
	assert_int_equal(200, api_ask(delete, NULL));
	assert_int_equal(404, api_ask(delete, NULL));
	assert_int_equal(1, stored());
}

static void test_answer_that_stays_lost(void **state)
{
	(void)state;
	redis_server_pause(&node.server);
	int64_t began = bud_clock_mono_ms();
	assert_int_equal(503, api_ask("POST /subscriptions", BODY));
	assert_in_range(bud_clock_mono_ms() - began, 3000 + LOST_AFTER_MS - 50,
		3000 + LOST_AFTER_MS + SLACK_MS);
	assert_string_equal("1", api_field(&answer, "Retry-After"));
	assert_non_null(strstr(api_text(&answer, "detail"), "may or may not"));
	redis_server_resume(&node.server);
}

static void test_redis_is_away(void **state)
{
	static const char *const lines[] = {"POST /subscriptions", "GET /subscriptions",
		"GET /subscriptions/x", "DELETE /subscriptions/x", "GET /subscriptions/x/dead"};

	(void)state;
	assert_int_equal(200, api_ask("GET /readyz", NULL));
	redis_server_kill(&node.server);
	wait_for(&node.readiness.is_redis_up, false);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(503, api_ask(lines[i], i == 0 ? BODY : NULL));
		assert_string_equal("1", api_field(&answer, "Retry-After"));
		assert_string_equal("application/problem+json", api_field(&answer, "Content-Type"));
	}
	assert_int_equal(503, api_ask("GET /readyz", NULL));
	assert_int_equal(200, api_ask("GET /healthz", NULL));
	redis_server_restart(&node.server, NULL, true);
	wait_for(&node.readiness.is_redis_up, true);
	assert_int_equal(0, stored());
	assert_int_equal(201, api_ask("POST /subscriptions", BODY));
}

static void test_registry_is_gone(void **state)
{
	(void)state;
	redis_server_do(&node.server, "DEL bud:{s0}:subs:version");
	assert_int_equal(503, api_ask("POST /subscriptions", BODY));
	assert_non_null(strstr(api_text(&answer, "type"), "registry-missing"));
	assert_int_equal(503, api_ask("GET /subscriptions", NULL));
	assert_int_equal(503, api_ask("GET /grants", NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_list_waits_for_the_table, start, api_finish),
		cmocka_unit_test_setup_teardown(
			test_list_waits_no_longer_than_it_may, start, api_finish),
		cmocka_unit_test_setup_teardown(test_stop_answers_what_waits, start, api_finish),
		cmocka_unit_test_setup_teardown(test_lost_answers, start, api_finish),
		cmocka_unit_test_setup_teardown(test_lost_answers_to_changes, start, api_finish),
		cmocka_unit_test_setup_teardown(test_answer_that_stays_lost, start, api_finish),
		cmocka_unit_test_setup_teardown(test_redis_is_away, start, api_finish),
		cmocka_unit_test_setup_teardown(test_registry_is_gone, start, api_finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
