/* An owner pauses and resumes: the status says so at once and to everybody, saying it twice changes
 * nothing, and what cannot be is refused with the reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>
#include <string.h>
#include "api_rig.h"

#define BODY    "{\"protocol\":\"HTTP\",\"sink\":\"https://example.com/a\"}"
#define RECORDS "bud:{s0}:subs:records"

static char id[65];

static int start(void **state)
{
	api_start(state);
	api_create(BODY, id);
	return 0;
}

static int ask(const char *method, const char *path, const char *fields, const char *body)
{
	return api_ask_at(method, id, path, fields, body);
}

static const char *status_text(const char *name)
{
	json_t *status = json_object_get(answer.body, "status");
	const char *text = json_string_value(json_object_get(status, name));

	return text ? text : "";
}

/* As if the status had become this one elsewhere. */
static void set_status(const char *status)
{
	redisReply *reply = redis_server_ask(&node.server, "HGET " RECORDS " %s", id);
	char value[4096];
	char *first;
	char *second;

	snprintf(value, sizeof(value), "%s", reply->str);
	freeReplyObject(reply);
	first = strchr(value, '\n');
	second = strchr(first + 1, '\n');
	if (second)
		*second = '\0';
	redis_server_do(&node.server, "HSET " RECORDS " %s %s\n%s", id, value, status);
}

static void test_pause_and_resume(void **state)
{
	char etag[32];

	(void)state;
	assert_int_equal(200, ask("POST", "/pause", NULL, "{\"reason\":\"we move house\"}"));
	assert_string_equal("paused", status_text("state"));
	assert_string_equal("owner", status_text("reason"));
	assert_string_equal("we move house", status_text("detail"));
	assert_true(*status_text("since"));
	snprintf(etag, sizeof(etag), "%s", api_field(&answer, "ETag"));
	assert_int_equal(200, ask("GET", "", NULL, NULL));
	assert_string_equal("paused", status_text("state"));
	assert_string_equal(etag, api_field(&answer, "ETag"));
	/* Again, with and without words: nothing changes. */
	assert_int_equal(200, ask("POST", "/pause", NULL, NULL));
	assert_string_equal(etag, api_field(&answer, "ETag"));
	assert_string_equal("we move house", status_text("detail"));
	assert_int_equal(200, ask("POST", "/pause", NULL, "{\"reason\":\"still moving\"}"));
	assert_string_equal("still moving", status_text("detail"));
	assert_string_not_equal(etag, api_field(&answer, "ETag"));
	assert_int_equal(200, ask("POST", "/resume", NULL, "{}"));
	assert_string_equal("active", status_text("state"));
	assert_string_equal("", status_text("reason"));
	assert_string_equal("", status_text("detail"));
	snprintf(etag, sizeof(etag), "%s", api_field(&answer, "ETag"));
	assert_int_equal(200, ask("POST", "/resume", NULL, NULL));
	assert_string_equal(etag, api_field(&answer, "ETag"));
}

static void test_from_other_states(void **state)
{
	(void)state;
	set_status("{\"state\":\"disabled\",\"since_ms\":5,\"reason\":\"gone\",\"detail\":\"410\","
		   "\"granted_ms\":4,\"rate_per_min\":60,\"access_token\":\"t0p\"}");
	assert_int_equal(409, ask("POST", "/pause", NULL, NULL));
	assert_string_equal("status.state", api_text(&answer, "member"));
	assert_non_null(strstr(api_text(&answer, "detail"), "resume it first"));
	assert_int_equal(200, ask("POST", "/resume", NULL, NULL));
	assert_string_equal("active", status_text("state"));
	/* What the receiver granted and our tokens outlive it. */
	json_t *status = json_object_get(answer.body, "status");
	assert_int_equal(60, json_integer_value(json_object_get(status, "rate_per_min")));
	redisReply *reply = redis_server_ask(&node.server, "HGET " RECORDS " %s", id);
	assert_non_null(strstr(reply->str, "t0p"));
	freeReplyObject(reply);
	set_status("{\"state\":\"pending\",\"since_ms\":5,\"detail\":\"no answer yet\"}");
	assert_int_equal(409, ask("POST", "/resume", NULL, NULL));
	assert_non_null(strstr(api_text(&answer, "detail"), "no answer yet"));
	/* Paused and resumed it is asked anew, which the verifier sees by the new time. */
	assert_int_equal(200, ask("PATCH", "", NULL, "{\"config\":{\"verify\":\"cloudevents\"}}"));
	assert_int_equal(200, ask("POST", "/pause", NULL, NULL));
	assert_string_equal("paused", status_text("state"));
	assert_int_equal(200, ask("POST", "/resume", NULL, NULL));
	assert_string_equal("pending", status_text("state"));
}

/* Anyone may subscribe to what happened to it. */
static void test_notices(void **state)
{
	static const char *const types[] = {"paused", "resumed", "recovered"};

	(void)state;
	assert_int_equal(200, ask("POST", "/pause", NULL, NULL));
	assert_int_equal(200, ask("POST", "/resume", NULL, NULL));
	set_status("{\"state\":\"disabled\",\"since_ms\":5,\"reason\":\"gone\"}");
	assert_int_equal(200, ask("POST", "/resume", NULL, NULL));
	for (size_t i = 0; i < 3; i++) {
		size_t n = 0;
		char type[80];
		snprintf(type, sizeof(type), "no.budstikke.subscription.%s.v1", types[i]);
		for (int partition = 0; partition < 16; partition++) {
			redisReply *reply = redis_server_ask(
				&node.server, "XRANGE bud:{s0}:p%d:events - +", partition);
			for (size_t j = 0; j < (size_t)reply->elements; j++)
				n += strstr(reply->element[j]->element[1]->element[3]->str, type) !=
				     NULL;
			freeReplyObject(reply);
		}
		assert_int_equal(1, n);
	}
}

static void test_refusals(void **state)
{
	static const struct {
		const char *path;
		const char *body;
		const char *member;
	} cases[] = {
		{"/pause", "{\"reason\":7}", "reason"},
		{"/pause", "{\"reason\":\"\"}", "reason"},
		{"/pause", "{\"reason\":\"a\\u0007b\"}", "reason"},
		{"/pause", "{\"reason\":\"a\",\"until\":1}", "until"},
		{"/pause", "{\"reason\":\"a\",\"reason\":\"b\"}", NULL},
		{"/pause", "[]", NULL},
		{"/pause", "{", NULL},
		{"/pause", "\xff", NULL},
		{"/resume", "{\"reason\":\"a\"}", "reason"},
	};
	char large[700];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(400, ask("POST", cases[i].path, NULL, cases[i].body));
		if (cases[i].member)
			assert_string_equal(cases[i].member, api_text(&answer, "member"));
	}
	snprintf(large, sizeof(large), "{\"reason\":\"%0513d\"}", 0);
	assert_int_equal(400, ask("POST", "/pause", NULL, large));
	snprintf(large, sizeof(large), "{\"reason\":\"%0512d\"}", 0);
	assert_int_equal(412, ask("POST", "/pause", "If-Match: \"x\"\r\n", large));
	assert_int_equal(415, ask("POST", "/pause", "Content-Type: text/plain\r\n", "{}"));
	assert_int_equal(200, ask("GET", "", NULL, NULL));
	assert_string_equal("active", status_text("state"));
	assert_int_equal(200, ask("POST", "/pause", NULL, large));
	assert_int_equal(405, ask("GET", "/pause", NULL, NULL));
	assert_int_equal(200, ask("DELETE", "", NULL, NULL));
	assert_int_equal(404, ask("POST", "/pause", NULL, NULL));
	assert_int_equal(404, ask("POST", "/resume", NULL, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_pause_and_resume, start, api_finish),
		cmocka_unit_test_setup_teardown(test_from_other_states, start, api_finish),
		cmocka_unit_test_setup_teardown(test_notices, start, api_finish),
		cmocka_unit_test_setup_teardown(test_refusals, start, api_finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
