/* Events of apps: what becomes of the body of a POST, and which app and instance a source is of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>

#include "api/altinn_app_event.h"

#define SOURCE "https://ttd.apps.altinn.no/ttd/apps-test/instances/50/6fb3f738"

static int parse(const char *json, struct bud_altinn_app_event *app, struct bud_error *error)
{
	*app = (struct bud_altinn_app_event){0};
	*error = (struct bud_error){0};
	return bud_altinn_app_event_parse(app, bud_span(json), error);
}

static void makes_an_event(void **state)
{
	struct bud_altinn_app_event app;
	struct bud_error error;
	struct bud_buffer made = {0};
	char wanted[500];

	(void)state;
	assert_int_equal(parse("{\"SpecVersion\":\"1.0\",\"source\":\"" SOURCE "\","
			       "\"Type\":\"a\\\"b\",\"subject\":\"/party/50\",\"id\":\"mine\","
			       "\"time\":\"1999-01-01T00:00:00Z\",\"data\":{\"a\":1},"
			       "\"alternativeSubject\":\"/org/1\",\"unknown\":[]}",
				 &app, &error),
		0);
	assert_int_equal(strlen(app.id), 36);
	bud_altinn_app_event_write(&app, 1700000000000, &made);
	snprintf(wanted, sizeof(wanted),
		"{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"" SOURCE "\","
		"\"type\":\"a\\\"b\",\"subject\":\"/party/50\","
		"\"time\":\"2023-11-14T22:13:20.000Z\","
		"\"resource\":\"urn:altinn:resource:app_ttd_apps-test\","
		"\"resourceinstance\":\"50/6fb3f738\",\"alternativesubject\":\"/org/1\"}",
		app.id);
	assert_string_equal(made.at, wanted);
	bud_buffer_finish(&made);
	bud_altinn_app_event_finish(&app);
}

static void refuses_what_is_not_whole(void **state)
{
	static const char missing[] =
		"Missing parameter values: source, subject and type cannot be null";
	static const struct {
		const char *json;
		const char *says; /* NULL: anything */
	} cases[] = {
		{"", NULL},
		{"[]", NULL},
		{"{}", missing},
		{"{\"specversion\":\"1.0\",\"type\":\"a\",\"subject\":\"s\"}", missing},
		{"{\"specversion\":\"1.0\",\"type\":\"\",\"subject\":\"s\",\"source\":\"" SOURCE
		 "\"}",
			missing},
		{"{\"specversion\":\"1.0\",\"type\":1,\"subject\":\"s\",\"source\":\"" SOURCE "\"}",
			missing},
		{"{\"type\":\"a\",\"subject\":\"s\",\"source\":\"" SOURCE "\"}", missing},
		{"{\"specversion\":\"1.0\",\"type\":\"a\",\"subject\":\"s\",\"source\":\"/ttd/app\"}",
			NULL},
		{"{\"specversion\":\"1.0\",\"type\":\"a\",\"subject\":\"s\",\"source\":"
		 "\"https://h/ttd\"}",
			NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bud_altinn_app_event app;
		struct bud_error error;
		assert_int_equal(parse(cases[i].json, &app, &error), -EINVAL);
		if (cases[i].says)
			assert_string_equal(error.text, cases[i].says);
		bud_altinn_app_event_finish(&app);
	}
}

static void knows_apps_by_their_source(void **state)
{
	static const struct {
		const char *source;
		const char *resource; /* NULL: it is of no app */
	} cases[] = {
		{SOURCE, "urn:altinn:resource:app_ttd_apps-test"},
		{"https://h/ttd/app", "urn:altinn:resource:app_ttd_app"},
		{"https://h/ttd/app?a/b", "urn:altinn:resource:app_ttd_app"},
		{"https://h/ttd/app/", "urn:altinn:resource:app_ttd_app"},
		{"https://h//app", NULL},
		{"https://h/ttd", NULL},
		{"https://h?/ttd/app", NULL},
		{"urn:ttd/app/x", NULL},
		{"/ttd/app", NULL},
		{"https://h/ttd/app/../../skd/other/instances/1/2", NULL},
		{"https://h/ttd/app/%2e%2E/x", NULL},
		{"https://h/ttd/.", NULL},
		{"https://h/ttd/app.v2/instances/1/2?/../x", "urn:altinn:resource:app_ttd_app.v2"},
		{"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bud_buffer resource = {0};
		bool is_app = bud_altinn_app_resource(bud_span(cases[i].source), &resource);
		assert_int_equal(is_app, cases[i].resource != NULL);
		if (is_app)
			assert_string_equal(resource.at, cases[i].resource);
		bud_buffer_finish(&resource);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_an_event),
		cmocka_unit_test(refuses_what_is_not_whole),
		cmocka_unit_test(knows_apps_by_their_source),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
