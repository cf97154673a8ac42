/* Changes of what is not shown: secrets stay, are cleared or replaced as PUT and PATCH say; what is
 * ours cannot be changed; all of it outlives the store. */
#include "subscription/make.h"

#include <errno.h>

#include "event/timestamp.h"
#include "subscription/push_config.h"

#define PLAIN "'sink':'https://example.com/hook','protocol':'HTTP'"

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

static void wishes_outlive_the_store(void **state)
{
	struct bud_subscription *made = make_subscription("s1", 1,
		",'from':'earliest','config':{'timeout_ms':300,'mode':'binary','tls':{" MAKE_TLS
		"}},"
		"'sinkcredential':{'credentialtype':'PLAIN','identifier':'i','secret':'s'}");
	struct bud_subscription *loaded = NULL;
	struct bud_buffer first = {0};
	struct bud_buffer second = {0};
	struct bud_error error;

	(void)state;
	bud_subscription_write_record(made, &first);
	assert_int_equal(
		bud_subscription_load(bud_buffer_as_span(&first), &make_defaults, &loaded, &error),
		0);
	assert_int_equal(loaded->config->mode, BUD_MODE_BINARY);
	assert_string_equal(loaded->config->credential.secret, "s");
	assert_non_null(strstr(loaded->config->key_pem, "BB"));
	assert_string_equal(loaded->from, "earliest");
	bud_subscription_write_record(loaded, &second);
	assert_string_equal(first.at, second.at);
	bud_buffer_clear(&first);
	bud_subscription_write_api(made, BUD_SUBSCRIPTION_SECRET_SHOWN, 0, &first);
	assert_null(strstr(first.at, "PRIVATE KEY"));
	assert_null(strstr(first.at, "'s'"));
	assert_non_null(strstr(first.at, "AA"));
	assert_non_null(strstr(first.at, "\"identifier\":\"i\""));
	bud_buffer_finish(&first);
	bud_buffer_finish(&second);
	bud_subscription_destroy(made);
	bud_subscription_destroy(loaded);
}

/* Write-only secrets: absent keeps, null clears, in PUT and in PATCH. */
static void hidden_secrets_stay_until_they_are_cleared(void **state)
{
	static const char shown[] = "{" PLAIN ",'config':{'tls':{'certificate':'-----BEGIN "
				    "CERTIFICATE-----AA'}}}";
	static const struct {
		const char *text;
		bool is_put;
		bool has_credential;
		bool has_key;
	} cases[] = {
		{shown, true, true, true},
		{"{" PLAIN "}", true, true, false},
		{"{" PLAIN ",'sinkcredential':null}", true, false, false},
		{"{'name':'n'}", false, true, true},
		{"{'sinkcredential':null}", false, false, true},
		{"{'sinkcredential':{'identifier':'j'}}", false, true, true},
		{"{'sinkcredential':{'credentialtype':'CLIENT','identifier':'j','secret':'s',"
		 "'tokenendpoint':'https://t'}}",
			false, true, true},
		{"{'config':{'tls':null}}", false, true, false},
		{"{'config':null}", false, true, false},
	};
	struct bud_subscription *old = make_subscription("s1", 1,
		",'config':{'tls':{" MAKE_TLS "}},"
		"'sinkcredential':{'credentialtype':'PLAIN','identifier':'i','secret':'s'}");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct bud_subscription *made = NULL;
		struct bud_error error = {0};
		if (change(cases[i].is_put ? bud_subscription_replace : bud_subscription_patch, old,
			    cases[i].text, &made, &error) < 0)
			fail_msg("%s: %s", cases[i].text, error.text);
		assert_int_equal(made->config->credential.secret != NULL, cases[i].has_credential);
		assert_int_equal(made->config->key_pem != NULL, cases[i].has_key);
		assert_string_equal(made->secret, old->secret);
		bud_subscription_destroy(made);
	}
	bud_subscription_destroy(old);
}

/* Tokens that we got for a credential are of no use to another. */
static void another_credential_forgets_its_tokens(void **state)
{
	struct bud_subscription *old = make_subscription("s1", 1,
		",'sinkcredential':{'credentialtype':'PLAIN','identifier':'i','secret':'s'}");
	struct bud_subscription *made = NULL;
	struct bud_error error;

	(void)state;
	old->status.access_token = bud_strdup("a");
	old->status.refresh_token = bud_strdup("r");
	old->status.token_expires_ms = 5;
	assert_int_equal(change(bud_subscription_patch, old, "{'name':'n'}", &made, &error), 0);
	assert_string_equal(made->status.access_token, "a");
	bud_subscription_destroy(made);
	assert_int_equal(change(bud_subscription_patch, old, "{'sinkcredential':{'secret':'t'}}",
				 &made, &error),
		0);
	assert_null(made->status.access_token);
	assert_null(made->status.refresh_token);
	assert_int_equal(made->status.token_expires_ms, 0);
	bud_subscription_destroy(made);
	bud_subscription_destroy(old);
}

/* An issuer that gave another refresh token takes the first one back: what is said beside it must
 * not bring that one out again. */
static void the_newest_refresh_token_stays(void **state)
{
#define SHOWN                                                                                      \
	"'credentialtype':'REFRESHTOKEN','accesstokentype':'bearer',"                              \
	"'refreshtokenendpoint':'https://t'"
	static const struct {
		const char *text;
		bool is_put;
		bool is_kept;
	} cases[] = {
		{"{'sinkcredential':{'refreshtokenendpoint':'https://u'}}", false, true},
		{"{'sinkcredential':{'accesstokenexpiresutc':'2031-01-01T00:00:00Z'}}", false,
			true},
		{"{" PLAIN ",'sinkcredential':{" SHOWN "}}", true, true},
		{"{" PLAIN ",'sinkcredential':{" SHOWN ",'accesstoken':'a0','refreshtoken':'r0'}}",
			true, true},
		{"{'sinkcredential':{'refreshtoken':'other'}}", false, false},
		{"{'sinkcredential':{'accesstoken':'other'}}", false, false},
		{"{'sinkcredential':{'credentialtype':'ACCESSTOKEN','accesstoken':'a0'}}", false,
			false},
		{"{'sinkcredential':null}", false, false},
	};
	struct bud_subscription *old = make_subscription("s1", 1,
		",'sinkcredential':{" SHOWN ",'accesstoken':'a0','refreshtoken':'r0',"
		"'accesstokenexpiresutc':'2030-01-01T00:00:00Z'}");

	(void)state;
	old->status.access_token = bud_strdup("a1");
	old->status.refresh_token = bud_strdup("r1");
	old->status.token_expires_ms = 5;
	old->status.reason = bud_strdup(BUD_STATUS_CREDENTIAL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct bud_subscription *made = NULL;
		struct bud_error error = {0};
		if (change(cases[i].is_put ? bud_subscription_replace : bud_subscription_patch, old,
			    cases[i].text, &made, &error) < 0)
			fail_msg("%s: %s", cases[i].text, error.text);
		if ((made->status.refresh_token != NULL) != cases[i].is_kept)
			fail_msg("%s", cases[i].text);
		assert_int_equal(made->status.access_token != NULL, cases[i].is_kept);
		assert_int_equal(made->status.token_expires_ms, cases[i].is_kept ? 5 : 0);
		assert_null(made->status.reason); /* it may be mended now */
		bud_subscription_destroy(made);
	}
	bud_subscription_destroy(old);
#undef SHOWN
}

static int64_t shown_end(const struct bud_subscription *subscription, struct bud_buffer *out)
{
	const char *at;
	int64_t ms = 0;

	bud_buffer_clear(out);
	bud_subscription_write_api(subscription, BUD_SUBSCRIPTION_SECRET_HIDDEN, NOW_MS, out);
	at = strstr(out->at, "\"accesstokenexpiresutc\":\"");
	if (at)
		assert_int_equal(bud_time_parse((struct bud_span){at + 25, 24}, &ms), 0);
	return ms;
}

/* What is shown is when the token ends that is sent. When it comes back, nothing has changed. */
static void the_end_of_the_renewed_token_is_shown(void **state)
{
	struct bud_subscription *old = make_subscription("s1", 1,
		",'sinkcredential':{'credentialtype':'REFRESHTOKEN','accesstoken':'a0',"
		"'refreshtoken':'r0','refreshtokenendpoint':'https://t',"
		"'accesstokenexpiresutc':'2023-11-14T22:13:20Z'}");
	struct bud_subscription *made = NULL;
	struct bud_buffer text = {0};
	struct bud_error error;

	(void)state;
	assert_int_equal(shown_end(old, &text), NOW_MS);
	/* As long as none was renewed it may be taken out. */
	assert_int_equal(
		change(bud_subscription_patch, old,
			"{'sinkcredential':{'accesstokenexpiresutc':null}}", &made, &error),
		0);
	assert_int_equal(made->config->credential.expires_ms, 0);
	bud_subscription_destroy(made);
	old->status.access_token = bud_strdup("a1");
	old->status.token_expires_ms = NOW_MS + 600123;
	assert_int_equal(shown_end(old, &text), NOW_MS + 600123);
	assert_int_equal(change(bud_subscription_replace, old, text.at, &made, &error), 0);
	assert_int_equal(made->config->credential.expires_ms, NOW_MS);
	assert_int_equal(shown_end(made, &text), NOW_MS + 600123);
	bud_subscription_destroy(made);
	assert_int_equal(change(bud_subscription_patch, old, "{'name':'n'}", &made, &error), 0);
	assert_int_equal(made->config->credential.expires_ms, NOW_MS);
	bud_subscription_destroy(made);
	/* Of a token that comes with it, it says what it says. */
	assert_int_equal(change(bud_subscription_patch, old,
				 "{'sinkcredential':{'accesstoken':'a2',"
				 "'accesstokenexpiresutc':'2023-11-14T22:23:20.123Z'}}",
				 &made, &error),
		0);
	assert_int_equal(made->config->credential.expires_ms, NOW_MS + 600123);
	assert_int_equal(shown_end(made, &text), NOW_MS + 600123);
	bud_subscription_destroy(made);
	bud_subscription_destroy(old);
	bud_buffer_finish(&text);
}

/* Nor is what was told of the old one true of the new one. */
static void another_credential_is_not_at_fault(void **state)
{
	static const char *const cases[] = {
		"{'name':'n'}", "{'sinkcredential':null}", "{'sinkcredential':{'secret':'t'}}"};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct bud_subscription *old = make_subscription("s1", 1,
			",'sinkcredential':{'credentialtype':'CLIENT','identifier':'i',"
			"'secret':'s','tokenendpoint':'https://t'}");
		struct bud_subscription *made = NULL;
		struct bud_error error;
		old->status.state = i == 2 ? BUD_SUBSCRIPTION_PENDING : BUD_SUBSCRIPTION_ACTIVE;
		old->status.reason = bud_strdup(BUD_STATUS_CREDENTIAL);
		old->status.detail = bud_strdup("the token endpoint answered 401");
		assert_int_equal(change(bud_subscription_patch, old, cases[i], &made, &error), 0);
		if (i == 0)
			assert_string_equal(made->status.reason, BUD_STATUS_CREDENTIAL);
		else if (i == 1)
			assert_null(made->status.detail);
		else
			assert_string_equal(made->status.reason, "consent");
		bud_subscription_destroy(made);
		bud_subscription_destroy(old);
	}
}

/* Nothing is sent with a token of the owner's that has ended, so its status says why. */
static void an_ended_token_is_told(void **state)
{
	struct bud_subscription *made = make_subscription("s1", 1,
		",'sinkcredential':{'credentialtype':'ACCESSTOKEN','accesstoken':'a',"
		"'accesstokenexpiresutc':'2023-11-14T22:13:20Z'}");
	struct bud_buffer text = {0};

	(void)state;
	bud_subscription_write_api(made, BUD_SUBSCRIPTION_SECRET_HIDDEN, NOW_MS - 1, &text);
	assert_non_null(strstr(text.at, "\"status\":{\"state\":\"active\"}"));
	bud_buffer_clear(&text);
	bud_subscription_write_api(made, BUD_SUBSCRIPTION_SECRET_HIDDEN, NOW_MS, &text);
	assert_non_null(
		strstr(text.at, "\"reason\":\"credential\",\"detail\":\"its access token has "
				"expired"));
	/* What is graver stays. */
	made->status.reason = bud_strdup("owner");
	bud_buffer_clear(&text);
	bud_subscription_write_api(made, BUD_SUBSCRIPTION_SECRET_HIDDEN, NOW_MS, &text);
	assert_non_null(strstr(text.at, "\"status\":{\"state\":\"active\",\"reason\":\"owner\"}"));
	bud_buffer_finish(&text);
	bud_subscription_destroy(made);
}

static void a_change_cannot_touch_all(void **state)
{
	static const char *const cases[][2] = {
		{"{'config':{'signing':{'secret':null}}}", "config.signing.secret"},
		{"{'config':{'tls':{'key':null}}}", "config.tls.key"},
		{"{'sinkcredential':{'secret':null}}", "sinkcredential.secret"},
		{"{'sinkcredential':{'credentialtype':'REFRESHTOKEN','accesstoken':null}}",
			"sinkcredential.accesstoken"},
		{"{'sinkcredential':{'credentialtype':'REFRESHTOKEN','accesstoken':'a',"
		 "'refreshtoken':null}}",
			"sinkcredential.refreshtoken"},
		{"{'status':{'state':'paused'}}", "status"},
		{"{'status':5}", "status"},
		{"{'from':'2024-01-01T00:00:00Z'}", "from"},
		{"{'protocolsettings':{'headers':{'AUTHORIZATION':'x'}}}",
			"protocolsettings.headers.Authorization"},
		{"{'protocolsettings':{'headers':{'X':'x','content-Digest':'x'}}}",
			"protocolsettings.headers.content-Digest"},
		{"{'protocolsettings':{'headers':{'Signature-Input':'x'}}}",
			"protocolsettings.headers.Signature-Input"},
		{"{'protocolsettings':{'headers':{'signature':'x'}}}",
			"protocolsettings.headers.signature"},
	};
	struct bud_subscription *old = make_subscription("s1", 1,
		",'from':'earliest','config':{'tls':{" MAKE_TLS
		"},'signing':{'schemes':['v1','rfc9421']}},"
		"'sinkcredential':{'credentialtype':'PLAIN','identifier':'i','secret':'s'}");
	struct bud_subscription *made = NULL;
	struct bud_error error;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (change(bud_subscription_patch, old, cases[i][0], &made, &error) != -EINVAL)
			fail_msg("accepted: %s", cases[i][0]);
		assert_string_equal(error.member, cases[i][1]);
	}
	assert_int_equal(change(bud_subscription_patch, old,
				 "{'status':{'state':'active'},'from':'earliest'}", &made, &error),
		0);
	assert_string_equal(made->from, "earliest");
	bud_subscription_destroy(made);
	/* Without that signature nobody reads them as ours. */
	assert_int_equal(change(bud_subscription_patch, old,
				 "{'config':{'signing':null},"
				 "'protocolsettings':{'headers':{'Content-Digest':'x'}}}",
				 &made, &error),
		0);
	bud_subscription_destroy(made);
	bud_subscription_destroy(old);
}

static void a_start_is_the_earliest_or_a_time(void **state)
{
	struct bud_subscription *made =
		make_subscription("s1", 1, ",'from':'2023-11-14T22:13:20Z'");
	static const char *const cases[][2] = {{"'from':'latest'", "from"}, {"'from':5", "from"},
		{"'from':'2023-11-14T22:13:20.001Z'", "from"},
		{"'status':{'state':'paused'}", "status"}};
	struct bud_error error;

	(void)state;
	assert_int_equal(made->from_ms, NOW_MS);
	bud_subscription_destroy(made);
	made = make_subscription("s1", 1, ",'from':'0001-01-01T00:00:00Z'");
	assert_int_equal(made->from_ms, 0);
	bud_subscription_destroy(made);
	made = NULL;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[200];
		char *json;
		snprintf(text, sizeof(text), "{" PLAIN ",%s}", cases[i][0]);
		json = make_json(text);
		assert_int_equal(
			bud_subscription_parse(bud_span(json), &make_defaults, &made, &error),
			-EINVAL);
		assert_string_equal(error.member, cases[i][1]);
		free(json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wishes_outlive_the_store),
		cmocka_unit_test(hidden_secrets_stay_until_they_are_cleared),
		cmocka_unit_test(another_credential_forgets_its_tokens),
		cmocka_unit_test(the_newest_refresh_token_stays),
		cmocka_unit_test(the_end_of_the_renewed_token_is_shown),
		cmocka_unit_test(another_credential_is_not_at_fault),
		cmocka_unit_test(an_ended_token_is_told),
		cmocka_unit_test(a_change_cannot_touch_all),
		cmocka_unit_test(a_start_is_the_earliest_or_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
