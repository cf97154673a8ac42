/* Wishes: what Altinn refuses is refused, in its order and in its words; what it takes becomes the
 * same subscription of ours. The cases are those of Altinn's own tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>

#include "api/altinn_urn.h"
#include "api/altinn_wish.h"

#define END   "'endPoint':'https://fantastiske-hundepassere.no/push'"
#define RES   "'resourceFilter':'urn:altinn:resource:app_ttd_apps-test'"
#define OTHER "'resourceFilter':'urn:altinn:resource:ttd-dodsbo'"
#define SRC   "'sourceFilter':'https://ttd.apps.altinn.no/ttd/apps-test'"
#define SUB   "'subjectFilter':'/party/1337'"

#define NO_END   "Missing or invalid endpoint to push events towards"
#define NO_SRC   "SourceFilter must be an absolute URL with the https scheme."
#define NO_URN   "Resource filter must be a valid urn"
#define NO_SUB   "A valid subject to the authenticated identity is required"
#define NO_UNIT  "IncludeSubunits requires a subject filter."
#define NO_APP   "A valid app id is required in source filter {environment}/{org}/{app}"
#define NO_MATCH "Provided resource filter and source filter are not compatible"
#define NO_RES   "Resource filter is required."
#define SCOPE    "scope"

enum who {
	ORG,
	USER,
	SCOPELESS, /* a user without the scope */
};

/* What is said, or "" when it is taken: then `body` is what becomes of it. */
static const char *check(const char *members, enum who who, struct bud_buffer *body)
{
	static struct bud_error error;
	const struct bud_altinn_rules rules = {.apps_domain = "apps.altinn.no",
		.is_org = who == ORG,
		.has_scope = who != SCOPELESS};
	struct bud_altinn_wish wish = {0};
	struct bud_buffer json = {0};
	int r;

	bud_buffer_format(&json, "{%s}", members);
	for (size_t i = 0; i < json.len; i++)
		if (json.at[i] == '\'')
			json.at[i] = '"';
	error = (struct bud_error){0};
	r = bud_altinn_wish_parse(&wish, bud_buffer_as_span(&json), &error);
	if (r == 0)
		r = bud_altinn_wish_check(&wish, &rules, &error);
	if (r == 0)
		r = bud_altinn_wish_complete(&wish, &rules, &error);
	if (r == 0 && body)
		bud_altinn_wish_write(&wish, body);
	bud_altinn_wish_finish(&wish);
	bud_buffer_finish(&json);
	return r == -EACCES ? SCOPE : error.text;
}

static const struct {
	const char *members;
	enum who who;
	const char *says;
} said[] = {
	/* The endpoint comes first, whatever else is wrong. */
	{"", ORG, NO_END},
	{"'endPoint':''", ORG, NO_END},
	{"'endPoint':null," RES, ORG, NO_END},
	{"'endPoint':'skd/flyttemelding'", ORG, NO_END},
	{"'endPoint':'http://hund.no/push'," RES, ORG, NO_END},
	{"'endPoint':'sftp://hund.no/push'," RES, ORG, NO_END},
	{"'endPoint':'https:///push'," RES, ORG, NO_END},
	{"'endPoint':'https://?push'," RES, ORG, NO_END},
	{"'endPoint':'https://:443/push'," RES, ORG, NO_END},
	{"'endPoint':'https://',"
	 "'sourceFilter':'x'",
		ORG, NO_END},
	/* The source. */
	{END ",'sourceFilter':'skd/flyttemelding'", ORG, NO_SRC},
	{END ",'sourceFilter':'altinn.no/ttd/apps-test/'", ORG, NO_SRC},
	{END ",'sourceFilter':'platform.altinn.no/'", ORG, NO_SRC},
	{END ",'sourceFilter':'http://altinn.no/ttd/'", ORG, NO_SRC},
	{END ",'sourceFilter':'sftp://altinn.no/ttd/'", ORG, NO_SRC},
	{END ",'sourceFilter':''," RES, ORG, NO_SRC},
	/* Whatever is no app needs the scope, before its resource is looked at. */
	{END, SCOPELESS, SCOPE},
	{END "," OTHER, SCOPELESS, SCOPE},
	{END ",'resourceFilter':'x'", SCOPELESS, SCOPE},
	{END ",'sourceFilter':'https://notapps.altinn.no.x/ttd/apps-test'", SCOPELESS, SCOPE},
	{END "," RES "," SUB, SCOPELESS, ""},
	{END "," SRC "," SUB, SCOPELESS, ""},
	{END ",'resourceFilter':'x'", USER, NO_URN},
	{END ",'resourceFilter':'urn:altinn:resource:app_ ttd'", USER, NO_URN},
	/* Apps. */
	{END "," RES, USER, NO_SUB},
	{END "," RES ",'subjectFilter':''", USER, NO_SUB},
	{END "," RES, ORG, ""},
	{END "," RES ",'alternativeSubjectFilter':'/person/01017512345'", ORG, NO_SUB},
	{END "," RES ",'alternativeSubjectFilter':'/person/01017512345'," SUB, ORG, ""},
	{END "," RES ",'includeSubunits':true", ORG, NO_UNIT},
	{END "," RES ",'includeSubunits':true", USER, NO_SUB},
	{END "," RES ",'includeSubunits':true," SUB, ORG, ""},
	{END ",'sourceFilter':'https://ttd.apps.altinn.no/ttd/apps-test/'", ORG, NO_APP},
	{END ",'sourceFilter':'https://ttd.apps.altinn.no/ttd'", ORG, NO_APP},
	{END ",'sourceFilter':'https://ttd.apps.altinn.no/ttd/..'", ORG, NO_APP},
	{END ",'sourceFilter':'https://ttd.apps.altinn.no/%2e/app'", ORG, NO_APP},
	{END ",'sourceFilter':'https://ttd.apps.altinn.no/'", ORG, NO_APP},
	{END ",'sourceFilter':'https://ttd.apps.altinn.no'", ORG, NO_APP},
	{END ",'sourceFilter':'https://ttd.apps.altinn.no/ttd/a/b'", ORG, NO_APP},
	{END ",'sourceFilter':'https://ttd.apps.altinn.no/ttd/a?b'", ORG, NO_APP},
	{END ",'sourceFilter':'https://ttd.apps.altinn.no/skd/apps-test'," RES, ORG, NO_MATCH},
	{END "," SRC "," RES, ORG, ""},
	{END ",'sourceFilter':'https://hunderpasseren.no/by/bronnoysund'," RES, ORG, NO_MATCH},
	{END ",'sourceFilter':'https://hunderpasseren.no/ttd/apps-test'," RES, ORG, ""},
	{END ",'sourceFilter':'https://ttd.apps.altinn.no:443/ttd/apps-test'", ORG, ""},
	/* Other resources. */
	{END, USER, NO_RES},
	{END ",'resourceFilter':''", USER, NO_RES},
	{END ",'sourceFilter':'https://hunderpasseren.no/by/bronnoysund'", USER, NO_RES},
	{END ",'sourceFilter':'https://hunderpasseren.no/a/b'," OTHER, USER,
		"Source filter is not supported for subscriptions on this resource."},
	{END ",'alternativeSubjectFilter':'/person/1'," OTHER, USER,
		"AlternativeSubject filter is not supported for subscriptions on this "
		"resource."},
	{END ",'includeSubunits':true," OTHER, USER, NO_UNIT},
	{END "," OTHER, USER, ""},
	{END "," OTHER, ORG, ""},
	/* Filters that could never match. */
	{END "," OTHER ",'typeFilter':''", USER,
		"TypeFilter must not be empty: leave it out to get events of every type."},
	{END "," OTHER ",'subjectFilter':''", USER,
		"SubjectFilter must not be empty: leave it out to get events about every "
		"subject."},
	{END "," OTHER ",'typeFilter':null,'subjectFilter':null", USER, ""},
	/* Names in any case, unknown ones, types. */
	{"'EndPoint':'https://hund.no/','RESOURCEFILTER':'urn:a:b','consumer':'/org/x'", USER, ""},
	{END ",'typeFilter':['a']", USER, "typeFilter must be a text"},
	{END ",'includeSubunits':'yes'", USER, "includeSubunits must be true or false"},
};

static void says_what_altinn_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		const char *says = check(said[i].members, said[i].who, NULL);
		if (strcmp(says, said[i].says) != 0)
			fail_msg("%s: \"%s\" instead of \"%s\"", said[i].members, says,
				said[i].says);
	}
}

static void becomes_one_of_ours(void **state)
{
	static const struct {
		const char *members;
		const char *filters;
		const char *mode;
	} cases[] = {
		{END "," SRC,
			"{\"resource\":\"urn:altinn:resource:app_ttd_apps-test\","
			"\"source\":\"https://ttd.apps.altinn.no/ttd/apps-test\"}",
			"\"mode\":\"altinn\""},
		{END "," RES "," SUB ",'typeFilter':'app.instance.created'",
			"{\"resource\":\"urn:altinn:resource:app_ttd_apps-test\","
			"\"type\":\"app.instance.created\",\"subject\":\"/party/1337\"}",
			"\"verify\":\"altinn\""},
		{END "," OTHER "," SUB ",'includeSubunits':true",
			"{\"resource\":\"urn:altinn:resource:ttd-dodsbo\",\"unit\":\"/party/1337\"}",
			"\"schedule\":\"altinn\""},
		{"'endPoint':'https://hooks.slack.com/services/a/b'," OTHER,
			"{\"resource\":\"urn:altinn:resource:ttd-dodsbo\"}", "\"mode\":\"slack\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bud_buffer body = {0};
		assert_string_equal(check(cases[i].members, ORG, &body), "");
		if (!strstr(body.at, cases[i].filters) || !strstr(body.at, cases[i].mode))
			fail_msg("%s: %s", cases[i].members, body.at);
		bud_buffer_finish(&body);
	}
}

static void knows_urns(void **state)
{
	static const char *const valid[] = {"urn:namespaceid:ttd:apps:apps-test",
		"urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66",
		"urn:altinn:resource:app_ttd_apps-test", "urn:isbn:0451450523", "urn:a:b/c",
		"urn:a:(b)"};
	static const char *const invalid[] = {"", "urn", "urn:", "urn:a",
		"urn:a:", "urn:foo::::", "   urn:namespaceid:ttd", "urn:a:b ", "urn:A:b", "urn:a:B",
		"URN:a:b", "urn::b", "urn:a_b:c", "urn:a:b::c", "urn:a:%41", "https://a/b",
		"urn:a23456789012345678901234567890x:b", "urn:a:1:2:3:4:5:6:7:8:9:10:11"};
	char part[120];

	(void)state;
	for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++)
		if (!bud_altinn_urn_is_valid(bud_span(valid[i])))
			fail_msg("refused: %s", valid[i]);
	for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++)
		if (bud_altinn_urn_is_valid(bud_span(invalid[i])))
			fail_msg("taken: %s", invalid[i]);
	memset(part, 'x', sizeof(part));
	memcpy(part, "urn:a:", 6);
	assert_true(bud_altinn_urn_is_valid((struct bud_span){part, 106}));
	assert_false(bud_altinn_urn_is_valid((struct bud_span){part, 107}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_altinn_says),
		cmocka_unit_test(becomes_one_of_ours),
		cmocka_unit_test(knows_urns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
