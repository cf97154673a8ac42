/* The life of subscriptions over HTTP: what is answered is what is stored, at once and everywhere;
 * the secret is told once; a change asks for the state it was made for; a refusal names the member
 * at fault and changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>
#include <string.h>
#include "api_rig.h"

#define SINK(path) "\"protocol\":\"HTTP\",\"sink\":\"https://example.com/" path "\""
#define RECORDS    "bud:{s0}:subs:records"

static bool has_secret(void)
{
	json_t *config = json_object_get(answer.body, "config");

	return json_object_get(json_object_get(config, "signing"), "secret") != NULL;
}

static size_t count(void)
{
	assert_int_equal(200, api_ask_with("GET /subscriptions", NULL, NULL));
	return json_array_size(answer.body);
}

static void test_create_and_read(void **state)
{
	const char *body = "{" SINK("a") ",\"types\":[\"t\",\"u\"],\"source\":\"/s\"}";
	const char *same =
		"{" SINK("a") ",\"types\":[\"u\",\"t\"],\"source\":\"/s\",\"name\":\"x\"}";
	char location[100];
	char etag[32];
	char fields[64];
	char id[65];

	(void)state;
	api_create(body, id);
	snprintf(location, sizeof(location), "/subscriptions/%s", id);
	assert_string_equal(location, api_field(&answer, "Location"));
	assert_string_equal("no-store", api_field(&answer, "Cache-Control"));
	snprintf(etag, sizeof(etag), "%s", api_field(&answer, "ETag"));
	assert_int_equal(18, strlen(etag));
	assert_true(has_secret());
	assert_string_equal("local", api_text(&answer, "owner"));
	assert_int_equal(1, count());
	json_t *listed = json_array_get(answer.body, 0);
	assert_string_equal(id, json_string_value(json_object_get(listed, "id")));
	json_t *signing = json_object_get(json_object_get(listed, "config"), "signing");
	assert_non_null(json_object_get(signing, "schemes"));
	assert_null(json_object_get(signing, "secret"));
	assert_int_equal(200, api_ask_at("GET", id, "", NULL, NULL));
	assert_string_equal(etag, api_field(&answer, "ETag"));
	assert_false(has_secret());
	snprintf(fields, sizeof(fields), "If-None-Match: %s\r\n", etag);
	assert_int_equal(304, api_ask_at("GET", id, "", fields, NULL));
	assert_int_equal(200, api_ask_with("POST /subscriptions", NULL, same));
	assert_string_equal(id, api_text(&answer, "id"));
	assert_string_equal("", api_text(&answer, "name"));
	assert_string_equal(location, api_field(&answer, "Location"));
	assert_false(has_secret());
	assert_int_equal(1, count());
}

static void test_change(void **state)
{
	char before[32];
	char stale[64];
	char id[65];

	(void)state;
	api_create("{" SINK("a") ",\"name\":\"first\"}", id);
	snprintf(before, sizeof(before), "%s", api_field(&answer, "ETag"));
	snprintf(stale, sizeof(stale), "If-Match: %s\r\n", before);
	assert_int_equal(412, api_ask_at("PUT", id, "", "If-Match: \"x\"\r\n", "{" SINK("b") "}"));
	assert_string_equal(before, api_field(&answer, "ETag"));
	assert_int_equal(200, api_ask_at("PUT", id, "", stale, "{" SINK("b") "}"));
	assert_string_equal("https://example.com/b", api_text(&answer, "sink"));
	assert_string_equal("", api_text(&answer, "name"));
	assert_false(has_secret());
	assert_string_not_equal(before, api_field(&answer, "ETag"));
	assert_int_equal(412, api_ask_at("PUT", id, "", stale, "{" SINK("c") "}"));
	assert_int_equal(412, api_ask_at("PATCH", id, "", stale, "{\"name\":\"x\"}"));
	assert_int_equal(412, api_ask_at("DELETE", id, "", stale, NULL));
	assert_int_equal(400, api_ask_at("PUT", id, "", NULL, "{\"id\":\"other\"," SINK("b") "}"));
	assert_string_equal("id", api_text(&answer, "member"));
	assert_int_equal(
		200, api_ask_at("PATCH", id, "", "Content-Type: application/merge-patch+json\r\n",
			     "{\"types\":[\"t\"],\"name\":\"second\"}"));
	assert_int_equal(400, api_ask_at("PATCH", id, "", NULL, "{\"sink\":null}"));
	assert_string_equal("sink", api_text(&answer, "member"));
	assert_int_equal(200, api_ask_at("PATCH", id, "", "If-Match: *\r\n", "{\"name\":null}"));
	assert_int_equal(200, api_ask_at("GET", id, "", NULL, NULL));
	assert_string_equal("https://example.com/b", api_text(&answer, "sink"));
	assert_int_equal(1, json_array_size(json_object_get(answer.body, "types")));
	assert_string_equal("", api_text(&answer, "name"));
}

static void test_delete(void **state)
{
	char again[65];
	char id[65];

	(void)state;
	api_create("{" SINK("a") "}", id);
	assert_int_equal(200, api_ask_at("DELETE", id, "", NULL, NULL));
	assert_string_equal(id, api_text(&answer, "id"));
	assert_false(has_secret());
	assert_int_equal(404, api_ask_at("DELETE", id, "", NULL, NULL));
	assert_int_equal(404, api_ask_at("GET", id, "", NULL, NULL));
	assert_int_equal(404, api_ask_at("PUT", id, "", NULL, "{" SINK("a") "}"));
	assert_int_equal(404, api_ask_at("PATCH", id, "", NULL, "{}"));
	assert_int_equal(404, api_ask_at("GET", "none", "", NULL, NULL));
	assert_int_equal(0, count());
	api_create("{" SINK("a") "}", again);
	assert_string_not_equal(id, again);
}

static void test_pages(void **state)
{
	char line[200] = "GET /subscriptions?size=10";
	size_t seen = 0;
	size_t pages = 0;

	(void)state;
	for (int i = 0; i < 20; i++) {
		char body[100];
		char id[65];
		snprintf(body, sizeof(body), "{\"source\":\"/%d\"," SINK("a") "}", i);
		api_create(body, id);
	}
	while (line[0]) {
		assert_int_equal(200, api_ask_with(line, NULL, NULL));
		pages++;
		for (size_t i = 0; i < json_array_size(answer.body); i++, seen++) {
			char source[8];
			json_t *one = json_array_get(answer.body, i);
			snprintf(source, sizeof(source), "/%zu", seen);
			assert_string_equal(
				source, json_string_value(json_object_get(one, "source")));
		}
		const char *link = api_field(&answer, "Link");
		line[0] = '\0';
		if (*link) {
			assert_non_null(strstr(link, ">; rel=\"next\""));
			snprintf(line, sizeof(line), "GET %.*s", (int)strcspn(link + 1, ">"),
				link + 1);
		}
	}
	assert_int_equal(20, seen);
	assert_int_equal(2, pages);
	assert_int_equal(400, api_ask_with("GET /subscriptions?size=0", NULL, NULL));
	assert_string_equal("size", api_text(&answer, "member"));
}

static void test_bad_input(void **state)
{
	static const struct {
		const char *body;
		const char *member;
	} cases[] = {
		{"{", ""},
		{"", ""},
		{"[]", ""},
		{"{\"a\":1,\"a\":2}", ""},
		{"{\"protocol\":\"HTTP\"}", "sink"},
		{"{\"protocol\":\"HTTP\",\"sink\":\"\"}", "sink"},
		{"{\"protocol\":\"HTTP\",\"sink\":\"a b\"}", "sink"},
		{"{\"protocol\":\"HTTP\",\"sink\":\"ftp://example.com\"}", "sink"},
		{"{\"protocol\":\"HTTP\",\"sink\":\"https://u:p@example.com\"}", "sink"},
		{"{\"protocol\":\"HTTP\",\"sink\":\"http://127.0.0.1/\"}", "sink"},
		{"{\"protocol\":\"HTTP\",\"sink\":\"http://[::1]/\"}", "sink"},
		{"{\"protocol\":\"HTTP\",\"sink\":\"http://169.254.169.254/\"}", "sink"},
		{"{\"protocol\":\"HTTP\",\"sink\":\"http://localhost/\"}", "sink"},
		{"{\"sink\":\"https://example.com\"}", "protocol"},
		{"{\"protocol\":\"http\",\"sink\":\"https://example.com\"}", "protocol"},
		{"{\"unknown\":1," SINK("a") "}", "unknown"},
		{"{\"types\":[]," SINK("a") "}", "types"},
		{"{\"types\":[\"\"]," SINK("a") "}", "types[0]"},
		{"{\"source\":\"a b\"," SINK("a") "}", "source"},
		{"{\"filters\":[{}]," SINK("a") "}", "filters[0]"},
		{"{\"filters\":[{\"sql\":\"TRUE AND\"}]," SINK("a") "}", "filters[0].sql"},
		{"{\"filters\":[{\"exact\":{\"type\":1}}]," SINK("a") "}", "filters[0].exact.type"},
		{"{\"config\":{\"timeout_ms\":1}," SINK("a") "}", "config.timeout_ms"},
		{"{\"config\":{\"signing\":{\"secret\":\"x\"}}," SINK("a") "}",
			"config.signing.secret"},
		{"{\"expires\":\"2001-01-01T00:00:00Z\"," SINK("a") "}", "expires"},
		{"{\"protocolsettings\":{\"headers\":{\"Host\":\"x\"}}," SINK("a") "}",
			"protocolsettings.headers.Host"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int status = api_ask_with("POST /subscriptions", NULL, cases[i].body);
		if (status != 400 || strcmp(cases[i].member, api_text(&answer, "member")) != 0)
			fail_msg("%s: %d, member \"%s\"", cases[i].body, status,
				api_text(&answer, "member"));
		assert_string_equal("application/problem+json", api_field(&answer, "Content-Type"));
		assert_true(*api_text(&answer, "detail"));
	}
	assert_int_equal(0, count());
}

static void test_methods_and_media_types(void **state)
{
	static const char form[] = "Content-Type: application/x-www-form-urlencoded\r\n";
	static const char merge[] = "Content-Type: application/merge-patch+json\r\n";
	static const char json[] = "Content-Type: Application/JSON; charset=\"utf-8\"\r\n";
	static const char latin[] = "Content-Type: application/json; charset=latin1\r\n";
	char id[65];

	(void)state;
	assert_int_equal(415, api_ask_with("POST /subscriptions", form, "{" SINK("a") "}"));
	assert_int_equal(415, api_ask_with("POST /subscriptions", merge, "{" SINK("a") "}"));
	assert_int_equal(415, api_ask_with("POST /subscriptions", latin, "{" SINK("a") "}"));
	assert_int_equal(201, api_ask_with("POST /subscriptions", json, "{" SINK("a") "}"));
	snprintf(id, sizeof(id), "%s", api_text(&answer, "id"));
	assert_int_equal(415, api_ask_at("PUT", id, "", merge, "{" SINK("b") "}"));
	assert_int_equal(415, api_ask_at("PATCH", id, "", form, "{}"));
	assert_int_equal(405, api_ask_with("PUT /subscriptions", NULL, "{}"));
	assert_string_equal("GET, HEAD, POST, OPTIONS", api_field(&answer, "Allow"));
	assert_int_equal(405, api_ask_at("POST", id, "", NULL, "{}"));
	assert_string_equal("GET, HEAD, PUT, PATCH, DELETE, OPTIONS", api_field(&answer, "Allow"));
	assert_true(api_ask_at("OPTIONS", id, "", NULL, NULL) / 100 == 2);
	assert_string_equal("GET, HEAD, PUT, PATCH, DELETE, OPTIONS", api_field(&answer, "Allow"));
	assert_true(api_ask_with("OPTIONS /subscriptions", NULL, NULL) / 100 == 2);
	assert_string_equal("GET, HEAD, POST, OPTIONS", api_field(&answer, "Allow"));
}

/* Rewrites the stored value of `id`: each `from` becomes a `to` of the same length. */
static void tamper(const char *id, const char *from, const char *to)
{
	redisReply *reply = redis_server_ask(&node.server, "HGET " RECORDS " %s", id);
	size_t n = 0;

	assert_int_equal(strlen(from), strlen(to));
	for (char *at = reply->str; (at = strstr(at, from)); n++)
		memcpy(at, to, strlen(to));
	assert_true(n > 0);
	redis_server_do(&node.server, "HSET " RECORDS " %s %b", id, reply->str, (size_t)reply->len);
	freeReplyObject(reply);
}

static void test_of_another_owner(void **state)
{
	char id[65];

	(void)state;
	api_create("{" SINK("a") "}", id);
	tamper(id, "\"owner\":\"local\"", "\"owner\":\"other\"");
	assert_int_equal(404, api_ask_at("GET", id, "", NULL, NULL));
	assert_int_equal(404, api_ask_at("PUT", id, "", NULL, "{" SINK("b") "}"));
	assert_int_equal(404, api_ask_at("PATCH", id, "", NULL, "{}"));
	assert_int_equal(404, api_ask_at("DELETE", id, "", NULL, NULL));
	char path[100];
	snprintf(path, sizeof(path), "%s/attempts", id);
	assert_int_equal(404, api_ask_at("GET", path, "", NULL, NULL));
}

/* An expired subscription gets nothing, so an identical POST makes a new one. */
static void test_expired_twin(void **state)
{
	const char *body = "{\"expires\":\"2099-01-01T00:00:00Z\"," SINK("a") "}";
	char again[65];
	char id[65];

	(void)state;
	api_create(body, id);
	assert_int_equal(200, api_ask_with("POST /subscriptions", NULL, body));
	tamper(id, "2099-01-01", "2001-01-01");
	api_create(body, again);
	assert_string_not_equal(id, again);
	assert_int_equal(404, api_ask_at("GET", id, "", NULL, NULL));
	assert_int_equal(200, api_ask_with("POST /subscriptions", NULL, body));
	assert_string_equal(again, api_text(&answer, "id"));
}

/* Who does not ask for a state gets his change in, whatever others do. */
static void test_changes_at_once(void **state)
{
	static const char *const changes[] = {
		"{\"name\":\"n\"}", "{\"source\":\"/s\"}", "{\"types\":[\"t\"]}"};
	char line[100];
	char id[65];
	int fds[3];

	(void)state;
	api_create("{" SINK("a") "}", id);
	snprintf(line, sizeof(line), "PATCH /subscriptions/%s", id);
	for (int i = 0; i < 3; i++)
		fds[i] = api_send(&node, line, NULL, changes[i]);
	for (int i = 0; i < 3; i++) {
		struct api_answer one;
		api_read(fds[i], &one);
		assert_int_equal(200, one.status);
		api_answer_finish(&one);
	}
	assert_int_equal(200, api_ask_at("GET", id, "", NULL, NULL));
	assert_string_equal("n", api_text(&answer, "name"));
	assert_string_equal("/s", api_text(&answer, "source"));
	assert_int_equal(1, json_array_size(json_object_get(answer.body, "types")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_create_and_read, api_start, api_finish),
		cmocka_unit_test_setup_teardown(test_change, api_start, api_finish),
		cmocka_unit_test_setup_teardown(test_delete, api_start, api_finish),
		cmocka_unit_test_setup_teardown(test_pages, api_start, api_finish),
		cmocka_unit_test_setup_teardown(test_bad_input, api_start, api_finish),
		cmocka_unit_test_setup_teardown(
			test_methods_and_media_types, api_start, api_finish),
		cmocka_unit_test_setup_teardown(test_of_another_owner, api_start, api_finish),
		cmocka_unit_test_setup_teardown(test_expired_twin, api_start, api_finish),
		cmocka_unit_test_setup_teardown(test_changes_at_once, api_start, api_finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
