/* What the nodes publish of receivers is listed page by page, per node, to its owner only; the
 * stats of a subscription are its sums, what waits for it, and its endpoint. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <string.h>
#include "api_rig.h"
#include "store/endpoints.h"

#define BODY "{\"protocol\":\"HTTP\",\"sink\":\"https://example.com/a?key=1\"}"

static char id[65];

static int start(void **state)
{
	api_start(state);
	api_create(BODY, id);
	return 0;
}

/* As a node publishes it. */
static void publish(const char *endpoint, const char *owner, const char *sink, const char *name)
{
	redis_server_do(&node.server, "HSET bud:{s0}:endpoint:%s owner %s sink %s n:%s %s",
		endpoint, owner, sink, name, "{\"window\":16,\"breaker\":\"open\"}");
	redis_server_do(&node.server, "ZADD bud:{s0}:endpoints 0 %s", endpoint);
}

static const json_t *node_of(const json_t *endpoint, size_t i)
{
	return json_array_get(json_object_get(endpoint, "nodes"), i);
}

static void test_list(void **state)
{
	size_t n = 0;
	char line[200] = "GET /endpoints?size=2";

	(void)state;
	assert_int_equal(200, api_ask("GET /endpoints", NULL));
	assert_int_equal(0, json_array_size(answer.body));
	assert_string_equal("", api_field(&answer, "Link"));
	for (int i = 0; i < 5; i++) {
		char endpoint[33];
		snprintf(endpoint, sizeof(endpoint), "%032x", i);
		publish(endpoint, i == 1 ? "somebody" : "local", "https://example.com/b", "n1");
		publish(endpoint, i == 1 ? "somebody" : "local", "https://example.com/b", "n2");
	}
	for (int pages = 0; pages < 9; pages++) {
		assert_int_equal(200, api_ask(line, NULL));
		n += json_array_size(answer.body);
		if (pages == 0) {
			const json_t *first = json_array_get(answer.body, 0);
			assert_int_equal(1, json_array_size(answer.body));
			assert_string_equal("https://example.com/b",
				json_string_value(json_object_get(first, "sink")));
			assert_int_equal(2, json_array_size(json_object_get(first, "nodes")));
			assert_string_equal("open",
				json_string_value(json_object_get(node_of(first, 1), "breaker")));
			assert_non_null(json_object_get(node_of(first, 0), "node"));
		}
		if (!*api_field(&answer, "Link"))
			break;
		snprintf(line, sizeof(line), "GET %.*s",
			(int)strcspn(api_field(&answer, "Link") + 1, ">"),
			api_field(&answer, "Link") + 1);
	}
	assert_string_equal("", api_field(&answer, "Link"));
	assert_int_equal(4, n);
	assert_int_equal(400, api_ask("GET /endpoints?after=xyz", NULL));
	assert_string_equal("after", api_text(&answer, "member"));
	assert_int_equal(400, api_ask("GET /endpoints?size=101", NULL));
}

static int stats(void)
{
	char line[100];

	snprintf(line, sizeof(line), "GET /subscriptions/%s/stats", id);
	return api_ask(line, NULL);
}

static json_int_t number(const char *name)
{
	const json_t *value = json_object_get(answer.body, name);

	return json_is_integer(value) ? json_integer_value(value) : -1;
}

static void test_stats(void **state)
{
	char endpoint[BUD_ENDPOINT_ID_BYTES];
	char line[100];

	(void)state;
	assert_int_equal(200, stats());
	assert_string_equal("active", api_text(&answer, "state"));
	assert_int_equal(0, number("delivered"));
	assert_int_equal(0, number("parked"));
	assert_null(json_object_get(answer.body, "endpoint"));
	assert_null(json_object_get(answer.body, "last_success"));
	redis_server_do(&node.server,
		"HSET bud:{s0}:stats:%s delivered 6 failed 2 time_us 80000 last_ok_ms "
		"1700000000000 last_failure_ms 1700000001000 last_status 500",
		id);
	redis_server_do(&node.server, "ZADD bud:{s0}:parked:%s 1 a 2 b 3 c", id);
	redis_server_do(&node.server, "ZADD bud:{s0}:parked:%s~replay 1 a 2 b", id);
	redis_server_do(&node.server, "ZADD bud:{s0}:dead:%s 1 d", id);
	bud_endpoint_id_write(&node.shard.key, bud_span("local"),
		bud_span("https://example.com/a?key=1"), endpoint);
	publish(endpoint, "local", "https://example.com/a", "n1");
	assert_int_equal(200, stats());
	assert_int_equal(6, number("delivered"));
	assert_int_equal(2, number("failed_attempts"));
	assert_int_equal(3, number("parked"));
	assert_int_equal(2, number("replaying"));
	assert_int_equal(1, number("dead"));
	assert_int_equal(500, number("last_status"));
	assert_string_equal("2023-11-14T22:13:20.000Z", api_text(&answer, "last_success"));
	assert_true(json_real_value(json_object_get(answer.body, "average_ms")) == 10.0);
	assert_string_equal("https://example.com/a",
		json_string_value(
			json_object_get(json_object_get(answer.body, "endpoint"), "sink")));
	snprintf(line, sizeof(line), "DELETE /subscriptions/%s", id);
	assert_int_equal(200, api_ask(line, NULL));
	assert_int_equal(404, stats());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_list, start, api_finish),
		cmocka_unit_test_setup_teardown(test_stats, start, api_finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
