/* A receiver agrees later, at the address that it was given: by GET or POST, with or without a
 * rate, once; and nobody agrees without the key, or with one that is too old. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "../http/http_server.h"
#include "api_rig.h"
#include "core/clock.h"
#include "subscription/consent.h"

#define BODY    "{\"protocol\":\"HTTP\",\"sink\":\"https://example.com/a\"}"
#define RECORDS "bud:{s0}:subs:records"
#define HOUR_MS ((int64_t)3600000)

static char id[65];
static char key[BUD_CONSENT_KEY_BYTES];

static int start(void **state)
{
	api_start(state);
	node.config.delivery.request_rate = 90;
	api_create(BODY, id);
	return 0;
}

/* As the verifier leaves it, with a key that ends at `until_ms`. */
static void set_pending(const char *state, int64_t until_ms)
{
	redisReply *reply = redis_server_ask(&node.server, "HGET " RECORDS " %s", id);
	char value[4096];
	char *second;

	snprintf(value, sizeof(value), "%s", reply->str);
	freeReplyObject(reply);
	second = strchr(strchr(value, '\n') + 1, '\n');
	if (second)
		*second = '\0';
	bud_consent_make_key(until_ms, key);
	redis_server_do(&node.server,
		"HSET " RECORDS " %s %s\n{\"state\":\"%s\",\"since_ms\":1,\"callback_key\":\"%s\"}",
		id, value, state, key);
}

static int ask(const char *method, const char *with, const char *fields)
{
	char path[300];

	snprintf(path, sizeof(path), "/consent?key=%s", with);
	return api_ask_at(method, id, path, fields, NULL);
}

static bool stored_has(const char *text)
{
	redisReply *reply = redis_server_ask(&node.server, "HGET " RECORDS " %s", id);
	bool has = strstr(reply->str, text) != NULL;

	freeReplyObject(reply);
	return has;
}

static void test_agrees_once(void **state)
{
	(void)state;
	set_pending("pending", bud_clock_wall_ms() + HOUR_MS);
	assert_int_equal(ask("POST", key, "WebHook-Allowed-Rate: 30\r\n"), 200);
	assert_true(stored_has("\"state\":\"active\""));
	assert_true(stored_has("\"rate_per_min\":30"));
	assert_true(stored_has("\"granted_ms\":"));
	/* It did not hear the answer, or wants more: nothing changes; or less, at any time. */
	assert_int_equal(ask("POST", key, "WebHook-Allowed-Rate: 3000\r\n"), 200);
	assert_int_equal(ask("POST", key, "WebHook-Allowed-Rate: *\r\n"), 200);
	assert_int_equal(ask("GET", key, NULL), 200);
	assert_true(stored_has("\"rate_per_min\":30,"));
	assert_int_equal(ask("POST", key, "WebHook-Allowed-Rate: 6\r\n"), 200);
	assert_true(stored_has("\"rate_per_min\":6,"));
}

/* Proxies and link checkers look with HEAD. */
static void test_a_look_does_not_agree(void **state)
{
	struct http_response response;
	char line[300];
	int fd;

	(void)state;
	set_pending("pending", bud_clock_wall_ms() + HOUR_MS);
	snprintf(line, sizeof(line), "HEAD /subscriptions/%s/consent?key=%s", id, key);
	fd = api_send(&node, line, NULL, NULL);
	http_client_read(fd, true, &response);
	close(fd);
	assert_int_equal(response.status, 405);
	assert_non_null(strstr(response.head, "\r\nAllow: GET, POST, OPTIONS\r\n"));
	bud_buffer_finish(&response.body);
	assert_true(stored_has("\"state\":\"pending\""));
}

static void test_without_a_rate(void **state)
{
	(void)state;
	set_pending("pending", bud_clock_wall_ms() + HOUR_MS);
	assert_int_equal(ask("GET", key, NULL), 200);
	assert_true(stored_has("\"rate_per_min\":90"));
	set_pending("active", bud_clock_wall_ms() + HOUR_MS); /* at the low rate */
	assert_int_equal(ask("POST", key, "WebHook-Allowed-Rate: *\r\n"), 200);
	assert_false(stored_has("rate_per_min"));
	assert_true(stored_has("\"granted_ms\":"));
}

static void test_only_with_the_key(void **state)
{
	char other[BUD_CONSENT_KEY_BYTES];

	(void)state;
	set_pending("pending", bud_clock_wall_ms() + HOUR_MS);
	bud_consent_make_key(bud_clock_wall_ms() + HOUR_MS, other);
	assert_int_equal(ask("POST", other, NULL), 404);
	assert_int_equal(ask("POST", "", NULL), 404);
	assert_int_equal(ask("GET", "%zz", NULL), 404);
	assert_int_equal(ask("POST", key, "WebHook-Allowed-Rate: 0\r\n"), 400);
	assert_true(stored_has("\"state\":\"pending\""));
	set_pending("pending", bud_clock_wall_ms() - 1);
	assert_int_equal(ask("POST", key, NULL), 404);
	assert_true(stored_has("\"state\":\"pending\""));
	api_ask("POST /subscriptions/nobody/consent?key=1-a", NULL);
	assert_int_equal(answer.status, 404);
	assert_string_equal(api_text(&answer, "title"), "No such question");
	/* What lies beside subscriptions is none. */
	redis_server_do(
		&node.server, "HSET bud:{s0}:subs:records grant:g %s", "1 e f\n{\"id\":\"g\"}");
	api_ask("POST /subscriptions/grant:g/consent?key=1-a", NULL);
	assert_int_equal(answer.status, 404);
	assert_string_equal(api_text(&answer, "title"), "No such question");
	redis_server_do(&node.server, "HDEL bud:{s0}:subs:records grant:g");
}

static void test_wakes_none_that_is_paused(void **state)
{
	(void)state;
	set_pending("paused", bud_clock_wall_ms() + HOUR_MS);
	assert_int_equal(ask("POST", key, NULL), 200);
	assert_true(stored_has("\"state\":\"paused\""));
	assert_true(stored_has("\"granted_ms\":"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_agrees_once),
		cmocka_unit_test(test_a_look_does_not_agree),
		cmocka_unit_test(test_without_a_rate),
		cmocka_unit_test(test_only_with_the_key),
		cmocka_unit_test(test_wakes_none_that_is_paused),
	};

	return cmocka_run_group_tests(tests, start, api_finish);
}
