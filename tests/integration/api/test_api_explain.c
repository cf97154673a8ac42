/* An explanation says which clause failed or held, what stands in the way, and what became of the
 * event; a dry run says which of the newest events filters match. What cannot be meant is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <string.h>
#include "api_rig.h"
#include "store/endpoints.h"

#define BODY                                                                                       \
	"{\"protocol\":\"HTTP\",\"sink\":\"https://Example.com./a\",\"types\":[\"t\"],"            \
	"\"filters\":[{\"prefix\":{\"subject\":\"/party/\"}}]}"
#define EVENT                                                                                      \
	"{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"/s\",\"type\":\"%s\",\"subject\":"    \
	"\"%s\"}"

static char id[65];

static int start(void **state)
{
	api_start(state);
	api_create(BODY, id);
	return 0;
}

static int explain(const char *event)
{
	char body[600];

	snprintf(body, sizeof(body), "{\"subscription\":\"%s\",\"event\":%s}", id, event);
	return api_ask("POST /explain", body);
}

static void store(
	int partition, int ms, const char *event_id, const char *type, const char *subject)
{
	char bytes[300];
	char key[40];
	char stream_id[40];

	snprintf(bytes, sizeof(bytes), EVENT, event_id, type, subject);
	snprintf(key, sizeof(key), "bud:{s0}:p%d:events", partition);
	snprintf(stream_id, sizeof(stream_id), "%lld-0", 2000000000000LL + ms);
	redis_server_do(&node.server, "XADD %s %s o local e %s", key, stream_id, bytes);
}

static bool is_match(void)
{
	return json_is_true(json_object_get(json_object_get(answer.body, "match"), "matches"));
}

static const char *failed_path(void)
{
	json_t *failed = json_object_get(json_object_get(answer.body, "match"), "failed");
	const char *path = json_string_value(json_object_get(failed, "path"));

	return path ? path : "";
}

static void test_given_event(void **state)
{
	(void)state;
	assert_int_equal(200,
		explain("{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\","
			"\"subject\":\"/party/1\"}"));
	assert_true(is_match());
	assert_string_equal("permit", api_text(&answer, "authorization"));
	assert_null(json_object_get(answer.body, "trace"));
	assert_int_equal(0, json_array_size(json_object_get(answer.body, "pauses")));
	assert_int_equal(200,
		explain("{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"u\"}"));
	assert_false(is_match());
	assert_string_equal("types", failed_path());
	assert_int_equal(200,
		explain("{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\"}"));
	assert_string_equal("filters[0].prefix.subject", failed_path());
}

static void test_stored_event(void **state)
{
	json_t *trace;

	(void)state;
	store(3, 0, "e", "t", "/party/1");
	redis_server_do(&node.server,
		"ZADD bud:{s0}:parked:%s 108800000000003 03-2000000000000-0000000000", id);
	assert_int_equal(200, explain("{\"id\":\"e\",\"source\":\"/s\"}"));
	assert_true(is_match());
	assert_string_equal("03-2000000000000-0000000000", api_text(&answer, "delivery"));
	trace = json_object_get(answer.body, "trace");
	assert_string_equal("parked", json_string_value(json_object_get(trace, "outcome")));
	assert_int_equal(3, json_integer_value(json_object_get(trace, "attempt")));
	/* The score is when it is due in ms, times 64, and the attempt. */
	assert_string_equal(
		"2023-11-14T22:13:20.000Z", json_string_value(json_object_get(trace, "due")));
	assert_int_equal(404, explain("{\"id\":\"f\",\"source\":\"/s\"}"));
	assert_int_equal(
		404, explain("{\"id\":\"e\",\"source\":\"/s\",\"to\":\"2033-05-18T03:33:20Z\"}"));
	assert_int_equal(
		200, explain("{\"id\":\"e\",\"source\":\"/s\",\"from\":\"2033-05-18T03:33:20Z\"}"));
}

/* The receiver and what is paused, of those pauses that concern it, however its host is written. */
static void test_what_stands_in_the_way(void **state)
{
	char endpoint[BUD_ENDPOINT_ID_BYTES];

	(void)state;
	bud_endpoint_id_write(
		&node.shard.key, bud_span("local"), bud_span("https://Example.com./a"), endpoint);
	redis_server_do(&node.server, "HSET bud:{s0}:endpoint:%s owner local sink s n:n1 %s",
		endpoint, "{\"breaker\":\"open\"}");
	assert_int_equal(200, api_ask("POST /pause", "{\"host\":\"example.com\"}"));
	assert_int_equal(200, api_ask("POST /pause", "{\"owner\":\"other\"}"));
	assert_int_equal(200, api_ask("POST /pause", "{\"owner\":\"local\"}"));
	assert_int_equal(200, api_ask("POST /pause", "{\"all\":true,\"reason\":\"drill\"}"));
	assert_int_equal(200, explain("{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\","
				      "\"type\":\"t\"}"));
	assert_int_equal(3, json_array_size(json_object_get(answer.body, "pauses")));
	assert_non_null(strstr(answer.text, "drill"));
	assert_non_null(strstr(answer.text, "host:example.com:443"));
	assert_non_null(strstr(answer.text, "\"breaker\":\"open\""));
	/* However its sink names it. */
	api_create("{\"protocol\":\"HTTP\",\"sink\":\"https://example.com.:0443/a\","
		   "\"types\":[\"t\"]}",
		id);
	assert_int_equal(200, explain("{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\","
				      "\"type\":\"t\"}"));
	assert_int_equal(3, json_array_size(json_object_get(answer.body, "pauses")));
}

/* A rate, wished or granted, and the rest that it costs; or what was claimed and is not done. */
static void test_what_bounds_it(void **state)
{
	static const char event[] =
		"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\"}";
	json_t *limits;

	(void)state;
	assert_int_equal(200, explain(event));
	assert_int_equal(0, json_object_size(json_object_get(answer.body, "limits")));
	assert_int_equal(201,
		api_ask("POST /subscriptions",
			"{\"protocol\":\"HTTP\",\"sink\":\"https://example.com/a\",\"types\":[\"t\"],"
			"\"config\":{\"rate_per_s\":0.5,\"max_in_flight\":2}}"));
	snprintf(id, sizeof(id), "%s", api_text(&answer, "id"));
	assert_int_equal(200, explain(event));
	limits = json_object_get(answer.body, "limits");
	assert_true(json_real_value(json_object_get(limits, "rate_per_s")) == 0.5);
	assert_int_equal(2, json_integer_value(json_object_get(limits, "max_in_flight")));
	assert_null(json_object_get(limits, "held_until"));
	redis_server_do(&node.server, "HSET bud:{s0}:held %s~rest %s", id, "2000000000000");
	assert_int_equal(200, explain(event));
	limits = json_object_get(answer.body, "limits");
	assert_string_equal("2033-05-18T03:33:20.000Z",
		json_string_value(json_object_get(limits, "held_until")));
	assert_string_equal("rate", json_string_value(json_object_get(limits, "held_by")));
	redis_server_do(&node.server, "HSET bud:{s0}:held %s %s", id, "2000000000001 ab12");
	assert_int_equal(200, explain(event));
	assert_non_null(strstr(answer.text, "\"held_by\":\"attempt\""));
	redis_server_do(&node.server, "DEL bud:{s0}:held");
	assert_int_equal(200, explain(event));
	assert_null(strstr(answer.text, "held_until"));
}

static json_int_t number(const char *name)
{
	return json_integer_value(json_object_get(answer.body, name));
}

static void test_dry_run(void **state)
{
	json_t *first;

	(void)state;
	for (int i = 0; i < 50; i++) {
		char event_id[16];
		snprintf(event_id, sizeof(event_id), "e-%d", i);
		store(i % 7, i, event_id, i % 5 ? "t" : "u", "x");
	}
	assert_int_equal(200, api_ask("POST /explain",
				      "{\"filters\":[{\"exact\":{\"type\":\"u\"}}],\"last\":20}"));
	assert_int_equal(20, number("looked"));
	assert_int_equal(4, number("matched"));
	first = json_array_get(json_object_get(answer.body, "events"), 0);
	assert_string_equal("e-45", json_string_value(json_object_get(first, "id")));
	assert_string_equal("2033-05-18T03:33:20.030Z", api_text(&answer, "oldest"));
	assert_int_equal(200, api_ask("POST /explain", "{\"filters\":[]}"));
	assert_int_equal(50, number("looked"));
	assert_int_equal(50, number("matched"));
}

static void test_refusals(void **state)
{
	static const struct {
		const char *body;
		const char *member;
	} cases[] = {
		{"{}", "subscription"},
		{"{\"subscription\":7}", "subscription"},
		{"{\"subscription\":\"\"}", "subscription"},
		{"{\"subscription\":\"a\"}", "event"},
		{"{\"subscription\":\"a\",\"event\":[]}", "event"},
		{"{\"subscription\":\"a\",\"event\":{}}", "event.id"},
		{"{\"subscription\":\"a\",\"event\":{\"id\":\"1\"}}", "event.source"},
		{"{\"subscription\":\"a\",\"event\":{\"id\":\"1\",\"source\":\"/s\",\"at\":1}}",
			"event.at"},
		{"{\"subscription\":\"a\",\"event\":{\"id\":\"1\",\"source\":\"/s\",\"from\":1}}",
			"event.from"},
		{"{\"subscription\":\"a\",\"event\":{\"id\":\"1\",\"source\":\"/s\",\"from\":"
		 "\"2033-05-18T03:33:20Z\",\"to\":\"2033-05-18T03:33:20Z\"}}",
			"event.to"},
		{"{\"subscription\":\"a\",\"event\":{\"type\":\"t\"}}", "event.specversion"},
		{"{\"subscription\":\"a\",\"event\":{},\"last\":1}", "last"},
		{"{\"filters\":{}}", "filters"},
		{"{\"filters\":[{\"prefix\":{\"type\":\"\"}}]}", "filters[0].prefix.type"},
		{"{\"filters\":[],\"last\":0}", "last"},
		{"{\"filters\":[],\"last\":1001}", "last"},
		{"{\"filters\":[],\"last\":\"all\"}", "last"},
		{"{\"filters\":[],\"subscription\":\"a\"}", "subscription"},
		{"{\"filter\":[]}", "filter"},
		{"null", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (api_ask("POST /explain", cases[i].body) != 400)
			fail_msg("%s: %s", cases[i].body, answer.text);
		if (cases[i].member && strcmp(cases[i].member, api_text(&answer, "member")) != 0)
			fail_msg("%s: %s", cases[i].body, answer.text);
	}
	assert_int_equal(404,
		api_ask("POST /explain", "{\"subscription\":\"nobody\",\"event\":{\"id\":\"1\","
					 "\"source\":\"/s\"}}"));
	redis_server_kill(&node.server);
	assert_int_equal(503, explain("{\"id\":\"e\",\"source\":\"/s\"}"));
	assert_int_equal(503, api_ask("POST /explain", "{\"filters\":[]}"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_given_event, start, api_finish),
		cmocka_unit_test_setup_teardown(test_stored_event, start, api_finish),
		cmocka_unit_test_setup_teardown(test_what_stands_in_the_way, start, api_finish),
		cmocka_unit_test_setup_teardown(test_what_bounds_it, start, api_finish),
		cmocka_unit_test_setup_teardown(test_dry_run, start, api_finish),
		cmocka_unit_test_setup_teardown(test_refusals, start, api_finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
