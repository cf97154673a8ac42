/* A request in XACML's JSON form says once what its questions share, with the attributes of Altinn;
 * an answer is taken only when it has one decision of XACML's for each question. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <jansson.h>

#include "access/xacml.h"

static struct bud_question question_of(const char *who, const char *subject)
{
	return (struct bud_question){.action = BUD_ACTION_SUBSCRIBE,
		.who = bud_span(who),
		.resource = bud_span("urn:altinn:resource:dodsbo"),
		.type = bud_span("app.instance.created"),
		.subject = subject ? bud_span(subject) : (struct bud_span){NULL, 0}};
}

static json_t *write(const struct bud_question *questions, size_t n)
{
	bud_auto(buffer) struct bud_buffer out = {0};
	json_t *root;

	bud_xacml_write(questions, n, &out);
	root = json_loads(out.at, JSON_REJECT_DUPLICATES, NULL);
	if (!root)
		fail_msg("%s", out.at);
	return root;
}

static json_t *category(const json_t *root, const char *name)
{
	return json_object_get(json_object_get(root, "Request"), name);
}

/* "id=value " of each attribute of an entry. */
static char *attributes(const json_t *root, const char *name, size_t index)
{
	bud_auto(buffer) struct bud_buffer out = {0};
	json_t *list = json_object_get(json_array_get(category(root, name), index), "Attribute");
	size_t i;
	json_t *item;

	json_array_foreach(list, i, item) bud_buffer_format(&out, "%s=%s ",
		json_string_value(json_object_get(item, "AttributeId")),
		json_string_value(json_object_get(item, "Value")));
	return bud_move(out.at);
}

static void check(const json_t *root, const char *name, size_t index, const char *expected)
{
	bud_auto(free) char *found = attributes(root, name, index);

	assert_string_equal(found ? found : "", expected);
}

static void writes_one(void **state)
{
	struct bud_question question = question_of("/org/skd", "/party/51326198");
	json_auto_t *root = write(&question, 1);

	(void)state;
	check(root, "AccessSubject", 0, "urn:altinn:org=skd ");
	check(root, "Action", 0, "urn:oasis:names:tc:xacml:1.0:action:action-id=subscribe ");
	check(root, "Resource", 0,
		"urn:altinn:resource=dodsbo urn:altinn:eventtype=app.instance.created "
		"urn:altinn:partyid=51326198 ");
}

/* An app is its org and itself, and whoever gets its events reads them; of all else whoever gets
 * events subscribes. */
static void asks_as_altinn_does(void **state)
{
	static const struct {
		const char *resource;
		const char *what;
		const char *get;
	} cases[] = {
		{"urn:altinn:resource:app_ttd_apps-test",
			"urn:altinn:org=ttd urn:altinn:app=apps-test urn:altinn:appresource=events ",
			"read "},
		{"urn:altinn:resource:app_ttd_a_b",
			"urn:altinn:org=ttd urn:altinn:app=a_b urn:altinn:appresource=events ",
			"read "},
		{"urn:altinn:resource:app_ttd", "urn:altinn:resource=app_ttd ", "subscribe "},
		{"urn:altinn:resource:app__x", "urn:altinn:resource=app__x ", "subscribe "},
		{"urn:altinn:resource:application_a_b", "urn:altinn:resource=application_a_b ",
			"subscribe "},
		{"urn:other:app_ttd_x", "urn:other=app_ttd_x ", "subscribe "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (int action = 0; action < BUD_ACTIONS; action++) {
			struct bud_question question = question_of("/org/skd", "/party/1");
			bud_auto(buffer) struct bud_buffer expected = {0};
			json_auto_t *root = NULL;
			question.action = (enum bud_action)action;
			question.resource = bud_span(cases[i].resource);
			root = write(&question, 1);
			bud_buffer_format(&expected,
				"%surn:altinn:eventtype=app.instance.created urn:altinn:partyid=1 ",
				cases[i].what);
			check(root, "Resource", 0, expected.at);
			bud_buffer_clear(&expected);
			bud_buffer_format(&expected,
				"urn:oasis:names:tc:xacml:1.0:action:action-id=%s",
				action == BUD_ACTION_PUBLISH ? "publish " : cases[i].get);
			check(root, "Action", 0, expected.at);
		}
	}
}

static void names_who_and_whose(void **state)
{
	static const struct {
		const char *text;
		const char *expected;
	} cases[] = {
		{"/user/1", "urn:altinn:userid=1 "},
		{"/org/ttd", "urn:altinn:org=ttd "},
		{"/party/7", "urn:altinn:partyid=7 "},
		{"/organisation/974760673", "urn:altinn:organization:identifier-no=974760673 "},
		{"/systemuser/0f1e", "urn:altinn:systemuser:uuid=0f1e "},
		{"urn:altinn:party:uuid:12", "urn:altinn:party:uuid=12 "},
		{"/org/", NULL},
		{"urn:", NULL},
		{"urn:x:", NULL},
		{"plain \"text\"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bud_question question = question_of(cases[i].text, cases[i].text);
		json_auto_t *root = write(&question, 1);
		bud_auto(buffer) struct bud_buffer expected = {0};
		bud_buffer_text(&expected, "urn:altinn:resource=dodsbo "
					   "urn:altinn:eventtype=app.instance.created ");
		bud_buffer_text(&expected, cases[i].expected ? cases[i].expected : "");
		check(root, "Resource", 0, expected.at);
		bud_buffer_clear(&expected);
		bud_buffer_format(&expected, "urn:oasis:names:tc:xacml:1.0:subject:subject-id=%s ",
			cases[i].text);
		check(root, "AccessSubject", 0,
			cases[i].expected ? cases[i].expected : expected.at);
	}
}

/* Nobody may put another resource beside the one that is asked about. */
static void a_subject_is_no_resource(void **state)
{
	static const char app[] = "urn:altinn:resource:app_ttd_a";
	static const struct {
		const char *resource;
		const char *subject;
	} cases[] = {
		{"urn:altinn:resource:dodsbo", "urn:altinn:resource:mine"},
		{"urn:altinn:resource:dodsbo",
			"urn:oasis:names:tc:xacml:1.0:resource:resource-id:mine"},
		{"urn:altinn:resource:dodsbo", "URN:altinn:Resource:mine"},
		{"urn:altinn:resource:dodsbo", "urn:altinn:eventtype:mine"},
		{"urn:altinn:resource:dodsbo", "urn:altinn:app:mine"},
		{app, "urn:altinn:resource:mine"},
		{app, "urn:altinn:app:mine"},
		{app, "urn:altinn:appresource:mine"},
		{app, "urn:altinn:org:mine"},
		{app, "/org/mine"},
		{"urn:other:thing:x", "urn:other:thing:mine"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bud_question question = question_of("/org/skd", cases[i].subject);
		json_auto_t *root = NULL;
		bud_auto(free) char *found = NULL;
		question.resource = bud_span(cases[i].resource);
		root = write(&question, 1);
		found = attributes(root, "Resource", 0);
		if (strstr(found, "mine"))
			fail_msg("%s of %s: %s", cases[i].subject, cases[i].resource, found);
	}
}

static void shares_what_is_the_same(void **state)
{
	struct bud_question questions[4] = {question_of("/org/a", "/party/1"),
		question_of("/org/b", "/party/1"), question_of("/org/a", "/party/2"),
		question_of("/org/b", NULL)};
	json_auto_t *root = NULL;
	json_t *references;
	bud_auto(buffer) struct bud_buffer said = {0};
	size_t i;
	json_t *item;

	(void)state;
	questions[3].action = BUD_ACTION_PUBLISH;
	root = write(questions, 4);
	assert_int_equal(json_array_size(category(root, "AccessSubject")), 2);
	assert_int_equal(json_array_size(category(root, "Action")), 2);
	assert_int_equal(json_array_size(category(root, "Resource")), 3);
	references = json_object_get(category(root, "MultiRequests"), "RequestReference");
	json_array_foreach(references, i, item)
	{
		json_t *ids = json_object_get(item, "ReferenceId");
		for (size_t k = 0; k < 3; k++)
			bud_buffer_text(&said, json_string_value(json_array_get(ids, k)));
		bud_buffer_byte(&said, ' ');
	}
	assert_string_equal(said.at, "s1a1r1 s2a1r1 s1a1r2 s2a2r3 ");
}

static void reads_decisions(void **state)
{
	static const char body[] =
		"{\"Response\":[{\"Decision\":\"Permit\",\"Status\":{}},{\"Decision\":\"Deny\"},"
		"{\"Decision\":\"NotApplicable\"},{\"decision\":\"Indeterminate\"}]}";
	enum bud_decision decisions[4] = {0};

	(void)state;
	assert_int_equal(bud_xacml_read(bud_span(body), 4, decisions, NULL), 0);
	assert_int_equal(decisions[0], BUD_DECISION_PERMIT);
	for (size_t i = 1; i < 4; i++)
		assert_int_equal(decisions[i], BUD_DECISION_DENY);
	assert_int_equal(bud_xacml_read(bud_span("{\"response\":[{\"decision\":\"Permit\"}]}"), 1,
				 decisions, NULL),
		0);
}

static void refuses_lies(void **state)
{
	static const struct {
		const char *body;
		const char *says;
	} cases[] = {
		{"", "no list of decisions"},
		{"<html>", "no list of decisions"},
		{"[]", "no list of decisions"},
		{"{\"Response\":{\"Decision\":\"Permit\"}}", "no list of decisions"},
		{"{\"Response\":[]}", "2 questions were answered by 0 decisions"},
		{"{\"Response\":[{\"Decision\":\"Permit\"}]}", "answered by 1 decisions"},
		{"{\"Response\":[{\"Decision\":\"Permit\"},{\"Decision\":\"Permit\"},{}]}",
			"answered by 3 decisions"},
		{"{\"Response\":[{\"Decision\":\"Permit\"},{\"Decision\":\"permit\"}]}",
			"decision 2 is none"},
		{"{\"Response\":[{\"Decision\":true},{\"Decision\":\"Permit\"}]}",
			"decision 1 is none"},
		{"{\"Response\":[{\"Decision\":\"Deny\",\"Decision\":\"Permit\"},"
		 "{\"Decision\":\"Permit\"}]}",
			"no list of decisions"},
		{"{\"Response\":[null,{\"Decision\":\"Permit\"}]}", "decision 1 is none"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum bud_decision decisions[2];
		struct bud_error error = {0};
		if (bud_xacml_read(bud_span(cases[i].body), 2, decisions, &error) != -EPROTO ||
			!strstr(error.text, cases[i].says))
			fail_msg("%s: %s", cases[i].body, error.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_one),
		cmocka_unit_test(asks_as_altinn_does),
		cmocka_unit_test(names_who_and_whose),
		cmocka_unit_test(a_subject_is_no_resource),
		cmocka_unit_test(shares_what_is_the_same),
		cmocka_unit_test(reads_decisions),
		cmocka_unit_test(refuses_lies),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
