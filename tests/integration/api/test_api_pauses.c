/* An operator pauses everything, an owner or a host, sees what is paused and why, and releases it;
 * what cannot be meant is refused and pauses nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <string.h>
#include "api_rig.h"

static size_t paused(void)
{
	assert_int_equal(200, api_ask("GET /pauses", NULL));
	return json_array_size(answer.body);
}

static const char *text_of(size_t i, const char *name)
{
	const char *text = json_string_value(json_object_get(json_array_get(answer.body, i), name));

	return text ? text : "";
}

static const char *id_of(size_t i)
{
	const char *text =
		json_string_value(json_array_get(json_object_get(answer.body, "ids"), i));

	return text ? text : "";
}

static void test_pause_and_resume(void **state)
{
	(void)state;
	assert_int_equal(0, paused());
	assert_int_equal(200, api_ask("POST /pause", "{\"all\":true,\"reason\":\"fire drill\"}"));
	assert_string_equal("all", id_of(0));
	assert_int_equal(200, api_ask("POST /pause", "{\"owner\":\"local\",\"for_s\":3600}"));
	assert_string_equal("owner:local", id_of(0));
	assert_int_equal(200, api_ask("POST /pause", "{\"all\":true,\"reason\":\"fire\"}"));
	assert_int_equal(2, paused());
	assert_string_equal("owner:local", text_of(0, "id"));
	assert_string_equal("operator", text_of(0, "kind"));
	assert_true(*text_of(0, "until"));
	assert_string_equal("all", text_of(1, "id"));
	assert_string_equal("fire", text_of(1, "reason"));
	assert_string_equal("", text_of(1, "until"));
	assert_int_equal(200, api_ask("POST /resume", "{\"all\":true}"));
	assert_true(json_is_true(json_object_get(answer.body, "was_paused")));
	assert_int_equal(200, api_ask("POST /resume", "{\"all\":true}"));
	assert_true(json_is_false(json_object_get(answer.body, "was_paused")));
	assert_int_equal(1, paused());
	assert_int_equal(200, api_ask("POST /resume", "{\"owner\":\"local\"}"));
	assert_int_equal(0, paused());
}

static void test_hosts(void **state)
{
	(void)state;
	assert_int_equal(200, api_ask("POST /pause", "{\"host\":\"Example.COM\"}"));
	assert_string_equal("host:example.com:443", id_of(0));
	assert_string_equal("host:example.com:80", id_of(1));
	assert_int_equal(2, paused());
	assert_int_equal(200, api_ask("POST /resume", "{\"host\":\"example.com:80\"}"));
	assert_int_equal(1, paused());
	assert_int_equal(200, api_ask("POST /pause", "{\"host\":\"[2001:DB8::1]:8443\"}"));
	assert_string_equal("host:[2001:db8::1]:8443", id_of(0));
	assert_int_equal(200, api_ask("POST /pause", "{\"host\":\"[::1]\"}"));
	assert_string_equal("host:[::1]:443", id_of(0));
	assert_int_equal(200, api_ask("POST /pause", "{\"host\":\"192.0.2.1:1\"}"));
	assert_string_equal("host:192.0.2.1:1", id_of(0));
	assert_int_equal(200, api_ask("POST /pause", "{\"host\":\"Example.net.:8443\"}"));
	assert_string_equal("host:example.net:8443", id_of(0));
	assert_int_equal(200, api_ask("POST /pause", "{\"host\":\"Example.com.:1\"}"));
	assert_string_equal("host:example.com:1", id_of(0));
	assert_int_equal(200, api_ask("POST /pause", "{\"host\":\"0xC0.2.1:1\"}"));
	assert_string_equal("host:192.2.0.1:1", id_of(0));
	assert_int_equal(200, api_ask("POST /pause", "{\"host\":\"[2001:db8:0::1]:1\"}"));
	assert_string_equal("host:[2001:db8::1]:1", id_of(0));
}

static void test_refusals(void **state)
{
	static const struct {
		const char *body;
		const char *member;
	} cases[] = {
		{"{}", "all"},
		{"{\"all\":false}", "all"},
		{"{\"all\":\"yes\"}", "all"},
		{"{\"all\":true,\"owner\":\"a\"}", "owner"},
		{"{\"owner\":\"a\",\"host\":\"b\"}", "host"},
		{"{\"owner\":\"\"}", "owner"},
		{"{\"owner\":null}", "owner"},
		{"{\"owner\":\"a\\nb\"}", "owner"},
		{"{\"host\":7}", "host"},
		{"{\"host\":\"\xc3\xa6.no\"}", "host"},
		{"{\"host\":\"a b\"}", "host"},
		{"{\"host\":\"https://a/\"}", "host"},
		{"{\"host\":\"a:0\"}", "host"},
		{"{\"host\":\"a:080\"}", "host"},
		{"{\"host\":\"a:65536\"}", "host"},
		{"{\"host\":\"a:\"}", "host"},
		{"{\"host\":\":80\"}", "host"},
		{"{\"host\":\"::1\"}", "host"},
		{"{\"all\":true,\"for_s\":0}", "for_s"},
		{"{\"all\":true,\"for_s\":1.5}", "for_s"},
		{"{\"all\":true,\"for_s\":31622401}", "for_s"},
		{"{\"all\":true,\"reason\":\"\"}", "reason"},
		{"{\"all\":true,\"until\":1}", "until"},
		{"", NULL},
		{"[]", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (api_ask("POST /pause", cases[i].body) != 400)
			fail_msg("%s: %s", cases[i].body, answer.text);
		if (cases[i].member)
			assert_string_equal(cases[i].member, api_text(&answer, "member"));
	}
	assert_int_equal(400, api_ask("POST /resume", "{\"all\":true,\"reason\":\"x\"}"));
	assert_int_equal(0, paused());
	redis_server_kill(&node.server);
	assert_int_equal(503, api_ask("POST /pause", "{\"all\":true}"));
	assert_int_equal(503, api_ask("GET /pauses", NULL));
}

/* More than one page of the store. */
static void test_long_list(void **state)
{
	(void)state;
	for (int i = 0; i < 300; i++) {
		char body[64];
		snprintf(body, sizeof(body), "{\"owner\":\"o-%d\"}", i);
		assert_int_equal(200, api_ask("POST /pause", body));
	}
	assert_int_equal(300, paused());
	assert_string_equal("owner:o-299", text_of(299, "id"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_pause_and_resume, api_start, api_finish),
		cmocka_unit_test_setup_teardown(test_hosts, api_start, api_finish),
		cmocka_unit_test_setup_teardown(test_refusals, api_start, api_finish),
		cmocka_unit_test_setup_teardown(test_long_list, api_start, api_finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
