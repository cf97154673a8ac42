/* One event is found among all that are retained by its source and id, the newest first and within
 * the times that are asked for; what is not there is told with how far was looked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>
#include <string.h>
#include "api_rig.h"

#define STREAM     "bud:{s0}:p%d:events"
#define EVENT      "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"/s\",\"type\":\"t\",\"data\":%d}"
#define BORN_MS    1700000000000LL
#define PARTITIONS 16

static int ask(const char *path)
{
	char line[300];

	snprintf(line, sizeof(line), "GET %s", path);
	return api_ask(line, NULL);
}

/* An event `at` milliseconds after BORN_MS, owned by `owner`. */
static void store(int partition, int at, const char *owner, const char *bytes)
{
	char key[40];
	char id[40];

	snprintf(key, sizeof(key), STREAM, partition);
	snprintf(id, sizeof(id), "%lld-0", BORN_MS + at);
	redis_server_do(&node.server, "XADD %s %s o %s e %s", key, id, owner, bytes);
}

static void store_event(int partition, int at, const char *id, int data)
{
	char bytes[200];

	snprintf(bytes, sizeof(bytes), EVENT, id, data);
	store(partition, at, "local", bytes);
}

static json_int_t data(void)
{
	return json_integer_value(json_object_get(json_object_get(answer.body, "event"), "data"));
}

static void test_found(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++) {
		char id[16];
		snprintf(id, sizeof(id), "e-%d", i);
		store_event(i % PARTITIONS, i, id, i);
	}
	assert_int_equal(200, ask("/events/e-0?source=/s"));
	assert_int_equal(0, data());
	assert_string_equal("00-1700000000000-0000000000", api_text(&answer, "delivery"));
	assert_string_equal("2023-11-14T22:13:20.000Z", api_text(&answer, "stored"));
	assert_int_equal(200, ask("/events/e-999?source=/s"));
	assert_int_equal(999, data());
	assert_int_equal(200, ask("/events/e-543?source=%2Fs"));
	assert_int_equal(543, data());
	assert_int_equal(404, ask("/events/e-1000?source=/s"));
	assert_non_null(strstr(api_text(&answer, "detail"), "1000 events that are retained"));
	assert_int_equal(404, ask("/events/e-1?source=/other"));
	assert_int_equal(404, ask("/events/E-1?source=/s"));
}

/* Events of the same source and id: the newest one, or the one of the time asked for. */
static void test_times(void **state)
{
	(void)state;
	store_event(3, 1000, "e", 1);
	store_event(5, 2000, "e", 2);
	store_event(3, 3000, "e", 3);
	assert_int_equal(200, ask("/events/e?source=/s"));
	assert_int_equal(3, data());
	assert_int_equal(200, ask("/events/e?source=/s&to=2023-11-14T22:13:23Z"));
	assert_int_equal(2, data());
	assert_int_equal(200, ask("/events/e?source=/s&to=2023-11-14T22:13:22Z"));
	assert_int_equal(1, data());
	assert_int_equal(200,
		ask("/events/e?source=/s&from=2023-11-14T22:13:21Z&to=2023-11-14T22:13:21.001Z"));
	assert_int_equal(1, data());
	assert_int_equal(404, ask("/events/e?source=/s&from=2023-11-14T22:13:24Z"));
	assert_int_equal(404, ask("/events/e?source=/s&to=2023-11-14T22:13:21Z"));
}

/* What was trimmed and is parked or dead still is found all the same. */
static void test_kept(void **state)
{
	char bytes[200];

	(void)state;
	for (int i = 0; i < 100; i++) {
		char id[16];
		snprintf(id, sizeof(id), "k-%d", i);
		snprintf(bytes, sizeof(bytes), EVENT, id, i);
		redis_server_do(&node.server, "HSET bud:{s0}:kept 07-%lld-0000000000 local\n%s",
			BORN_MS + i, bytes);
	}
	assert_int_equal(200, ask("/events/k-42?source=/s"));
	assert_int_equal(42, data());
	assert_string_equal("07-1700000000042-0000000000", api_text(&answer, "delivery"));
	assert_int_equal(404, ask("/events/k-42?source=/s&from=2023-11-14T22:13:20.043Z"));
	assert_int_equal(404, ask("/events/k-42?source=/s&to=2023-11-14T22:13:20.042Z"));
	assert_int_equal(404, ask("/events/k-100?source=/s"));
	/* What the stream has comes first. */
	store_event(2, 1, "k-42", 7);
	assert_int_equal(200, ask("/events/k-42?source=/s"));
	assert_int_equal(7, data());
}

/* However it is written, and whose it is. */
static void test_escapes_and_owners(void **state)
{
	(void)state;
	store(0, 1, "local",
		"{\"id\":\"\\u0061/\\u00e6\",\"specversion\":\"1.0\",\"source\":\"\\/s\","
		"\"type\":\"t\",\"data\":7}");
	store(1, 2, "somebody",
		"{\"id\":\"b\",\"specversion\":\"1.0\",\"source\":\"/s\",\"type\":\"t\"}");
	store(2, 3, "local", "no event");
	assert_int_equal(200, ask("/events/a%2F%C3%A6?source=/s"));
	assert_int_equal(7, data());
	assert_int_equal(404, ask("/events/b?source=/s"));
}

static void test_refusals(void **state)
{
	static const struct {
		const char *query;
		const char *member;
	} cases[] = {
		{"", "source"},
		{"?source=", "source"},
		{"?source=/s&source=/s", "source"},
		{"?source=/s&from=x", "from"},
		{"?source=/s&to=1", "to"},
		{"?source=/s&from=2023-11-14T22:13:21Z&to=2023-11-14T22:13:21Z", "to"},
		{"?source=/s&id=1", "id"},
		{"?source=%zz", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char path[200];
		snprintf(path, sizeof(path), "/events/e%s", cases[i].query);
		assert_int_equal(400, ask(path));
		assert_string_equal(cases[i].member, api_text(&answer, "member"));
	}
	assert_int_equal(404, ask("/events/e?source=/s"));
	redis_server_kill(&node.server);
	assert_int_equal(503, ask("/events/e?source=/s"));
}

static void subscribe(const char *members, char out[65])
{
	char body[200];

	snprintf(body, sizeof(body),
		"{\"protocol\":\"HTTP\",\"sink\":\"https://example.com/a\",%s}", members);
	api_create(body, out);
}

static const json_t *traced(const char *id)
{
	json_t *all = json_object_get(answer.body, "subscriptions");

	for (size_t i = 0; i < json_array_size(all); i++) {
		json_t *one = json_array_get(all, i);
		if (strcmp(json_string_value(json_object_get(one, "subscription")), id) == 0)
			return one;
	}
	return NULL;
}

static void assert_outcome(const char *want, const char *id)
{
	if (ask("/events/e?source=/s") != 200 || !traced(id))
		fail_msg("%s", answer.text);
	assert_string_equal(want, json_string_value(json_object_get(traced(id), "outcome")));
}

/* What became of it, from what lies in lanes, among dead letters and in the attempt log. */
static void test_traces(void **state)
{
	static const char member[] = "03-2000000000000-0000000000";
	char id[65];
	char other[65];

	(void)state;
	subscribe("\"types\":[\"t\"]", id);
	subscribe("\"types\":[\"u\"]", other);
	subscribe("\"source\":\"/s\",\"config\":{\"ordered\":true}", other);
	assert_int_equal(200, ask("/subscriptions")); /* the table has them */
	redis_server_do(&node.server, "XADD bud:{s0}:p3:events 2000000000000-0 o local e %s",
		"{\"specversion\":\"1.0\",\"id\":\"e\",\"source\":\"/s\",\"type\":\"t\"}");
	assert_outcome("settled", id);
	assert_int_equal(2, json_array_size(json_object_get(answer.body, "subscriptions")));
	assert_outcome("settled", other);
	redis_server_do(
		&node.server, "XREADGROUP GROUP dispatch n1 COUNT 9 STREAMS bud:{s0}:p3:events >");
	assert_outcome("in_hand", id);
	redis_server_do(&node.server, "LPUSH bud:{s0}:attempts:%s %s %s", id,
		"{\"event\":\"e\",\"source\":\"/s\",\"result\":\"delivered\"}",
		"{\"event\":\"e\",\"source\":\"/t\",\"result\":\"refused\"}");
	assert_outcome("delivered", id);
	assert_int_equal(1, json_array_size(json_object_get(traced(id), "attempts")));
	redis_server_do(&node.server, "ZADD bud:{s0}:dead:%s 108800000000003 %s", id, member);
	assert_outcome("dead", id);
	assert_string_equal(
		"2023-11-14T22:13:20.000Z", json_string_value(json_object_get(traced(id), "died")));
	redis_server_do(&node.server, "ZADD bud:{s0}:parked:%s~replay 64 %s", id, member);
	assert_outcome("replaying", id);
	redis_server_do(&node.server, "ZADD bud:{s0}:parked:%s 108800000000003 %s", id, member);
	assert_outcome("parked", id);
	assert_int_equal(3, json_integer_value(json_object_get(traced(id), "attempt")));
	assert_outcome("in_hand", other);
	/* Made before there was the subscription. */
	redis_server_do(&node.server, "XTRIM bud:{s0}:p3:events MAXLEN 0");
	store_event(4, 5, "e", 1);
	assert_outcome("made_later", other);
}

/* Large events: the look back ends at its bound of bytes, and says so. */
static void test_bound(void **state)
{
	static const char head[] =
		"{\"specversion\":\"1.0\",\"id\":\"e\",\"source\":\"/s\",\"type\":\"t\"";
	static char bytes[1000000];

	(void)state;
	memset(bytes, ' ', sizeof(bytes) - 1);
	memcpy(bytes, head, sizeof(head) - 1);
	bytes[sizeof(bytes) - 2] = '}';
	for (int i = 0; i < 20; i++)
		store(i % 4, i, "local", bytes);
	assert_int_equal(404, ask("/events/f?source=/s"));
	assert_non_null(strstr(api_text(&answer, "detail"), "newest 17 events"));
	assert_int_equal(404, ask("/events/f?source=/s&to=2023-11-14T22:13:20.003Z"));
	assert_non_null(strstr(api_text(&answer, "detail"), "the 3 events"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_found, api_start, api_finish),
		cmocka_unit_test_setup_teardown(test_times, api_start, api_finish),
		cmocka_unit_test_setup_teardown(test_kept, api_start, api_finish),
		cmocka_unit_test_setup_teardown(test_escapes_and_owners, api_start, api_finish),
		cmocka_unit_test_setup_teardown(test_traces, api_start, api_finish),
		cmocka_unit_test_setup_teardown(test_refusals, api_start, api_finish),
		cmocka_unit_test_setup_teardown(test_bound, api_start, api_finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
