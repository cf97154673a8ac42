/* Credentials: each type has its members and no others; secrets are written only for the store,
 * stay where a change does not name them, and are never quoted. */
#include "subscription/make.h"

#include <errno.h>
#include <jansson.h>

#include "core/limits.h"
#include "subscription/credential.h"

static int parse(const char *text, const struct bud_credential *old, struct bud_credential *out,
	struct bud_error *error)
{
	char *json = make_json(text);
	json_auto_t *root = json_loads(json, JSON_DECODE_ANY, NULL);
	int r;

	assert_non_null(root);
	*out = (struct bud_credential){0};
	r = bud_credential_parse(root, old, out, error);
	free(json);
	return r;
}

static void is_written(
	const struct bud_credential *credential, bool with_secrets, const char *wanted)
{
	struct bud_buffer text = {0};
	char *json = make_json(wanted);

	bud_credential_write(credential, with_secrets, &text);
	assert_string_equal(text.at, json);
	bud_buffer_finish(&text);
	free(json);
}

static void each_type_is_read_and_written(void **state)
{
	static const char *const cases[][3] = {
		{"{'credentialtype':'PLAIN','identifier':'i','secret':'s \xc3\xa6'}",
			"{'credentialtype':'PLAIN','identifier':'i','secret':'s \xc3\xa6'}",
			"{'credentialtype':'PLAIN','identifier':'i'}"},
		{"{'credentialtype':'ACCESSTOKEN','accesstoken':'a','accesstokentype':'Bearer',"
		 "'accesstokenexpiresutc':'2030-01-31T13:00:00+01:00'}",
			"{'credentialtype':'ACCESSTOKEN','accesstoken':'a','accesstokentype':"
			"'Bearer','accesstokenexpiresutc':'2030-01-31T12:00:00.000Z'}",
			"{'credentialtype':'ACCESSTOKEN','accesstokentype':'Bearer',"
			"'accesstokenexpiresutc':'2030-01-31T12:00:00.000Z'}"},
		/* A leap second at the end of time: its next second has a year of five digits. */
		{"{'credentialtype':'ACCESSTOKEN','accesstoken':'a','accesstokentype':'Bearer',"
		 "'accesstokenexpiresutc':'9999-12-31T23:59:60Z'}",
			"{'credentialtype':'ACCESSTOKEN','accesstoken':'a','accesstokentype':"
			"'Bearer','accesstokenexpiresutc':'9999-12-31T23:59:59.999Z'}",
			"{'credentialtype':'ACCESSTOKEN','accesstokentype':'Bearer',"
			"'accesstokenexpiresutc':'9999-12-31T23:59:59.999Z'}"},
		{"{'credentialtype':'ACCESSTOKEN','accesstoken':'a'}",
			"{'credentialtype':'ACCESSTOKEN','accesstoken':'a',"
			"'accesstokentype':'bearer'}",
			"{'credentialtype':'ACCESSTOKEN','accesstokentype':'bearer'}"},
		{"{'credentialtype':'REFRESHTOKEN','accesstoken':'a','refreshtoken':'r',"
		 "'refreshtokenendpoint':'https://t'}",
			"{'credentialtype':'REFRESHTOKEN','accesstoken':'a',"
			"'accesstokentype':'bearer','refreshtoken':'r',"
			"'refreshtokenendpoint':'https://t'}",
			"{'credentialtype':'REFRESHTOKEN','accesstokentype':'bearer',"
			"'refreshtokenendpoint':'https://t'}"},
		{"{'credentialtype':'CLIENT','identifier':'i:j','secret':'s','tokenendpoint':'https:"
		 "//t','scope':'a b'}",
			"{'credentialtype':'CLIENT','identifier':'i:j','secret':'s',"
			"'tokenendpoint':'https://t','scope':'a b'}",
			"{'credentialtype':'CLIENT','identifier':'i:j',"
			"'tokenendpoint':'https://t','scope':'a b'}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct bud_credential made;
		struct bud_credential copy = {0};
		struct bud_error error = {0};
		if (parse(cases[i][0], NULL, &made, &error) < 0)
			fail_msg("%s: %s", cases[i][0], error.text);
		is_written(&made, true, cases[i][1]);
		is_written(&made, false, cases[i][2]);
		bud_credential_copy(&made, &copy);
		assert_true(bud_credential_equals(&made, &copy));
		is_written(&copy, true, cases[i][1]);
		bud_credential_finish(&copy);
		assert_false(bud_credential_equals(&made, &copy));
		bud_credential_finish(&made);
	}
}

static void names_what_is_wrong(void **state)
{
	static const char *const cases[][3] = {
		{"[]", "sinkcredential", "object"},
		{"{}", "sinkcredential.credentialtype", "missing"},
		{"{'credentialtype':'plain'}", "sinkcredential.credentialtype", "REFRESHTOKEN"},
		{"{'credentialtype':1}", "sinkcredential.credentialtype", "PLAIN"},
		{"{'credentialtype':'PLAIN','secret':'XYZ'}", "sinkcredential.identifier",
			"missing"},
		{"{'credentialtype':'PLAIN','identifier':'i'}", "sinkcredential.secret", "missing"},
		{"{'credentialtype':'PLAIN','identifier':'i','secret':null}",
			"sinkcredential.secret", "missing"},
		{"{'credentialtype':'PLAIN','identifier':'i:j','secret':'XYZ'}",
			"sinkcredential.identifier", "colon"},
		{"{'credentialtype':'PLAIN','identifier':'i','secret':'XYZ\\n'}",
			"sinkcredential.secret", "control"},
		{"{'credentialtype':'PLAIN','identifier':'i','secret':7}", "sinkcredential.secret",
			"text"},
		{"{'credentialtype':'PLAIN','identifier':'i','secret':'XYZ','scope':'a'}",
			"sinkcredential.scope", "known are"},
		{"{'credentialtype':'ACCESSTOKEN'}", "sinkcredential.accesstoken", "missing"},
		{"{'credentialtype':'ACCESSTOKEN','accesstoken':'XYZ a'}",
			"sinkcredential.accesstoken", "blanks"},
		{"{'credentialtype':'ACCESSTOKEN','accesstoken':'XYZ\xc3\xa6'}",
			"sinkcredential.accesstoken", "ASCII"},
		{"{'credentialtype':'ACCESSTOKEN','accesstoken':'XYZ','accesstokentype':'mac'}",
			"sinkcredential.accesstokentype", "bearer"},
		{"{'credentialtype':'ACCESSTOKEN','accesstoken':'XYZ',"
		 "'accesstokenexpiresutc':'soon'}",
			"sinkcredential.accesstokenexpiresutc", "RFC 3339"},
		{"{'credentialtype':'ACCESSTOKEN','accesstoken':'XYZ',"
		 "'accesstokenexpiresutc':5}",
			"sinkcredential.accesstokenexpiresutc", "RFC 3339"},
		{"{'credentialtype':'ACCESSTOKEN','accesstoken':'XYZ','refreshtoken':'XYZ'}",
			"sinkcredential.refreshtoken", "known are"},
		{"{'credentialtype':'REFRESHTOKEN','accesstoken':'XYZ'}",
			"sinkcredential.refreshtoken", "missing"},
		{"{'credentialtype':'REFRESHTOKEN','accesstoken':'XYZ','refreshtoken':'XYZ'}",
			"sinkcredential.refreshtokenendpoint", "missing"},
		{"{'credentialtype':'CLIENT','identifier':'i','secret':'XYZ'}",
			"sinkcredential.tokenendpoint", "missing"},
		{"{'credentialtype':'CLIENT','identifier':'i','secret':'XYZ',"
		 "'tokenendpoint':'https://a b'}",
			"sinkcredential.tokenendpoint", "blanks"},
		{"{'credentialtype':'CLIENT','identifier':'i','secret':'XYZ',"
		 "'tokenendpoint':'https://a','scope':'\xc3\xa6'}",
			"sinkcredential.scope", "ASCII"},
		{"{'credentialtype':'CLIENT','identifier':'i','secret':'XYZ',"
		 "'tokenendpoint':'https://a','accesstokenexpiresutc':'2030-01-31T12:00:00Z'}",
			"sinkcredential.accesstokenexpiresutc", "known are"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct bud_credential made;
		struct bud_error error = {0};
		if (parse(cases[i][0], NULL, &made, &error) != -EINVAL)
			fail_msg("accepted: %s", cases[i][0]);
		bud_credential_finish(&made);
		assert_string_equal(error.member, cases[i][1]);
		if (!strstr(error.text, cases[i][2]))
			fail_msg("%s: %s", cases[i][0], error.text);
		assert_null(strstr(error.text, "XYZ"));
	}
}

static void texts_have_a_bound(void **state)
{
	struct bud_buffer text = {0};
	struct bud_credential made;
	struct bud_error error;

	(void)state;
	for (size_t extra = 0; extra < 2; extra++) {
		bud_buffer_clear(&text);
		bud_buffer_text(&text, "{'credentialtype':'ACCESSTOKEN','accesstoken':'");
		for (size_t i = 0; i < BUD_TOKEN_BYTES_MAX + extra; i++)
			bud_buffer_byte(&text, 'x');
		bud_buffer_text(&text, "'}");
		assert_int_equal(parse(text.at, NULL, &made, &error), extra ? -EINVAL : 0);
		bud_credential_finish(&made);
	}
	assert_string_equal(error.member, "sinkcredential.accesstoken");
	bud_buffer_finish(&text);
}

static void secrets_stay_with_their_type(void **state)
{
	struct bud_credential old;
	struct bud_credential made;
	struct bud_error error;

	(void)state;
	assert_int_equal(parse("{'credentialtype':'PLAIN','identifier':'i','secret':'s'}", NULL,
				 &old, &error),
		0);
	assert_int_equal(
		parse("{'credentialtype':'PLAIN','identifier':'j'}", &old, &made, &error), 0);
	is_written(&made, true, "{'credentialtype':'PLAIN','identifier':'j','secret':'s'}");
	assert_false(bud_credential_equals(&old, &made));
	bud_credential_finish(&made);
	assert_int_equal(parse("{'credentialtype':'PLAIN','identifier':'j','secret':'t'}", &old,
				 &made, &error),
		0);
	is_written(&made, true, "{'credentialtype':'PLAIN','identifier':'j','secret':'t'}");
	bud_credential_finish(&made);
	assert_int_equal(parse("{'credentialtype':'CLIENT','identifier':'j','tokenendpoint':'e'}",
				 &old, &made, &error),
		-EINVAL);
	assert_string_equal(error.member, "sinkcredential.secret");
	bud_credential_finish(&made);
	bud_credential_finish(&old);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_type_is_read_and_written),
		cmocka_unit_test(names_what_is_wrong),
		cmocka_unit_test(texts_have_a_bound),
		cmocka_unit_test(secrets_stay_with_their_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
