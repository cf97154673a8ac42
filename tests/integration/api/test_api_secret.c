/* A new signing secret is told once, in the answer that makes it; the old one signs on for as long
 * as asked. And what else a subscription needs from outside is checked before it is stored: URLs of
 * tokens, certificates, keys; who must be asked first is pending from the start, and that is told.
 */
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
#define RECORDS "bud:{s0}:subs:records"
#define GIVEN   "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

static char id[65];
static char secret[200];

static int ask(const char *method, const char *path, const char *fields, const char *body)
{
	return api_ask_at(method, id, path, fields, body);
}

static const char *told_secret(void)
{
	json_t *signing = json_object_get(json_object_get(answer.body, "config"), "signing");
	const char *text = json_string_value(json_object_get(signing, "secret"));

	return text ? text : "";
}

static void create(const char *body)
{
	api_create(body, id);
	snprintf(secret, sizeof(secret), "%s", told_secret());
}

static int start(void **state)
{
	api_start(state);
	create("{" SINK "}");
	return 0;
}

static bool is_stored(const char *text)
{
	redisReply *reply = redis_server_ask(&node.server, "HGET " RECORDS " %s", id);
	bool has = strstr(reply->str, text) != NULL;

	freeReplyObject(reply);
	return has;
}

static void test_rotate(void **state)
{
	char etag[32];

	(void)state;
	snprintf(etag, sizeof(etag), "%s", api_field(&answer, "ETag"));
	assert_int_equal(200, ask("POST", "/secret", NULL, NULL));
	assert_true(strncmp(told_secret(), "whsec_", 6) == 0);
	assert_string_not_equal(secret, told_secret());
	assert_string_equal("no-store", api_field(&answer, "Cache-Control"));
	assert_string_equal("", api_field(&answer, "Location"));
	assert_string_not_equal(etag, api_field(&answer, "ETag"));
	assert_true(is_stored(secret) && is_stored(told_secret()));
	snprintf(secret, sizeof(secret), "%s", told_secret());
	assert_int_equal(200, ask("GET", "", NULL, NULL));
	assert_null(strstr(answer.text, secret));
	/* Without overlap the old ones are gone at once. */
	assert_int_equal(
		200, ask("POST", "/secret", NULL, "{\"secret\":\"" GIVEN "\",\"overlap_s\":0}"));
	assert_string_equal(GIVEN, told_secret());
	assert_false(is_stored(secret));
	assert_int_equal(200, ask("POST", "/secret", NULL, "{\"overlap_s\":604800}"));
	assert_true(is_stored(GIVEN));
}

static void test_rotate_refusals(void **state)
{
	static const struct {
		const char *body;
		const char *member;
	} cases[] = {
		{"{\"overlap_s\":-1}", "overlap_s"},
		{"{\"overlap_s\":604801}", "overlap_s"},
		{"{\"overlap_s\":1.5}", "overlap_s"},
		{"{\"overlap_s\":\"1\"}", "overlap_s"},
		{"{\"overlap_s\":null}", "overlap_s"},
		{"{\"secret\":7}", "secret"},
		{"{\"secret\":null}", "secret"},
		{"{\"secret\":\"short\"}", NULL},
		{"{\"secret\":\"whsec_AAAA\"}", NULL},
		{"{\"overlap\":1}", "overlap"},
		{"[]", NULL},
	};
	char etag[32];

	(void)state;
	snprintf(etag, sizeof(etag), "%s", api_field(&answer, "ETag"));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (ask("POST", "/secret", NULL, cases[i].body) != 400)
			fail_msg("%s: %d", cases[i].body, answer.status);
		if (cases[i].member)
			assert_string_equal(cases[i].member, api_text(&answer, "member"));
		else if (strstr(cases[i].body, "secret"))
			assert_non_null(strstr(api_text(&answer, "member"), "secret"));
	}
	assert_int_equal(412, ask("POST", "/secret", "If-Match: \"x\"\r\n", NULL));
	assert_int_equal(415, ask("POST", "/secret", "Content-Type: text/plain\r\n", "{}"));
	assert_int_equal(200, ask("GET", "", NULL, NULL));
	assert_string_equal(etag, api_field(&answer, "ETag"));
	assert_true(is_stored(secret));
	assert_int_equal(200, ask("DELETE", "", NULL, NULL));
	assert_int_equal(404, ask("POST", "/secret", NULL, NULL));
}

#define CREDENTIAL "{\"credentialtype\":\"CLIENT\",\"identifier\":\"a\",\"secret\":\"b\""
#define CLIENT(url)                                                                                \
	"{" SINK ",\"source\":\"/c\",\"sinkcredential\":" CREDENTIAL ",\"tokenendpoint\":\"" url   \
	"\"}}"

static void test_outside_checks(void **state)
{
	static const struct {
		const char *body;
		const char *member;
	} cases[] = {
		{"{\"protocol\":\"HTTP\",\"sink\":\"https://127.0.0.1/a\"}", "sink"},
		{"{" SINK ",\"config\":{\"tls\":{\"ca\":\"nonsense\"}}}", "config.tls.ca"},
		{"{" SINK ",\"config\":{\"tls\":{\"certificate\":\"x\",\"key\":\"y\"}}}",
			"config.tls.certificate"},
		{CLIENT("https://10.0.0.1/t"), "sinkcredential.tokenendpoint"},
		{CLIENT("ftp://example.com/t"), "sinkcredential.tokenendpoint"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (api_ask("POST /subscriptions", cases[i].body) != 400)
			fail_msg("%s: %s", cases[i].body, answer.text);
		assert_string_equal(cases[i].member, api_text(&answer, "member"));
	}
	create(CLIENT("https://example.com/token"));
}

static const char *state_text(void)
{
	return json_string_value(json_object_get(json_object_get(answer.body, "status"), "state"));
}

/* Events of the streams that have `text` in them. */
static size_t published(const char *text)
{
	size_t n = 0;

	for (int i = 0; i < 16; i++) {
		redisReply *reply =
			redis_server_ask(&node.server, "XRANGE bud:{s0}:p%d:events - +", i);
		for (size_t j = 0; j < (size_t)reply->elements; j++)
			n += strstr(reply->element[j]->element[1]->element[3]->str, text) != NULL;
		freeReplyObject(reply);
	}
	return n;
}

static void test_asked_first(void **state)
{
	(void)state;
	create("{" SINK
	       ",\"name\":\"b\",\"source\":\"/b\",\"config\":{\"verify\":\"cloudevents\"}}");
	assert_string_equal("pending", state_text());
	assert_int_equal(1, published("no.budstikke.subscription.pending.v1"));
	assert_int_equal(200, ask("GET", "", NULL, NULL));
	assert_string_equal("pending", state_text());
	/* Not asked again for what does not matter to the receiver. */
	assert_int_equal(200, ask("PATCH", "", NULL, "{\"name\":\"c\"}"));
	assert_int_equal(1, published("no.budstikke.subscription.pending.v1"));
	create("{" SINK ",\"source\":\"/d\",\"config\":{\"verify\":\"off\"}}");
	assert_string_equal("active", state_text());
	assert_int_equal(200, ask("PATCH", "", NULL, "{\"config\":{\"verify\":\"altinn\"}}"));
	assert_string_equal("pending", state_text());
	assert_int_equal(2, published("no.budstikke.subscription.pending.v1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rotate, start, api_finish),
		cmocka_unit_test_setup_teardown(test_rotate_refusals, start, api_finish),
		cmocka_unit_test_setup_teardown(test_outside_checks, start, api_finish),
		cmocka_unit_test_setup_teardown(test_asked_first, start, api_finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
