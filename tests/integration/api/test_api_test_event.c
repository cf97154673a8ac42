/* A test event goes to one subscription alone: marked, whole, parked and due now; whatever its body
 * gets wrong is named and parks nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>
#include <string.h>
#include "api_rig.h"

#define BODY "{\"protocol\":\"HTTP\",\"sink\":\"https://example.com/%d\"}"

static char id[65];
static char other[65];

static void create(int i, char out[65])
{
	char body[128];

	snprintf(body, sizeof(body), BODY, i);
	api_create(body, out);
}

static int start(void **state)
{
	api_start(state);
	create(1, id);
	create(2, other);
	return 0;
}

static int ask(const char *method, const char *subscription, const char *path, const char *body)
{
	return api_ask_at(method, subscription, path, NULL, body);
}

static const json_t *parked(size_t i)
{
	json_t *items = json_object_get(answer.body, "items");

	return json_object_get(json_array_get(items, i), "event");
}

static size_t parked_n(const char *subscription)
{
	assert_int_equal(200, ask("GET", subscription, "/parked", NULL));
	return json_array_size(json_object_get(answer.body, "items"));
}

static const char *text_of(const json_t *event, const char *name)
{
	const char *text = json_string_value(json_object_get(event, name));

	return text ? text : "";
}

static void test_default_event(void **state)
{
	char event_id[65];

	(void)state;
	assert_int_equal(202, ask("POST", id, "/test", NULL));
	assert_string_equal("no.budstikke.test.v1", api_text(&answer, "type"));
	assert_string_equal("active", api_text(&answer, "state"));
	snprintf(event_id, sizeof(event_id), "%s", api_text(&answer, "id"));
	assert_int_equal(1, parked_n(id));
	assert_string_equal(event_id, text_of(parked(0), "id"));
	assert_string_equal(id, text_of(parked(0), "subject"));
	assert_true(json_is_true(json_object_get(parked(0), "budstikketest")));
	assert_int_equal(0, parked_n(other));
	/* Nobody else can get it: no stream has it. */
	for (int i = 0; i < 16; i++) {
		redisReply *reply = redis_server_ask(&node.server, "XLEN bud:{s0}:p%d:events", i);
		assert_int_equal(0, reply->integer);
		freeReplyObject(reply);
	}
	/* Each is a new event. */
	assert_int_equal(202, ask("POST", id, "/test", "{}"));
	assert_string_not_equal(event_id, api_text(&answer, "id"));
	assert_int_equal(2, parked_n(id));
}

static void test_given_event(void **state)
{
	(void)state;
	assert_int_equal(202,
		ask("POST", id, "/test",
			"{\"event\":{\"type\":\"my.type\",\"subject\":null,\"data\":{\"a\":[1,null]},"
			"\"sequence\":\"7\",\"budstikketest\":false}}"));
	assert_string_equal("my.type", api_text(&answer, "type"));
	assert_int_equal(1, parked_n(id));
	assert_string_equal("my.type", text_of(parked(0), "type"));
	assert_string_equal("7", text_of(parked(0), "sequence"));
	assert_true(json_is_true(json_object_get(parked(0), "budstikketest")));
	assert_int_equal(
		2, json_array_size(json_object_get(json_object_get(parked(0), "data"), "a")));
}

static void test_refusals(void **state)
{
	static const struct {
		const char *body;
		const char *member;
	} cases[] = {
		{"{\"event\":7}", "event"},
		{"{\"event\":[]}", "event"},
		{"{\"event\":{\"id\":\"\"}}", "event.id"},
		{"{\"event\":{\"source\":\"\"}}", "event.source"},
		{"{\"event\":{\"type\":5}}", "event.type"},
		{"{\"event\":{\"specversion\":\"0.3\"}}", "event.specversion"},
		{"{\"event\":{\"time\":\"yesterday\"}}", "event.time"},
		{"{\"event\":{\"Bad_Name\":\"x\"}}", "event.Bad_Name"},
		{"{\"event\":{\"data\":1,\"data_base64\":\"AA==\"}}", "event.data_base64"},
		{"{\"events\":{}}", "events"},
		{"nonsense", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(400, ask("POST", id, "/test", cases[i].body));
		if (cases[i].member)
			assert_string_equal(cases[i].member, api_text(&answer, "member"));
	}
	assert_int_equal(0, parked_n(id));
	assert_int_equal(404, ask("POST", "nobody", "/test", NULL));
	assert_int_equal(200, ask("DELETE", other, "", NULL));
	assert_int_equal(404, ask("POST", other, "/test", NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_default_event, start, api_finish),
		cmocka_unit_test_setup_teardown(test_given_event, start, api_finish),
		cmocka_unit_test_setup_teardown(test_refusals, start, api_finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
