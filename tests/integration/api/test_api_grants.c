/* Grants over HTTP: made once, seen by who gave and who got it, taken back by who gave it; only the
 * owner of a resource grants it; what is not a grant is refused with its member; and who may not
 * subscribe is told so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <string.h>
#include <unistd.h>
#include "api_rig.h"
#include "auth/authorize.h"
#include "core/clock.h"

#define POLICY                                                                                     \
	"{\"resources\":[{\"resource\":\"urn:r:own\",\"owner\":\"/org/own\"}],"                    \
	"\"rules\":[{\"name\":\"scoped\",\"who\":[\"/org/s\"],\"actions\":[\"subscribe\"],"        \
	"\"resources\":[\"urn:r:own\"],\"scopes\":[\"sub\"]}]}"
#define SINK "\"protocol\":\"HTTP\",\"sink\":\"https://example.com/\""

static int start(void **state)
{
	(void)state;
	api_node_start_with(&node, POLICY);
	return 0;
}

static int ask(const char *who, const char *line, const char *body)
{
	char fields[200];

	snprintf(fields, sizeof(fields), "X-Who: %s\r\n%s", who,
		body ? "Content-Type: application/json\r\n" : "");
	return api_ask_with(line, fields, body);
}

static int ask_at(const char *who, const char *method, const char *id)
{
	char line[100];

	snprintf(line, sizeof(line), "%s /grants/%s", method, id);
	return ask(who, line, NULL);
}

static size_t count(const char *who)
{
	assert_int_equal(ask(who, "GET /grants", NULL), 200);
	return json_array_size(answer.body);
}

static enum bud_decision decide(const char *who, const char *publisher, const char *type)
{
	struct bud_question question = {.action = BUD_ACTION_SUBSCRIBE,
		.who = bud_span(who),
		.publisher = bud_span(publisher),
		.resource = bud_span("urn:r:own"),
		.type = bud_span(type),
		.subject = bud_span(""),
		.now_ms = bud_clock_wall_ms()};

	return bud_authorize(node.authority, &question, NULL);
}

static void lives(void **state)
{
	static const char body[] =
		"{\"to\":\"/org/skd\",\"actions\":[\"subscribe\"],\"resource\":\"urn:r:own\","
		"\"types\":[\"done\"],\"until\":\"2999-01-01T00:00:00Z\"}";
	char id[65];
	char location[100];

	(void)state;
	assert_int_equal(ask("/org/own", "POST /grants", body), 201);
	snprintf(id, sizeof(id), "%s", api_text(&answer, "id"));
	snprintf(location, sizeof(location), "/grants/%s", id);
	assert_string_equal(api_field(&answer, "Location"), location);
	assert_string_equal(api_text(&answer, "owner"), "/org/own");
	/* The list waits for the table, so from now on everything knows it. */
	assert_int_equal(count("/org/own"), 1);
	assert_int_equal(count("/org/skd"), 1);
	assert_int_equal(count("/org/x"), 0);
	assert_int_equal(decide("/org/skd", "/org/p", "done"), BUD_DECISION_PERMIT);
	assert_int_equal(decide("/org/skd", "/org/p", "other"), BUD_DECISION_DENY);
	assert_int_equal(ask("/org/own", "POST /grants", body), 200);
	assert_string_equal(api_text(&answer, "id"), id);
	assert_int_equal(ask_at("/org/skd", "GET", id), 200);
	assert_string_equal(api_text(&answer, "to"), "/org/skd");
	assert_int_equal(ask_at("/org/x", "GET", id), 404);
	assert_int_equal(ask_at("/org/skd", "DELETE", id), 404);
	assert_int_equal(ask_at("/org/own", "DELETE", id), 200);
	assert_int_equal(ask_at("/org/own", "DELETE", id), 404);
	assert_int_equal(ask_at("/org/own", "GET", id), 404);
	assert_int_equal(count("/org/own"), 0);
	assert_int_equal(decide("/org/skd", "/org/p", "done"), BUD_DECISION_DENY);
	assert_int_equal(ask("/org/own", "POST /grants", body), 201);
}

static void only_owners_grant(void **state)
{
	(void)state;
	assert_int_equal(
		ask("/org/x", "POST /grants", "{\"to\":\"/org/skd\",\"resource\":\"urn:r:own\"}"),
		403);
	assert_non_null(strstr(answer.text, "only the owner of a resource grants it"));
	/* What nobody owns, and what one publishes oneself. */
	assert_int_equal(
		ask("/org/x", "POST /grants", "{\"to\":\"/org/skd\",\"resource\":\"urn:r:free\"}"),
		201);
	assert_int_equal(ask("/org/x", "POST /grants", "{\"to\":\"/org/skd\"}"), 201);
	assert_int_equal(count("/org/skd"), 2);
	assert_int_equal(decide("/org/skd", "/org/x", "t"), BUD_DECISION_PERMIT);
	assert_int_equal(decide("/org/skd", "/org/y", "t"), BUD_DECISION_DENY);
}

static void refuses(void **state)
{
	static const struct {
		const char *body;
		const char *says;
	} cases[] = {
		{"{\"to\":\"/org/*\"}", "in full"},
		{"[]", "the body must be a JSON object"},
		{"{}", "to must be the name"},
		{"{\"to\":\"skd\"}", "to must be the name"},
		{"{\"to\":\"/org/own\"}", "to must be somebody else"},
		{"{\"to\":\"/org/a\",\"action\":[]}", "unknown: \\\"action\\\""},
		{"{\"to\":\"/org/a\",\"actions\":[]}", "actions must be a list"},
		{"{\"to\":\"/org/a\",\"actions\":[\"publish\"]}", "actions must be a list"},
		{"{\"to\":\"/org/a\",\"resource\":\"urn:r:*\"}", "named in full"},
		{"{\"to\":\"/org/a\",\"types\":[]}", "types must be a list of 1 to 64"},
		{"{\"to\":\"/org/a\",\"types\":[null]}", "types[0] must be a text"},
		{"{\"to\":\"/org/a\",\"until\":\"soon\"}", "until must be a time"},
		{"{\"to\":\"/org/a\",\"until\":\"2020-01-01T00:00:00Z\"}", "in the future"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(ask("/org/own", "POST /grants", cases[i].body), 400);
		if (!strstr(answer.text, cases[i].says))
			fail_msg("%s: %s", cases[i].body, answer.text);
	}
	assert_int_equal(ask_at("/org/own", "GET", "0123"), 404);
	assert_int_equal(ask_at("/org/own", "GET", "01234567890123456789012345678901"), 404);
	assert_int_equal(ask("/org/own", "GET /grants?size=0", NULL), 400);
	assert_int_equal(count("/org/own"), 0);
}

static void pages(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		char body[64];
		snprintf(body, sizeof(body), "{\"to\":\"/org/%d\"}", i);
		assert_int_equal(ask("/org/own", "POST /grants", body), 201);
	}
	assert_int_equal(ask("/org/own", "GET /grants?size=2", NULL), 200);
	assert_int_equal(json_array_size(answer.body), 2);
	assert_non_null(strstr(api_field(&answer, "Link"), "rel=\"next\""));
	assert_int_equal(ask("/org/own", "GET /grants?size=10", NULL), 200);
	assert_int_equal(json_array_size(answer.body), 5);
	assert_string_equal(api_field(&answer, "Link"), "");
}

/* A grant's record is no subscription, however one asks for it. */
static void is_no_subscription(void **state)
{
	char line[120];

	(void)state;
	assert_int_equal(ask("/org/own", "POST /grants", "{\"to\":\"/org/a\"}"), 201);
	snprintf(line, sizeof(line), "GET /subscriptions/grant:%s", api_text(&answer, "id"));
	assert_int_equal(ask("/org/own", line, NULL), 404);
	assert_int_equal(ask("/org/own", "GET /subscriptions", NULL), 200);
	assert_int_equal(json_array_size(answer.body), 0);
}

#define ONLY(resource)                                                                             \
	"{" SINK ",\"filters\":[{\"exact\":{\"resource\":\"" resource "\"}}],\"types\":[\"t\"]}"

static void subscribing_asks(void **state)
{
	(void)state;
	assert_int_equal(ask("/org/x", "POST /subscriptions", ONLY("urn:r:own")), 403);
	assert_non_null(strstr(answer.text, "/org/x may not subscribe events of urn:r:own: no rule "
					    "and no grant permits it"));
	assert_int_equal(ask("/org/own", "POST /subscriptions", ONLY("urn:r:own")), 201);
	/* Which events they are is not known before they come. */
	assert_int_equal(ask("/org/x", "POST /subscriptions", "{" SINK "}"), 201);
	assert_int_equal(ask("/org/s", "POST /subscriptions", ONLY("urn:r:own")), 403);
	assert_string_equal(api_field(&answer, "WWW-Authenticate"),
		"Bearer error=\"insufficient_scope\", scope=\"sub\"");
	assert_int_equal(
		ask("/org/own", "POST /grants", "{\"to\":\"/org/x\",\"resource\":\"urn:r:own\"}"),
		201);
	assert_int_equal(count("/org/x"), 1);
	assert_int_equal(ask("/org/x", "POST /subscriptions", ONLY("urn:r:own")), 201);
}

/* Who was granted it a moment ago may, although this node's table has not got there yet. */
static void a_grant_on_its_way_counts(void **state)
{
	int fd;

	(void)state;
	node.holds_table = true;
	assert_int_equal(ask("/org/own", "POST /grants",
				 "{\"to\":\"/org/new\",\"actions\":[\"subscribe\"],"
				 "\"resource\":\"urn:r:own\"}"),
		201);
	fd = api_send(&node, "POST /subscriptions",
		"X-Who: /org/new\r\nContent-Type: application/json\r\n",
		"{" SINK ",\"filters\":[{\"exact\":{\"resource\":\"urn:r:own\"}}]}");
	usleep(100000); /* it is asked, and not answered */
	node.holds_table = false;
	assert_int_equal(api_await(fd), 201);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, api_finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lives),
		TEST(only_owners_grant),
		TEST(refuses),
		TEST(pages),
		TEST(is_no_subscription),
		TEST(subscribing_asks),
		TEST(a_grant_on_its_way_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
