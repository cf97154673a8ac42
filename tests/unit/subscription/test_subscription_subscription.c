/* Subscriptions: what is accepted, what is refused and by which name; PUT and PATCH change what
 * they may and keep the secret; the secret is shown only on demand; the stored form is loaded as it
 * was; identical wishes have one fingerprint. */
#include "subscription/make.h"

#include <errno.h>
#include <jansson.h>

#include "core/limits.h"
#include "subscription/sink_header.h"

#define SECRET  "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define CREATED "2023-11-14T22:13:20.000Z"
#define PLAIN   "'sink':'https://example.com/hook','protocol':'HTTP'"

#define DEFAULTS                                                                                   \
	"{'timeout_ms':15000,'retry':{'schedule':'default','jitter':0.2},'ordered':false,"         \
	"'mode':'structured'"

static int parse(const char *text, struct bud_subscription **out, struct bud_error *error)
{
	char *json = make_json(text);
	int r = bud_subscription_parse(bud_span(json), &make_defaults, out, error);

	free(json);
	return r;
}

static int change(int (*how)(const struct bud_subscription *, struct bud_span,
			  const struct bud_subscription_defaults *, struct bud_subscription **,
			  struct bud_error *),
	const struct bud_subscription *old, const char *text, struct bud_subscription **out,
	struct bud_error *error)
{
	char *json = make_json(text);
	int r = how(old, bud_span(json), &make_defaults, out, error);

	free(json);
	return r;
}

static void is_written(const struct bud_subscription *subscription,
	enum bud_subscription_secret secret, const char *wanted)
{
	struct bud_buffer text = {0};
	char *json = make_json(wanted);

	bud_subscription_write_api(subscription, secret, 0, &text);
	assert_string_equal(text.at, json);
	bud_buffer_finish(&text);
	free(json);
}

static void fills_in_what_is_not_said(void **state)
{
	struct bud_subscription *made = NULL;
	struct bud_error error;

	(void)state;
	assert_int_equal(
		parse("{" PLAIN ",'id':'mine','filters':[],'name':null}", &made, &error), 0);
	assert_int_equal(strlen(made->id), 32);
	assert_int_equal(strspn(made->id, "0123456789abcdef"), 32);
	assert_int_equal(strlen(made->etag), 16);
	assert_string_equal(made->owner, "local");
	assert_int_equal(made->created_ms, NOW_MS);
	assert_int_equal(made->timeout_ms, 15000);
	assert_false(made->timeout_is_given);
	assert_null(made->filters);
	assert_null(made->filter);
	assert_int_equal(strncmp(made->secret, "whsec_", 6), 0);
	assert_int_equal(strlen(made->secret), 6 + 44);
	bud_subscription_destroy(made);
}

static void shows_what_is_in_force_but_not_the_secret(void **state)
{
	struct bud_subscription *made = make_subscription("s1", 1,
		",'name':'N \xc3\xa6','source':'/x','types':['b','a','b'],"
		"'filters':[{'exact':{'type':'a','id':'1'}}],'expires':'2030-01-31T12:00:00+01:00',"
		"'protocolsettings':{'headers':{'X-Key':'v 1'}},"
		"'config':{'signing':{'secret':'" SECRET "'}}");

	(void)state;
	assert_int_equal(made->n_types, 2);
	assert_int_equal(made->expires_ms, 1896087600000);
	is_written(made, BUD_SUBSCRIPTION_SECRET_HIDDEN,
		"{'id':'s1','owner':'local','created':'" CREATED "','name':'N \xc3\xa6',"
		"'source':'/x','types':['b','a'],'filters':[{'exact':{'id':'1','type':'a'}}]," PLAIN
		",'protocolsettings':{'method':'POST','headers':{'X-Key':'v 1'}},"
		"'expires':'2030-01-31T12:00:00+01:00','config':" DEFAULTS
		",'signing':{'schemes':['v1']}},"
		"'status':{'state':'active'}}");
	is_written(made, BUD_SUBSCRIPTION_SECRET_SHOWN,
		"{'id':'s1','owner':'local','created':'" CREATED "','name':'N \xc3\xa6',"
		"'source':'/x','types':['b','a'],'filters':[{'exact':{'id':'1','type':'a'}}]," PLAIN
		",'protocolsettings':{'method':'POST','headers':{'X-Key':'v 1'}},"
		"'expires':'2030-01-31T12:00:00+01:00',"
		"'config':" DEFAULTS ",'signing':{'secret':'" SECRET "','schemes':['v1']}},"
		"'status':{'state':'active'}}");
	bud_subscription_destroy(made);
}

static void names_what_is_wrong(void **state)
{
	static const char *const cases[][3] = {
		{"{" PLAIN ",'colour':1,'shape':2}", "colour",
			"\"colour\", \"shape\"; known are id"},
		{"{'protocol':'HTTP'}", "sink", "missing"},
		{"{'sink':null,'protocol':'HTTP'}", "sink", "missing"},
		{"{'sink':5,'protocol':'HTTP'}", "sink", "must be a text"},
		{"{'sink':'','protocol':'HTTP'}", "sink", "not empty"},
		{"{'sink':'https://a b','protocol':'HTTP'}", "sink", "space"},
		{"{'sink':'https://a\\nb','protocol':'HTTP'}", "sink", "control"},
		{"{'sink':'https://a'}", "protocol", "missing"},
		{"{'sink':'https://a','protocol':'http'}", "protocol", "capitals"},
		{"{'sink':'https://a','protocol':'MQTT5'}", "protocol", "HTTP"},
		{"{" PLAIN ",'name':''}", "name", "not empty"},
		{"{" PLAIN ",'source':''}", "source", "not empty"},
		{"{" PLAIN ",'source':'a b'}", "source", "URI reference"},
		{"{" PLAIN ",'types':'a'}", "types", "array"},
		{"{" PLAIN ",'types':[]}", "types", "1 to 256"},
		{"{" PLAIN ",'types':['a','']}", "types[1]", "not empty"},
		{"{" PLAIN ",'types':['a',null]}", "types[1]", "must be a text"},
		{"{" PLAIN ",'filters':[{'all':[{'exact':{'type':3}}]}]}",
			"filters[0].all[0].exact.type", "must be a text"},
		{"{" PLAIN ",'protocolsettings':[]}", "protocolsettings", "object"},
		{"{" PLAIN ",'protocolsettings':{'verb':1}}", "protocolsettings.verb",
			"known are headers, method"},
		{"{" PLAIN ",'protocolsettings':{'method':'PUT'}}", "protocolsettings.method",
			"POST"},
		{"{" PLAIN ",'config':{'retries':1}}", "config.retries",
			"known are timeout_ms, retry"},
		{"{" PLAIN ",'config':{'timeout_ms':99}}", "config.timeout_ms", "100 to 60000"},
		{"{" PLAIN ",'config':{'timeout_ms':60001}}", "config.timeout_ms", "100 to 60000"},
		{"{" PLAIN ",'config':{'timeout_ms':'100'}}", "config.timeout_ms", "integer"},
		{"{" PLAIN ",'config':{'timeout_ms':100.0}}", "config.timeout_ms", "integer"},
		{"{" PLAIN ",'config':{'signing':{'key':1}}}", "config.signing.key",
			"known are secret, schemes"},
		{"{" PLAIN ",'config':{'signing':{'secret':1}}}", "config.signing.secret", "text"},
		{"{" PLAIN ",'config':{'signing':{'secret':'whsec_'}}}", "config.signing.secret",
			""},
		{"{" PLAIN ",'config':{'signing':{'secret':'whsec_c2hvcnQ='}}}",
			"config.signing.secret", ""},
		{"{" PLAIN ",'expires':'tomorrow'}", "expires", "RFC 3339"},
		{"{" PLAIN ",'expires':'2023-11-14T22:13:20Z'}", "expires", "passed"},
		{"{" PLAIN ",'sink':'https://b'}", "", "sink"},
		{"[]", "", "object"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct bud_subscription *made = NULL;
		struct bud_error error = {0};
		if (parse(cases[i][0], &made, &error) != -EINVAL)
			fail_msg("accepted: %s", cases[i][0]);
		assert_null(made);
		assert_string_equal(error.member, cases[i][1]);
		if (!strstr(error.text, cases[i][2]))
			fail_msg("%s: %s", cases[i][0], error.text);
		assert_null(strstr(error.text, "c2hvcnQ"));
	}
}

static void put_replaces_all_but_the_secret(void **state)
{
	struct bud_subscription *old = make_subscription("s1", 7,
		",'name':'old','types':['a'],'config':{'timeout_ms':200,"
		"'signing':{'secret':'" SECRET "'}}");
	struct bud_subscription *made = NULL;
	struct bud_error error;

	(void)state;
	assert_int_equal(change(bud_subscription_replace, old,
				 "{'id':'s1','owner':'local','created':'" CREATED "',"
				 "'sink':'https://b','protocol':'HTTP'}",
				 &made, &error),
		0);
	assert_string_equal(made->sink, "https://b");
	assert_string_equal(made->id, "s1");
	assert_int_equal(made->serial, 7);
	assert_string_equal(made->secret, SECRET);
	assert_string_not_equal(made->etag, old->etag);
	assert_null(made->name);
	assert_int_equal(made->n_types, 0);
	assert_int_equal(made->timeout_ms, 15000);
	bud_subscription_destroy(made);
	made = NULL;
	assert_int_equal(change(bud_subscription_replace, old,
				 "{" PLAIN ",'config':{'signing':{'secret':'"
				 "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD'}}}",
				 &made, &error),
		0);
	assert_string_equal(made->secret, "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
	bud_subscription_destroy(made);
	bud_subscription_destroy(old);
}

static void put_and_patch_keep_what_is_fixed(void **state)
{
	static const char *const cases[][2] = {{"'id':'s2'", "id"}, {"'id':1", "id"},
		{"'owner':'me'", "owner"}, {"'created':'2023-11-14T22:13:21.000Z'", "created"}};
	struct bud_subscription *old = make_subscription("s1", 1, "");
	struct bud_subscription *made = NULL;
	struct bud_error error;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[200];
		snprintf(text, sizeof(text), "{" PLAIN ",%s}", cases[i][0]);
		assert_int_equal(
			change(bud_subscription_replace, old, text, &made, &error), -EINVAL);
		assert_string_equal(error.member, cases[i][1]);
		snprintf(text, sizeof(text), "{%s}", cases[i][0]);
		assert_int_equal(change(bud_subscription_patch, old, text, &made, &error), -EINVAL);
		assert_string_equal(error.member, cases[i][1]);
	}
	assert_null(made);
	bud_subscription_destroy(old);
}

static void patch_changes_what_it_names(void **state)
{
	struct bud_subscription *old = make_subscription("s1", 7,
		",'name':'old','types':['a'],'filters':[{'exact':{'id':'1'}}],"
		"'protocolsettings':{'headers':{'X-A':'1','X-B':'2'}}");
	struct bud_subscription *made = NULL;
	struct bud_error error;

	(void)state;
	assert_int_equal(change(bud_subscription_patch, old,
				 "{'name':null,'types':['b'],"
				 "'protocolsettings':{'headers':{'X-A':null,'X-C':'3'}}}",
				 &made, &error),
		0);
	assert_null(made->name);
	assert_string_equal(made->types[0], "b");
	assert_string_equal(made->filters, old->filters);
	assert_string_equal(made->secret, old->secret);
	assert_int_equal(made->n_headers, 2);
	assert_string_equal(made->headers[0].name, "X-B");
	assert_string_equal(made->headers[1].name, "X-C");
	assert_false(made->timeout_is_given);
	bud_subscription_destroy(made);
	made = NULL;
	assert_int_equal(
		change(bud_subscription_patch, old, "{'config':{'timeout_ms':500}}", &made, &error),
		0);
	assert_int_equal(made->timeout_ms, 500);
	assert_true(made->timeout_is_given);
	bud_subscription_destroy(made);
	made = NULL;
	assert_int_equal(
		change(bud_subscription_patch, old, "{'sink':null}", &made, &error), -EINVAL);
	assert_int_equal(
		change(bud_subscription_patch, old, "{'config':{'x':{'y':{}}}}", &made, &error),
		-EINVAL);
	assert_int_equal(change(bud_subscription_patch, old, "[]", &made, &error), -EINVAL);
	assert_null(made);
	bud_subscription_destroy(old);
}

/* A passed expiry that is not touched is no fault of the change. */
static void an_old_expiry_may_stay(void **state)
{
	struct bud_subscription *old = make_subscription("s1", 1, "");
	struct bud_subscription *made = NULL;
	struct bud_error error;

	(void)state;
	old->expires = bud_strdup("2020-01-01T00:00:00Z");
	old->expires_ms = 1577836800000;
	assert_int_equal(change(bud_subscription_patch, old, "{'name':'n'}", &made, &error), 0);
	assert_int_equal(made->expires_ms, 1577836800000);
	bud_subscription_destroy(made);
	made = NULL;
	assert_int_equal(change(bud_subscription_patch, old, "{'expires':'2020-01-02T00:00:00Z'}",
				 &made, &error),
		-EINVAL);
	assert_int_equal(change(bud_subscription_patch, old, "{'expires':null}", &made, &error), 0);
	assert_int_equal(made->expires_ms, 0);
	bud_subscription_destroy(made);
	bud_subscription_destroy(old);
}

static void the_stored_form_is_loaded_as_it_was(void **state)
{
	struct bud_subscription *made = make_subscription("s1", 123456789012345,
		",'name':'n','source':'/x','types':['b','a']"
		",'filters':[{'any':[{'prefix':{'type':'a'}},{'not':{'exact':{'id':'1'}}}]}]"
		",'expires':'2030-01-31T12:00:00Z','protocolsettings':{'headers':{'X-Key':'v'}}"
		",'config':{'timeout_ms':300}");
	struct bud_subscription *loaded = NULL;
	struct bud_buffer first = {0};
	struct bud_buffer second = {0};
	struct bud_error error;

	(void)state;
	bud_subscription_write_record(made, &first);
	assert_int_equal(
		bud_subscription_load(bud_buffer_as_span(&first), &make_defaults, &loaded, &error),
		0);
	bud_subscription_write_record(loaded, &second);
	assert_string_equal(first.at, second.at);
	assert_int_equal(loaded->serial, 123456789012345);
	assert_string_equal(loaded->etag, made->etag);
	assert_string_equal(loaded->secret, made->secret);
	assert_int_equal(loaded->timeout_ms, 300);
	assert_non_null(loaded->filter);
	bud_buffer_finish(&first);
	bud_buffer_finish(&second);
	bud_subscription_destroy(made);
	bud_subscription_destroy(loaded);
}

static void a_default_stays_a_default_in_store(void **state)
{
	struct bud_subscription_defaults later = make_defaults;
	struct bud_subscription *made = make_subscription("s1", 0, "");
	struct bud_subscription *loaded = NULL;
	struct bud_buffer text = {0};
	struct bud_error error;

	(void)state;
	later.timeout_ms = 2000;
	bud_subscription_write_record(made, &text);
	assert_null(strstr(text.at, "serial"));
	assert_int_equal(
		bud_subscription_load(bud_buffer_as_span(&text), &later, &loaded, &error), 0);
	assert_int_equal(loaded->timeout_ms, 2000);
	assert_int_equal(loaded->serial, 0);
	bud_buffer_finish(&text);
	bud_subscription_destroy(made);
	bud_subscription_destroy(loaded);
}

static void refuses_what_it_cannot_load(void **state)
{
	static const struct {
		const char *text;
		int r;
	} cases[] = {
		{"", -EINVAL},
		{"{}", -EINVAL},
		{"{'format':2}", -EPROTONOSUPPORT},
		{"{'format':1," PLAIN "}", -EINVAL},
		{"{'format':1,'id':'a/b','owner':'o','created':'2023-11-14T22:13:20Z'," PLAIN
		 ",'config':{'signing':{'secret':'" SECRET "'}}}",
			-EINVAL},
		{"{'format':1,'id':'a','owner':'o','created':'2023-11-14T22:13:20Z'," PLAIN "}",
			-EINVAL},
		{"{'format':1,'id':'a','owner':'o','created':'2023-11-14T22:13:20Z'," PLAIN
		 ",'config':{'signing':{'secret':'" SECRET "'}}}",
			0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct bud_subscription *loaded = NULL;
		struct bud_error error;
		char *json = make_json(cases[i].text);
		assert_int_equal(
			bud_subscription_load(bud_span(json), &make_defaults, &loaded, &error),
			cases[i].r);
		bud_subscription_destroy(loaded);
		free(json);
	}
}

static void identical_wishes_have_one_fingerprint(void **state)
{
	static const struct {
		const char *members;
		bool is_same;
	} cases[] = {
		{",'types':['b','a'],'filters':[{'exact':{'source':'s','id':'1'}}]", true},
		{",'name':'n','types':['a','b','a'],'filters':[{'exact':{'id':'1','source':'s'}}]",
			true},
		{",'types':['a'],'filters':[{'exact':{'id':'1','source':'s'}}]", false},
		{",'types':['a','b'],'filters':[{'exact':{'id':'2','source':'s'}}]", false},
		{",'types':['a','b']", false},
		{",'types':['ab'],'filters':[{'exact':{'id':'1','source':'s'}}]", false},
		{",'source':'s','types':['a','b'],'filters':[{'exact':{'id':'1','source':'s'}}]",
			false},
	};
	char first[BUD_FINGERPRINT_TEXT_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct bud_subscription *made = make_subscription(NULL, 0, cases[i].members);
		char text[BUD_FINGERPRINT_TEXT_BYTES];
		bud_subscription_fingerprint(made, text);
		assert_int_equal(strlen(text), 32);
		if (i == 0)
			memcpy(first, text, sizeof(first));
		assert_int_equal(strcmp(text, first) == 0, cases[i].is_same);
		free(made->owner);
		made->owner = bud_strdup("other");
		bud_subscription_fingerprint(made, text);
		assert_string_not_equal(text, first);
		bud_subscription_destroy(made);
	}
}

static void notices_go_to_those_who_name_them(void **state)
{
	static const char *const asks[] = {",'types':['no.budstikke.delivery.dead.v1']",
		",'filters':[{'prefix':{'type':'no.budstikke.'}}]"};
	static const char *const does_not[] = {
		"", ",'types':['t']", ",'filters':[{'not':{'exact':{'type':'t'}}}]"};
	struct bud_event *notice = make_event("no.budstikke.delivery.dead.v1", "/s", "");

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct bud_subscription *made = make_subscription("s1", 1, asks[i]);
		assert_true(bud_subscription_match(made, notice, NOW_MS));
		bud_subscription_destroy(made);
	}
	for (size_t i = 0; i < 3; i++) {
		struct bud_subscription *made = make_subscription("s1", 1, does_not[i]);
		assert_false(bud_subscription_match(made, notice, NOW_MS));
		bud_subscription_destroy(made);
	}
	bud_event_unref(notice);
}

static void matches_only_what_it_asks_for_until_it_expires(void **state)
{
	struct bud_subscription *made = make_subscription("s1", 1,
		",'source':'/x','types':['a','ab'],'filters':[{'prefix':{'id':'e'}}]"
		",'expires':'2030-01-01T00:00:00Z'");
	struct bud_event *good = make_event("ab", "/x", "");
	struct bud_event *other_type = make_event("abc", "/x", "");
	struct bud_event *other_source = make_event("a", "/x/", "");

	(void)state;
	assert_true(bud_subscription_match(made, good, NOW_MS));
	assert_true(bud_subscription_match(made, good, 1893455999999));
	assert_false(bud_subscription_match(made, good, 1893456000000));
	assert_false(bud_subscription_match(made, other_type, NOW_MS));
	assert_false(bud_subscription_match(made, other_source, NOW_MS));
	bud_event_unref(good);
	bud_event_unref(other_type);
	bud_event_unref(other_source);
	bud_subscription_destroy(made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fills_in_what_is_not_said),
		cmocka_unit_test(shows_what_is_in_force_but_not_the_secret),
		cmocka_unit_test(names_what_is_wrong),
		cmocka_unit_test(put_replaces_all_but_the_secret),
		cmocka_unit_test(put_and_patch_keep_what_is_fixed),
		cmocka_unit_test(patch_changes_what_it_names),
		cmocka_unit_test(an_old_expiry_may_stay),
		cmocka_unit_test(the_stored_form_is_loaded_as_it_was),
		cmocka_unit_test(a_default_stays_a_default_in_store),
		cmocka_unit_test(refuses_what_it_cannot_load),
		cmocka_unit_test(identical_wishes_have_one_fingerprint),
		cmocka_unit_test(notices_go_to_those_who_name_them),
		cmocka_unit_test(matches_only_what_it_asks_for_until_it_expires),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
