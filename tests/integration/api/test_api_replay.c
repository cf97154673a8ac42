/* Once more: dead letters by name at once, by time as a job that says how far it is; `from` at the
 * creation of a subscription is such a job, stored with it. A refusal names the member and starts
 * nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>
#include <string.h>
#include "api_rig.h"

#define SINK    "\"protocol\":\"HTTP\",\"sink\":\"https://example.com/a\""
#define MEMBER  "%02d-1700000000000-%010d"
#define DEAD    "bud:{s0}:dead:%s"
#define DEAD_N  6
#define FILTERS "[{\"exact\":{\"type\":\"t\"}}]"

static char id[65];

static int ask(const char *method, const char *path, const char *body)
{
	return api_ask_at(method, id, path, NULL, body);
}

static int start(void **state)
{
	api_start(state);
	api_create("{" SINK "}", id);
	return 0;
}

/* Dead letters in partitions 0, 1, 2, 0, 1, 2. */
static void fill(void)
{
	char key[128];

	snprintf(key, sizeof(key), DEAD, id);
	for (int i = 0; i < DEAD_N; i++) {
		char member[64];
		snprintf(member, sizeof(member), MEMBER, i % 3, i);
		redis_server_do(&node.server, "ZADD %s 108800000000000 %s", key, member);
		redis_server_do(&node.server,
			"HSET bud:{s0}:kept %s local\n{\"id\":\"e-%d\",\"source\":\"/s\"}", member,
			i);
		redis_server_do(&node.server, "HSET bud:{s0}:refs %s 1", member);
	}
}

static json_int_t number(const char *name)
{
	return json_integer_value(json_object_get(answer.body, name));
}

/* Of a zset: those with scores up to this one. */
static json_int_t count_till(const char *key_format, const char *score)
{
	char key[128];
	redisReply *reply;
	json_int_t n;

	snprintf(key, sizeof(key), key_format, id);
	reply = redis_server_ask(&node.server, "ZCOUNT %s -inf %s", key, score);
	n = reply->integer;
	freeReplyObject(reply);
	return n;
}

static json_int_t count(const char *key_format)
{
	return count_till(key_format, "+inf");
}

static void test_by_name(void **state)
{
	(void)state;
	fill();
	assert_int_equal(202,
		ask("POST", "/replay",
			"{\"ids\":[\"00-1700000000000-0000000000\",\"01-1700000000000-0000000001\","
			"\"00-1700000000000-0000000003\",\"00-1700000000000-0000000003\","
			"\"05-1700000000000-0000000009\"]}"));
	assert_int_equal(3, number("revived"));
	assert_int_equal(4, number("asked"));
	assert_int_equal(3, count(DEAD));
	assert_int_equal(3, count("bud:{s0}:parked:%s~replay"));
	/* Again: they are dead letters no more. */
	assert_int_equal(
		202, ask("POST", "/replay", "{\"ids\":[\"00-1700000000000-0000000000\"]}"));
	assert_int_equal(0, number("revived"));
	assert_int_equal(202, ask("POST", "/dead/02-1700000000000-0000000002/replay", NULL));
	assert_int_equal(1, number("revived"));
	assert_int_equal(404, ask("POST", "/dead/02-1700000000000-0000000002/replay", NULL));
	assert_int_equal(404, ask("POST", "/dead/nonsense/replay", NULL));
	assert_int_equal(404, ask("POST", "/dead/99-1-0000000000/replay", NULL));
	assert_int_equal(400, ask("POST", "/dead/01-1700000000000-0000000004/replay", "{\"a\":1}"));
	assert_int_equal(2, count(DEAD));
}

/* They wait for their turn instead of a time. */
static void test_by_name_in_order(void **state)
{
	(void)state;
	assert_int_equal(200, ask("PATCH", "", "{\"config\":{\"ordered\":true}}"));
	fill();
	assert_int_equal(202, ask("POST", "/replay",
				      "{\"ids\":[\"00-1700000000000-0000000003\","
				      "\"00-1700000000000-0000000000\"]}"));
	assert_int_equal(202, ask("POST", "/dead/02-1700000000000-0000000002/replay", NULL));
	assert_int_equal(3, count("bud:{s0}:parked:%s~replay"));
	assert_int_equal(3, count_till("bud:{s0}:parked:%s~replay", "0"));
}

static void test_by_time(void **state)
{
	(void)state;
	assert_int_equal(200, ask("GET", "/replay", NULL));
	assert_string_equal("none", api_text(&answer, "state"));
	assert_int_equal(
		202, ask("POST", "/replay",
			     "{\"source\":\"events\",\"from\":\"2023-11-14T22:13:20Z\",\"to\":"
			     "\"2999-01-01T00:00:00Z\",\"filters\":" FILTERS "}"));
	assert_string_equal("events", api_text(&answer, "source"));
	assert_int_equal(200, ask("GET", "/replay", NULL));
	assert_string_equal("running", api_text(&answer, "state"));
	assert_string_equal("2023-11-14T22:13:20.000Z", api_text(&answer, "from"));
	/* It does not chase what comes. */
	assert_string_equal(api_text(&answer, "created"), api_text(&answer, "to"));
	assert_int_equal(0, number("looked"));
	assert_int_equal(1, json_array_size(json_object_get(answer.body, "filters")));
	assert_int_equal(409, ask("POST", "/replay", NULL));
	assert_int_equal(200, ask("DELETE", "/replay", NULL));
	assert_true(json_is_true(json_object_get(answer.body, "was_running")));
	assert_int_equal(200, ask("DELETE", "/replay", NULL));
	assert_true(json_is_false(json_object_get(answer.body, "was_running")));
	assert_int_equal(202, ask("POST", "/replay", NULL));
	assert_string_equal("dead", api_text(&answer, "source"));
	assert_int_equal(200, ask("DELETE", "", NULL));
	assert_int_equal(404, ask("GET", "/replay", NULL));
	redisReply *reply = redis_server_ask(&node.server, "EXISTS bud:{s0}:replays");
	assert_int_equal(0, reply->integer);
	freeReplyObject(reply);
}

static void test_from_at_creation(void **state)
{
	(void)state;
	api_create("{" SINK ",\"source\":\"/b\",\"from\":\"2023-11-14T22:13:20Z\"}", id);
	assert_int_equal(200, ask("GET", "/replay", NULL));
	assert_string_equal("running", api_text(&answer, "state"));
	assert_string_equal("events", api_text(&answer, "source"));
	assert_string_equal("2023-11-14T22:13:20.000Z", api_text(&answer, "from"));
	/* A change is no new replay. */
	redis_server_do(&node.server, "DEL bud:{s0}:replays");
	assert_int_equal(200, ask("PATCH", "", "{\"name\":\"b\"}"));
	assert_int_equal(200, ask("GET", "/replay", NULL));
	assert_string_equal("none", api_text(&answer, "state"));
}

static void test_refusals(void **state)
{
	static const struct {
		const char *body;
		const char *member;
	} cases[] = {
		{"{\"source\":\"all\"}", "source"},
		{"{\"source\":null}", "source"},
		{"{\"from\":1700000000}", "from"},
		{"{\"from\":\"yesterday\"}", "from"},
		{"{\"from\":\"2999-01-01T00:00:00Z\"}", "from"},
		{"{\"to\":\"\"}", "to"},
		{"{\"from\":\"2023-11-14T22:13:20Z\",\"to\":\"2023-11-14T22:13:19Z\"}", "to"},
		{"{\"filters\":{}}", "filters"},
		{"{\"filters\":[{\"exact\":{\"type\":7}}]}", "filters[0].exact.type"},
		{"{\"ids\":[]}", "ids"},
		{"{\"ids\":\"00-1-0000000000\"}", "ids"},
		{"{\"ids\":[1]}", "ids"},
		{"{\"ids\":[\"e-1\"]}", "ids"},
		{"{\"ids\":[\"16-1-0000000000\"]}", "ids"},
		{"{\"ids\":[\"00-1-0000000000\"],\"source\":\"events\"}", "ids"},
		{"{\"ids\":[\"00-1-0000000000\"],\"to\":\"2023-11-14T22:13:20Z\"}", "to"},
		{"{\"id\":\"00-1-0000000000\"}", "id"},
		{"7", NULL},
	};
	static char many[4000] = "{\"ids\":[";

	(void)state;
	fill();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (ask("POST", "/replay", cases[i].body) != 400)
			fail_msg("%s: %s", cases[i].body, answer.text);
		if (cases[i].member)
			assert_string_equal(cases[i].member, api_text(&answer, "member"));
	}
	for (int i = 0; i < 65; i++)
		sprintf(many + strlen(many), "%s\"" MEMBER "\"", i ? "," : "", 1, i);
	strcat(many, "]}");
	assert_int_equal(400, ask("POST", "/replay", many));
	assert_string_equal("ids", api_text(&answer, "member"));
	assert_int_equal(200, ask("GET", "/replay", NULL));
	assert_string_equal("none", api_text(&answer, "state"));
	assert_int_equal(DEAD_N, count(DEAD));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_by_name, start, api_finish),
		cmocka_unit_test_setup_teardown(test_by_name_in_order, start, api_finish),
		cmocka_unit_test_setup_teardown(test_by_time, start, api_finish),
		cmocka_unit_test_setup_teardown(test_from_at_creation, start, api_finish),
		cmocka_unit_test_setup_teardown(test_refusals, start, api_finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
