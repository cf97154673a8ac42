/* The file of issuers must be taken as it says, and refused with the place of each fault. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/issuers.h"
#include "crypto/jwk.h"
#include "issuer.h"

static struct bud_issuers *parse(const char *json)
{
	struct bud_issuers *issuers = NULL;
	struct bud_error error = {0};

	if (bud_issuers_parse(bud_span(json), false, &issuers, &error) < 0)
		fail_msg("%s", error.text);
	return issuers;
}

static void test_defaults(void **state)
{
	struct bud_issuers *issuers = parse("{\"issuers\":[{\"issuer\":\"https://i.example/\","
					    "\"jwks_uri\":\"https://i.example/jwks\"}]}");
	const struct bud_issuer *issuer = &issuers->at[0];

	(void)state;
	assert_int_equal(issuers->n, 1);
	assert_int_equal(issuer->use, BUD_ISSUER_BEARER);
	assert_int_equal(issuer->algorithms, 1u << BUD_JWS_RS256);
	assert_int_equal(issuer->skew_s, BUD_ISSUER_SKEW_S);
	assert_false(issuer->requires_audience);
	assert_false(issuer->requires_scope);
	assert_int_equal(issuer->rules_n, 1);
	assert_null(issuer->rules[0].claim);
	assert_string_equal(issuer->scope_claims.at[0], "urn:altinn:scope");
	assert_string_equal(issuer->scope_claims.at[1], "scope");
	bud_issuers_unref(issuers);
	bud_issuers_unref(NULL);
}

static void test_everything(void **state)
{
	struct bud_issuers *issuers = parse(
		"{\"issuers\":[{\"issuer\":\"https://i.example/\",\"discovery\":"
		"\"https://i.example/.well-known/openid-configuration\",\"algorithms\":[\"PS256\","
		"\"ES256\"],\"typ\":[\"AT+JWT\"],\"audience\":[\"a\",\"b\"],"
		"\"require_audience\":false,\"require_scope\":true,\"scope_lists\":true,"
		"\"scope_claims\":\"scp\",\"scopes\":[\"x\"],\"clock_skew_s\":0,\"identity\":["
		"{\"claim\":\"sub\",\"prefix\":\"/app/\"},\"altinn\"]},"
		"{\"issuer\":\"https://i.example/\",\"use\":\"dialog\",\"jwks_uri\":"
		"\"https://i.example/jwks\"},"
		"{\"issuer\":\"ttd\",\"use\":\"platform\",\"jwks_uri\":\"https://i.example/k\"}]}");

	(void)state;
	assert_int_equal(issuers->n, 3);
	assert_int_equal(issuers->at[0].algorithms, 1u << BUD_JWS_PS256 | 1u << BUD_JWS_ES256);
	assert_string_equal(issuers->at[0].types.at[0], "at+jwt");
	assert_int_equal(issuers->at[0].audiences.n, 2);
	assert_false(issuers->at[0].requires_audience);
	assert_true(issuers->at[0].requires_scope);
	assert_true(issuers->at[0].takes_scope_lists);
	assert_string_equal(issuers->at[0].scope_claims.at[0], "scp");
	assert_string_equal(issuers->at[0].scopes.at[0], "x");
	assert_int_equal(issuers->at[0].skew_s, 0);
	assert_string_equal(issuers->at[0].rules[0].claim, "sub");
	assert_string_equal(issuers->at[0].rules[0].prefix, "/app/");
	assert_null(issuers->at[0].rules[1].claim);
	assert_int_equal(issuers->at[1].algorithms, 1u << BUD_JWS_EDDSA);
	assert_int_equal(
		bud_issuers_find(issuers, BUD_ISSUER_BEARER, bud_span("https://i.example/")), 0);
	assert_int_equal(
		bud_issuers_find(issuers, BUD_ISSUER_DIALOG, bud_span("https://i.example/")), 1);
	assert_int_equal(bud_issuers_find(issuers, BUD_ISSUER_PLATFORM, bud_span("ttd")), 2);
	/* To the last slash. */
	assert_int_equal(
		bud_issuers_find(issuers, BUD_ISSUER_BEARER, bud_span("https://i.example")),
		-ENOENT);
	assert_int_equal(bud_issuers_find(issuers, BUD_ISSUER_BEARER, bud_span("ttd")), -ENOENT);
	bud_issuers_unref(issuers);
}

static int find(const struct bud_issuers *issuers, const char *name)
{
	return bud_issuers_find(issuers, BUD_ISSUER_PLATFORM, bud_span(name));
}

/* One entry for all apps of an organization, or of all; who is named exactly goes first. */
static void test_patterns(void **state)
{
	struct bud_issuers *issuers =
		parse("{\"issuers\":["
		      "{\"issuer\":\"ttd/*\",\"use\":\"platform\",\"jwks_uri\":\"https://1/\"},"
		      "{\"issuer\":\"*/*\",\"use\":\"platform\",\"jwks_uri\":\"https://2/\"},"
		      "{\"issuer\":\"ttd/own\",\"use\":\"platform\",\"jwks_uri\":\"https://3/\"},"
		      "{\"issuer\":\"skd\",\"use\":\"platform\",\"jwks_uri\":\"https://4/\"}]}");
	static const char *const strangers[] = {"ttd", "ttd/", "/apps", "ttd/a/b", "ttd/*x", "",
		"ttd/a b", "ttd/..", "ttd//", "/", "*/*/", "nav", "skd/", "ttd/\xc3\xa5"};
	struct bud_span hidden = {"ttd/a\0b", 7};

	(void)state;
	assert_int_equal(find(issuers, "ttd/apps-test"), 0);
	assert_int_equal(find(issuers, "ttd/a.b_c"), 0);
	assert_int_equal(find(issuers, "nav/x"), 1);
	assert_int_equal(find(issuers, "TTD/x"), 1);
	assert_int_equal(find(issuers, "ttd/own"), 2);
	assert_int_equal(find(issuers, "skd"), 3);
	assert_int_equal(find(issuers, "ttd/*"), -ENOENT);
	for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++)
		assert_int_equal(find(issuers, strangers[i]), -ENOENT);
	assert_int_equal(bud_issuers_find(issuers, BUD_ISSUER_PLATFORM, hidden), -ENOENT);
	assert_int_equal(
		bud_issuers_find(issuers, BUD_ISSUER_BEARER, bud_span("ttd/apps-test")), -ENOENT);
	bud_issuers_unref(issuers);
}

#define PLATFORM(issuer, members)                                                                  \
	"{\"issuers\":[{\"use\":\"platform\",\"issuer\":\"" issuer "\"," members "}]}"

static void test_fixed_keys(void **state)
{
	struct test_key *key = test_key_create(BUD_JWS_EDDSA, "k");
	bud_auto(buffer) struct bud_buffer json = {0};
	struct bud_issuers *issuers;

	(void)state;
	bud_buffer_text(&json, "{\"issuers\":[{\"issuer\":\"i\",\"jwks\":");
	test_keys_write_set(&key, 1, &json);
	bud_buffer_text(&json, "}]}");
	issuers = parse(json.at);
	assert_int_equal(bud_jwk_set_count(issuers->at[0].fixed), 1);
	bud_issuers_unref(issuers);
	test_key_destroy(key);
}

#define I(members) "{\"issuers\":[{\"issuer\":\"i\",\"jwks_uri\":\"https://i/\"" members "}]}"

static void test_faults(void **state)
{
	static const struct {
		const char *json;
		const char *member;
	} cases[] = {
		{"", ""},
		{"{", ""},
		{"[]", "issuers"},
		{"{\"issuers\":[]}", "issuers"},
		{"{\"issuers\":[],\"more\":1}", "issuers"},
		{"{\"issuers\":[7]}", "issuers[0]"},
		{"{\"issuers\":[{\"jwks_uri\":\"https://i/\"}]}", "issuers[0].issuer"},
		{"{\"issuers\":[{\"issuer\":\"\",\"jwks_uri\":\"https://i/\"}]}",
			"issuers[0].issuer"},
		{"{\"issuers\":[{\"issuer\":\"i\"}]}", "issuers[0]"},
		{"{\"issuers\":[{\"issuer\":\"i\",\"jwks_uri\":\"http://i/\"}]}",
			"issuers[0].jwks_uri"},
		{"{\"issuers\":[{\"issuer\":\"i\",\"jwks\":{\"keys\":[]}}]}", "issuers[0].jwks"},
		{I(",\"discovery\":\"https://i/\""), "issuers[0]"},
		{I(",\"isuer\":\"x\""), "issuers[0].isuer"},
		{I(",\"use\":\"key\""), "issuers[0].use"},
		{I(",\"algorithms\":[\"HS256\"]"), "issuers[0].algorithms"},
		{I(",\"algorithms\":[\"none\"]"), "issuers[0].algorithms"},
		{I(",\"algorithms\":[]"), "issuers[0].algorithms"},
		{I(",\"audience\":[7]"), "issuers[0].audience"},
		{I(",\"require_audience\":true"), "issuers[0].require_audience"},
		{I(",\"require_scope\":\"yes\""), "issuers[0].require_scope"},
		{I(",\"clock_skew_s\":61"), "issuers[0].clock_skew_s"},
		{I(",\"clock_skew_s\":-1"), "issuers[0].clock_skew_s"},
		{I(",\"clock_skew_s\":1.5"), "issuers[0].clock_skew_s"},
		{I(",\"identity\":[]"), "issuers[0].identity"},
		{I(",\"identity\":\"sub\""), "issuers[0].identity"},
		{I(",\"identity\":{\"claim\":\"sub\"}"), "issuers[0].identity"},
		{I(",\"identity\":{\"claim\":\"sub\",\"prefix\":\"app\"}"), "issuers[0].identity"},
		{I(",\"identity\":{\"claim\":\"sub\",\"prefix\":\"/a b/\"}"),
			"issuers[0].identity"},
		{PLATFORM("ttd/a*", "\"jwks_uri\":\"https://i/\""), "issuers[0].issuer"},
		{PLATFORM("ttd/**", "\"jwks_uri\":\"https://i/\""), "issuers[0].issuer"},
		{PLATFORM("ttd/*", "\"discovery\":\"https://i/\""), "issuers[0].discovery"},
		{"{\"issuers\":[{\"issuer\":\"https://*/\",\"jwks_uri\":\"https://i/\"}]}",
			"issuers[0].issuer"},
		{I("},{\"issuer\":\"i\",\"jwks_uri\":\"https://i/\""), "issuers[1].issuer"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bud_issuers *issuers = NULL;
		struct bud_error error = {0};
		if (bud_issuers_parse(bud_span(cases[i].json), false, &issuers, &error) !=
				-EINVAL ||
			strcmp(error.member, cases[i].member) != 0 || !error.text[0])
			fail_msg("%s: \"%s\" %s", cases[i].json, error.member, error.text);
		assert_null(issuers);
	}
}

static void test_plain_http_where_allowed(void **state)
{
	struct bud_issuers *issuers = NULL;

	(void)state;
	assert_int_equal(bud_issuers_parse(bud_span("{\"issuers\":[{\"issuer\":\"i\",\"jwks_uri\":"
						    "\"http://127.0.0.1/\"}]}"),
				 true, &issuers, NULL),
		0);
	bud_issuers_unref(issuers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_fixed_keys),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_plain_http_where_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
