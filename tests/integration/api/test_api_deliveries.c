/* What is parked, dead or was tried is listed per subscription, in order and in pages, each event
 * as it was published; the admin routes tell how the node is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <string.h>
#include "api_rig.h"

#define BODY      "{\"protocol\":\"HTTP\",\"sink\":\"https://example.com/a\"}"
#define MEMBER    "03-1700000000000-%010d"
#define BORN_S    1700000000LL
#define PARKED    "bud:{s0}:parked:%s"
#define DEAD      "bud:{s0}:dead:%s"
#define KEPT      "bud:{s0}:kept"
#define ATTEMPTS  "bud:{s0}:attempts:%s"
#define PARKED_N  40
#define CONTENT_N 39 /* the last one's content is gone */

static char id[65];

static int ask(const char *method, const char *path)
{
	return api_ask_at(method, id, path, NULL, NULL);
}

static int start(void **state)
{
	api_start(state);
	api_create(BODY, id);
	return 0;
}

static void keep(const char *member, int i)
{
	char kept[100];

	snprintf(kept, sizeof(kept), "local\n{\"id\":\"e-%d\",\"data\":\"æ\\u0041\"}", i);
	redis_server_do(&node.server, "HSET " KEPT " %s %s", member, kept);
}

/* Event i is due, or died, at i seconds after BORN_S, with attempt 3. */
static void fill(const char *key_format)
{
	char key[128];

	snprintf(key, sizeof(key), key_format, id);
	for (int i = 0; i < PARKED_N; i++) {
		char member[64];
		char score[32];
		snprintf(member, sizeof(member), MEMBER, i);
		snprintf(score, sizeof(score), "%lld", (BORN_S + i) * 1000 * 64 + 3);
		redis_server_do(&node.server, "ZADD %s %s %s", key, score, member);
		if (i < CONTENT_N)
			keep(member, i);
	}
}

static json_t *item(size_t i)
{
	return json_array_get(json_object_get(answer.body, "items"), i);
}

static const char *event_id(size_t i)
{
	const char *text =
		json_string_value(json_object_get(json_object_get(item(i), "event"), "id"));

	return text ? text : "";
}

static json_int_t total(void)
{
	return json_integer_value(json_object_get(answer.body, "total"));
}

static size_t items(void)
{
	return json_array_size(json_object_get(answer.body, "items"));
}

static void test_parked(void **state)
{
	char next[200];

	(void)state;
	assert_int_equal(200, ask("GET", "/parked"));
	assert_int_equal(0, total());
	assert_int_equal(0, items());
	fill(PARKED);
	assert_int_equal(200, ask("GET", "/parked?size=35"));
	assert_int_equal(PARKED_N, total());
	assert_int_equal(35, items());
	for (size_t i = 0; i < 35; i++) {
		char want[8];
		snprintf(want, sizeof(want), "e-%zu", i);
		assert_string_equal(want, event_id(i));
	}
	assert_int_equal(3, json_integer_value(json_object_get(item(0), "attempt")));
	assert_string_equal(
		"2023-11-14T22:13:21.000Z", json_string_value(json_object_get(item(1), "due")));
	assert_string_equal("æA",
		json_string_value(json_object_get(json_object_get(item(0), "event"), "data")));
	snprintf(next, sizeof(next), "</subscriptions/%s/parked?size=35&offset=35>; rel=\"next\"",
		id);
	assert_string_equal(next, api_field(&answer, "Link"));
	assert_int_equal(200, ask("GET", "/parked?size=35&offset=35"));
	assert_int_equal(5, items());
	assert_string_equal("e-35", event_id(0));
	assert_true(json_is_null(json_object_get(item(4), "event")));
	assert_string_equal("", api_field(&answer, "Link"));
	assert_int_equal(200, ask("GET", "/parked?offset=9223372036854775807"));
	assert_int_equal(0, items());
	assert_int_equal(PARKED_N, total());
}

static void park_by_key(const char *of, int key, int n)
{
	for (int i = 0; i < n; i++) {
		char member[64];
		char lane[100];
		snprintf(member, sizeof(member), MEMBER, key * 100 + i);
		snprintf(lane, sizeof(lane), "%s/%016x", of, (unsigned)key);
		redis_server_do(&node.server, "ZADD " PARKED " %s %s", lane,
			i == 0 ? "108800000000003" : "0", member);
		redis_server_do(&node.server, "ZADD bud:{s0}:due 1700000000000 %s", lane);
		keep(member, key * 100 + i);
	}
}

static json_t *more(void)
{
	return json_object_get(answer.body, "more");
}

/* Of an ordered one all keys' lanes are shown, and nobody else's. */
static void test_parked_by_key(void **state)
{
	static bool found[1000];
	char plain[65];

	(void)state;
	snprintf(plain, sizeof(plain), "%s", id);
	api_create("{\"protocol\":\"HTTP\",\"sink\":\"https://example.com/b\","
		   "\"config\":{\"ordered\":true}}",
		id);
	assert_int_equal(200, ask("GET", "/parked"));
	assert_int_equal(0, items());
	assert_true(json_is_false(more()));
	for (int key = 1; key < 4; key++)
		park_by_key(id, key, key);
	park_by_key(plain, 7, 3);
	assert_int_equal(200, ask("GET", "/parked"));
	assert_int_equal(6, items());
	assert_true(json_is_false(more()));
	assert_null(json_object_get(answer.body, "total"));
	for (size_t i = 0; i < items(); i++) {
		int number = atoi(event_id(i) + 2);
		const char *due = json_string_value(json_object_get(item(i), "due"));
		assert_false(found[number]);
		found[number] = true;
		/* What waits for those before it is due at no time of its own. */
		assert_int_equal(due != NULL, number % 100 == 0);
	}
	assert_int_equal(200, ask("GET", "/parked?size=4"));
	assert_int_equal(4, items());
	assert_true(json_is_true(more()));
	assert_int_equal(200, ask("GET", "/parked?format=ndjson"));
	assert_int_equal(400, ask("GET", "/parked?offset=2"));
	assert_string_equal("offset", api_text(&answer, "member"));
	redis_server_kill(&node.server);
	assert_int_equal(503, ask("GET", "/parked"));
}

static void test_dead(void **state)
{
	(void)state;
	fill(DEAD);
	assert_int_equal(200, ask("GET", "/dead?size=2"));
	assert_int_equal(2, items());
	assert_int_equal(PARKED_N, total());
	assert_true(json_is_null(json_object_get(item(0), "event")));
	assert_string_equal("e-38", event_id(1));
	assert_string_equal("03-1700000000000-0000000039",
		json_string_value(json_object_get(item(0), "delivery")));
	assert_string_equal(
		"2023-11-14T22:13:59.000Z", json_string_value(json_object_get(item(0), "died")));
	assert_int_equal(400, ask("GET", "/dead?size=257"));
	assert_string_equal("size", api_text(&answer, "member"));
	assert_int_equal(400, ask("GET", "/dead?after=1"));
	assert_string_equal("after", api_text(&answer, "member"));
}

/* Why it died stands beside it; a time asked for is counted by itself. */
static void test_dead_why_and_when(void **state)
{
	char next[300];
	char field[160];

	(void)state;
	fill(DEAD);
	snprintf(field, sizeof(field), "%s 03-1700000000000-0000000038", id);
	redis_server_do(&node.server, "HSET bud:{s0}:why %b %s", field, strlen(field),
		"{\"reason\":\"attempts\",\"status\":500,\"response\":\"no\"}");
	assert_int_equal(200, ask("GET", "/dead?size=2&to=2023-11-14T22:13:59Z"));
	assert_int_equal(PARKED_N - 1, total());
	assert_string_equal("e-38", event_id(0));
	assert_string_equal("attempts", json_string_value(json_object_get(item(0), "reason")));
	assert_int_equal(500, json_integer_value(json_object_get(item(0), "status")));
	assert_string_equal("no", json_string_value(json_object_get(item(0), "response")));
	assert_null(json_object_get(item(1), "reason"));
	snprintf(next, sizeof(next),
		"</subscriptions/%s/dead?size=2&offset=2&to=2023-11-14T22:13:59.000Z>; "
		"rel=\"next\"",
		id);
	assert_string_equal(next, api_field(&answer, "Link"));
	assert_int_equal(200,
		ask("GET", "/dead?offset=1&from=2023-11-14T22:13:22Z&to=2023-11-14T22:13:25.001Z"));
	assert_int_equal(4, total());
	assert_int_equal(3, items());
	assert_string_equal("e-4", event_id(0));
	assert_string_equal("e-2", event_id(2));
	assert_int_equal(200, ask("GET", "/dead?from=2023-11-14T22:14:00Z"));
	assert_int_equal(0, total());
	assert_int_equal(400, ask("GET", "/parked?from=2023-11-14T22:14:00Z"));
	assert_string_equal("from", api_text(&answer, "member"));
}

/* The same as lines, for tools: one JSON value each, however the event was written. */
static void test_dead_as_lines(void **state)
{
	char next[200];
	size_t n = 0;

	(void)state;
	fill(DEAD);
	redis_server_do(&node.server, "HSET " KEPT " %s %s", "03-1700000000000-0000000038",
		"local\n{\"id\":\r\n\t\"e-38\",\n\"data\":\"a\\nb\"}");
	assert_int_equal(200, ask("GET", "/dead?size=3&format=ndjson"));
	assert_string_equal("application/x-ndjson", api_field(&answer, "Content-Type"));
	snprintf(next, sizeof(next),
		"</subscriptions/%s/dead?size=3&offset=3&format=ndjson>; rel=\"next\"", id);
	assert_string_equal(next, api_field(&answer, "Link"));
	for (char *line = strtok(answer.text, "\n"); line; line = strtok(NULL, "\n"), n++) {
		json_t *value = json_loads(line, 0, NULL);
		assert_non_null(value);
		assert_non_null(json_object_get(value, "delivery"));
		if (n == 1)
			assert_string_equal("a\nb",
				json_string_value(
					json_object_get(json_object_get(value, "event"), "data")));
		json_decref(value);
	}
	assert_int_equal(3, n);
	assert_int_equal(200, ask("GET", "/dead?size=3&offset=40&format=ndjson"));
	assert_string_equal("", answer.text);
	assert_int_equal(400, ask("GET", "/dead?format=csv"));
	assert_string_equal("format", api_text(&answer, "member"));
}

/* Events of 1 MiB: a page ends early, and its link goes on. */
static void test_large_events(void **state)
{
	static char kept[900000];
	size_t seen = 0;
	size_t offset = 0;

	(void)state;
	fill(PARKED);
	memset(kept, 'x', sizeof(kept) - 1);
	memcpy(kept, "local\n{\"id\":\"", 13);
	strcpy(kept + sizeof(kept) - 3, "\"}");
	for (int i = 0; i < 20; i++) {
		char member[64];
		snprintf(member, sizeof(member), MEMBER, i);
		redis_server_do(&node.server, "HSET " KEPT " %s %s", member, kept);
	}
	for (int pages = 1;; pages++) {
		char path[64];
		snprintf(path, sizeof(path), "/parked?size=256&offset=%zu", offset);
		assert_int_equal(200, ask("GET", path));
		seen += items();
		if (!*api_field(&answer, "Link")) {
			assert_true(pages > 1);
			break;
		}
		offset = seen;
	}
	assert_int_equal(PARKED_N, seen);
}

static int start_with_policy(void **state)
{
	(void)state;
	api_node_start_with(&node, "{}");
	api_create(BODY, id);
	return 0;
}

/* Of what may not be delivered to it, or not yet, an owner sees that it is there, and no more. */
static void test_what_is_not_permitted_is_withheld(void **state)
{
	static const char *const owners[] = {"/org/other", "local"};
	char key[128];

	(void)state;
	for (int list = 0; list < 2; list++) {
		snprintf(key, sizeof(key), list == 0 ? PARKED : DEAD, id);
		for (int i = 0; i < 2; i++) {
			char member[64];
			char kept[200];
			snprintf(member, sizeof(member), MEMBER, i);
			snprintf(kept, sizeof(kept),
				"%s\n{\"specversion\":\"1.0\",\"id\":\"e-%d\",\"source\":\"/s\","
				"\"type\":\"t\",\"data\":\"secret %d\"}",
				owners[i], i, i);
			redis_server_do(&node.server, "HSET " KEPT " %s %s", member, kept);
			redis_server_do(&node.server, "ZADD %s %s %s", key,
				i == 0 ? "2000" : "1000", member);
		}
		assert_int_equal(200, ask("GET", list == 0 ? "/parked" : "/dead"));
		assert_int_equal(2, items());
		assert_null(strstr(answer.text, "secret 0"));
		assert_non_null(strstr(answer.text, "secret 1"));
		assert_string_equal("e-1", event_id(list == 0 ? 0 : 1));
		assert_true(json_is_null(json_object_get(item(list == 0 ? 1 : 0), "event")));
		assert_true(json_is_true(json_object_get(item(list == 0 ? 1 : 0), "withheld")));
		assert_null(json_object_get(item(list == 0 ? 0 : 1), "withheld"));
	}
}

static void test_attempts(void **state)
{
	char key[128];

	(void)state;
	assert_int_equal(200, ask("GET", "/attempts"));
	assert_int_equal(0, json_array_size(answer.body));
	snprintf(key, sizeof(key), ATTEMPTS, id);
	redis_server_do(&node.server, "LPUSH %s %s %s", key, "{\"attempt\":1}", "{\"attempt\":2}");
	assert_int_equal(200, ask("GET", "/attempts"));
	assert_int_equal(2, json_array_size(answer.body));
	assert_int_equal(
		2, json_integer_value(json_object_get(json_array_get(answer.body, 0), "attempt")));
	assert_int_equal(200, ask("DELETE", ""));
	assert_int_equal(404, ask("GET", "/attempts"));
	assert_int_equal(404, ask("GET", "/parked"));
	assert_int_equal(404, ask("GET", "/dead"));
}

static void test_health(void **state)
{
	(void)state;
	assert_int_equal(200, api_ask("GET /healthz", NULL));
	assert_string_equal("ok", api_text(&answer, "status"));
	assert_int_equal(200, api_ask("GET /readyz", NULL));
	assert_string_equal("ready", api_text(&answer, "status"));
	node.readiness.is_draining = true;
	assert_int_equal(503, api_ask("GET /readyz", NULL));
	assert_int_equal(1, json_array_size(json_object_get(answer.body, "reasons")));
	assert_int_equal(200, api_ask("GET /metrics", NULL));
	assert_string_equal("text/plain; version=0.0.4", api_field(&answer, "Content-Type"));
	assert_int_equal(200, api_ask("GET /", NULL));
	assert_int_equal(4, json_array_size(json_object_get(answer.body, "routes")));
	assert_int_equal(405, api_ask("POST /metrics", NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_parked, start, api_finish),
		cmocka_unit_test_setup_teardown(test_parked_by_key, start, api_finish),
		cmocka_unit_test_setup_teardown(test_dead, start, api_finish),
		cmocka_unit_test_setup_teardown(test_dead_why_and_when, start, api_finish),
		cmocka_unit_test_setup_teardown(test_dead_as_lines, start, api_finish),
		cmocka_unit_test_setup_teardown(test_large_events, start, api_finish),
		cmocka_unit_test_setup_teardown(
			test_what_is_not_permitted_is_withheld, start_with_policy, api_finish),
		cmocka_unit_test_setup_teardown(test_attempts, start, api_finish),
		cmocka_unit_test_setup_teardown(test_health, start, api_finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
