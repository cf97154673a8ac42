/* A token must make its bearer exactly who its issuer says, and each hostile one must be refused
 * for its own fault: the tables below are RFC 8725's advice, case by case. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "auth/identity.h"
#include "auth/scope_rules.h"
#include "auth/token.h"
#include "auth/trust.h"
#include "issuer.h"

#define NOW_S   1800000000
#define NOW_MS  (NOW_S * INT64_C(1000))
#define GOOD_IN "\"exp\":1800000060"
#define TTD     "\"iss\":\"https://a.example/\"," GOOD_IN
#define USER    TTD ",\"urn:altinn:userid\":1337"

enum { KEY_A, KEY_B, KEY_P256, KEY_PSS, KEY_DIALOG, KEY_PLATFORM, KEYS };

static struct test_key *keys[KEYS];
static struct bud_issuers *issuers;
static struct bud_trust *trust;
static const struct bud_trust_set *set;
static struct bud_scope_rules rules;

static void add_issuer(struct bud_buffer *out, struct test_key *key, const char *members)
{
	bud_buffer_format(out, "%s{\"jwks\":", out->len > 12 ? "," : "");
	test_keys_write_set(&key, 1, out);
	bud_buffer_format(out, ",%s}", members);
}

static int start(void **state)
{
	bud_auto(buffer) struct bud_buffer file = {0};
	struct bud_error error = {0};

	(void)state;
	keys[KEY_A] = test_key_create(BUD_JWS_RS256, "a");
	keys[KEY_B] = test_key_create(BUD_JWS_RS256, "b");
	keys[KEY_P256] = test_key_create(BUD_JWS_ES256, "p");
	keys[KEY_PSS] = test_key_create(BUD_JWS_PS256, "s");
	keys[KEY_DIALOG] = test_key_create(BUD_JWS_EDDSA, "d");
	keys[KEY_PLATFORM] = test_key_create(BUD_JWS_RS256, "t");
	bud_buffer_text(&file, "{\"issuers\":[");
	add_issuer(&file, keys[KEY_A], "\"issuer\":\"https://a.example/\"");
	add_issuer(&file, keys[KEY_B],
		"\"issuer\":\"https://b.example/\",\"audience\":[\"us\"],\"typ\":\"at+jwt\","
		"\"require_scope\":true,\"clock_skew_s\":0,\"algorithms\":[\"RS256\",\"RS512\"],"
		"\"identity\":[{\"claim\":\"sub\",\"prefix\":\"/app/\"},"
		"{\"claim\":\"/nested/client\",\"prefix\":\"/client/\"}]");
	add_issuer(&file, keys[KEY_P256],
		"\"issuer\":\"https://p.example/\",\"algorithms\":\"ES256\",\"audience\":\"us\","
		"\"require_audience\":false,\"scope_lists\":true,\"scopes\":\"events:read\"");
	add_issuer(
		&file, keys[KEY_PSS], "\"issuer\":\"https://s.example/\",\"algorithms\":\"PS256\"");
	add_issuer(&file, keys[KEY_DIALOG], "\"issuer\":\"https://d.example/\",\"use\":\"dialog\"");
	add_issuer(&file, keys[KEY_PLATFORM], "\"issuer\":\"ttd/apps-test\",\"use\":\"platform\"");
	bud_buffer_text(&file, "]}");
	if (bud_issuers_parse(bud_buffer_as_span(&file), false, &issuers, &error) < 0)
		fail_msg("%s", error.text);
	bud_scope_rules_set(&rules, BUD_NEED_PUBLISH, "events:publish altinn:events.publish");
	bud_scope_rules_set(&rules, BUD_NEED_READ, "events:read");
	trust = bud_trust_create(issuers);
	set = bud_trust_take(trust);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	bud_trust_set_unref(set);
	bud_trust_destroy(trust);
	bud_scope_rules_finish(&rules);
	bud_issuers_destroy(issuers);
	for (int i = 0; i < KEYS; i++)
		test_key_destroy(keys[i]);
	return 0;
}

static enum bud_token_outcome check_use(struct bud_span token, enum bud_issuer_use use,
	struct bud_token_answer *out_answer, struct bud_error *error)
{
	struct bud_token_question question = {
		.token = token,
		.use = use,
		.rules = &rules,
		.person_key = bud_span("secret"),
		.now_ms = NOW_MS,
	};

	return bud_token_check(set, &question, out_answer, error);
}

static enum bud_token_outcome check(
	struct bud_span token, struct bud_token_answer *out_answer, struct bud_error *error)
{
	return check_use(token, BUD_ISSUER_BEARER, out_answer, error);
}

static enum bud_jws_algorithm algorithm_of(int key)
{
	return key == KEY_P256     ? BUD_JWS_ES256
	       : key == KEY_PSS    ? BUD_JWS_PS256
	       : key == KEY_DIALOG ? BUD_JWS_EDDSA
				   : BUD_JWS_RS256;
}

/* Good, or the case fails; the caller unrefs. */
static struct bud_identity *identify(int key, const char *header, const char *payload)
{
	bud_auto(buffer) struct bud_buffer token = {0};
	struct bud_token_answer answer = {.identity = NULL};
	struct bud_error error = {0};

	test_token_sign(keys[key], algorithm_of(key), header, payload, &token);
	if (check(bud_buffer_as_span(&token), &answer, &error) != BUD_TOKEN_GOOD)
		fail_msg("%s: %s", payload, error.text);
	return answer.identity;
}

static void refuse(int key, const char *header, const char *payload, const char *why)
{
	bud_auto(buffer) struct bud_buffer token = {0};
	struct bud_token_answer answer = {.identity = NULL};
	struct bud_error error = {0};
	enum bud_token_outcome outcome;

	test_token_sign(keys[key], algorithm_of(key), header, payload, &token);
	outcome = check(bud_buffer_as_span(&token), &answer, &error);
	if (outcome == BUD_TOKEN_GOOD || !strstr(error.text, why))
		fail_msg("%s %s: %d %s", header ? header : "", payload, outcome, error.text);
	assert_null(answer.identity);
}

/* Altinn's order: org, user, system user, organization, then the person. */
#define SYSTEM_USER                                                                                \
	",\"authorization_details\":[{\"type\":\"other\"},{\"type\":\"urn:altinn:systemuser\","    \
	"\"systemuser_id\":[\"3F9C1F0E-8A53-4A4C-9D2B-0F5F2F2A1B11\"],\"systemuser_org\":"         \
	"{\"authority\":\"iso6523-actorid-upis\",\"ID\":\"0192:974760673\"}}]"
#define CONSUMER ",\"consumer\":{\"authority\":\"ISO6523-actorid-upis\",\"ID\":\"0192:991825827\"}"

static void test_names_in_order(void **state)
{
	static const struct {
		const char *claims;
		const char *name;
	} cases[] = {
		{",\"urn:altinn:org\":\"ttd\",\"urn:altinn:userid\":1,\"urn:altinn:orgNumber\":"
		 "991825827" SYSTEM_USER,
			"/org/ttd"},
		{",\"urn:altinn:userid\":1337,\"urn:altinn:orgNumber\":\"991825827\"" SYSTEM_USER,
			"/user/1337"},
		{",\"urn:altinn:userid\":\"1337\"", "/user/1337"},
		{",\"urn:altinn:userid\":0,\"urn:altinn:orgNumber\":991825827",
			"/organisation/991825827"},
		{CONSUMER SYSTEM_USER, "/systemuser/3f9c1f0e-8a53-4a4c-9d2b-0f5f2f2a1b11"},
		{CONSUMER, "/organisation/991825827"},
		{",\"urn:altinn:orgNumber\":991825827", "/organisation/991825827"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bud_auto(buffer) struct bud_buffer payload = {0};
		struct bud_identity *identity;
		bud_buffer_format(&payload, "{" TTD "%s}", cases[i].claims);
		identity = identify(KEY_A, NULL, payload.at);
		assert_string_equal(identity->name, cases[i].name);
		assert_int_equal(identity->kind, BUD_AUTHENTICATED_TOKEN);
		assert_string_equal(identity->issuer, "https://a.example/");
		assert_int_equal(identity->expires_ms, (NOW_S + 60 + 10) * INT64_C(1000));
		bud_identity_unref(identity);
	}
}

static void test_facts(void **state)
{
	struct bud_identity *identity = identify(KEY_A, NULL,
		"{" TTD CONSUMER SYSTEM_USER
		",\"urn:altinn:partyid\":50001,\"urn:altinn:authlevel\":\"3\"}");

	(void)state;
	assert_string_equal(identity->altinn.system_user, "3f9c1f0e-8a53-4a4c-9d2b-0f5f2f2a1b11");
	assert_string_equal(identity->altinn.org_number, "974760673");
	assert_string_equal(identity->altinn.supplier, "991825827");
	assert_string_equal(identity->altinn.party, "50001");
	assert_int_equal(identity->altinn.level, 3);
	bud_identity_unref(identity);
	/* Delegated: the consumer is who it is for, the supplier is who acts. */
	identity = identify(KEY_A, NULL,
		"{" TTD CONSUMER ",\"supplier\":{\"authority\":\"iso6523-actorid-upis\","
		"\"ID\":\"0192:974760673\"},\"delegation_source\":\"https://x\"}");
	assert_string_equal(identity->name, "/organisation/991825827");
	assert_string_equal(identity->altinn.supplier, "974760673");
	bud_identity_unref(identity);
}

/* The number itself is nowhere; the hash is the same each time. */
static void test_people(void **state)
{
	struct bud_identity *first = identify(
		KEY_A, NULL, "{" TTD ",\"pid\":\"13861498942\",\"acr\":\"idporten-loa-high\"}");
	struct bud_identity *again = identify(KEY_A, NULL, "{" TTD ",\"pid\":\"13861498942\"}");
	struct bud_identity *other = identify(KEY_A, NULL, "{" TTD ",\"pid\":\"03821239949\"}");

	(void)state;
	assert_int_equal(strlen(first->altinn.person), BUD_PERSON_BYTES - 1);
	assert_null(strstr(first->name, "13861498942"));
	assert_string_equal(first->name, again->name);
	assert_string_not_equal(first->name, other->name);
	assert_int_equal(first->altinn.level, 4);
	assert_int_equal(again->altinn.level, -1);
	bud_identity_unref(first);
	bud_identity_unref(again);
	bud_identity_unref(other);
}

static void test_claims_that_name_nobody_well(void **state)
{
	static const char *const claims[] = {
		"",
		",\"sub\":\"x\"",
		",\"urn:altinn:org\":\"\"",
		",\"urn:altinn:org\":7",
		",\"urn:altinn:org\":\"t/td\"",
		",\"urn:altinn:userid\":-1",
		",\"urn:altinn:userid\":\"01\"",
		",\"urn:altinn:userid\":1.5",
		",\"urn:altinn:userid\":\"x\"",
		",\"urn:altinn:userid\":99999999999999999999",
		",\"urn:altinn:orgNumber\":991825828",
		",\"consumer\":{\"authority\":\"iso6523-actorid-upis\",\"ID\":\"9908:991825827\"}",
		",\"consumer\":{\"authority\":\"x\",\"ID\":\"0192:991825827\"}",
		",\"consumer\":{\"authority\":\"iso6523-actorid-upis\",\"ID\":\"0192:991825828\"}",
		",\"consumer\":\"0192:991825827\"",
		",\"authorization_details\":{\"type\":\"urn:altinn:systemuser\","
		"\"systemuser_id\":[\"x\"]}",
		",\"authorization_details\":{\"type\":\"urn:altinn:systemuser\"}",
		",\"pid\":\"13861498943\"",
		",\"pid\":13861498942",
		",\"pid\":\"13861498942\",\"acr\":\"something-new\"",
		",\"urn:altinn:userid\":1,\"urn:altinn:authlevel\":9",
		",\"urn:altinn:userid\":1,\"scope\":[\"a\"]",
		",\"urn:altinn:userid\":1,\"scope\":7",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
		bud_auto(buffer) struct bud_buffer payload = {0};
		bud_buffer_format(&payload, "{" TTD "%s}", claims[i]);
		refuse(KEY_A, NULL, payload.at, "the token is not valid");
	}
}

static void test_scopes(void **state)
{
	struct bud_identity *identity = identify(KEY_A, NULL,
		"{" USER ",\"scope\":\"x altinn:events.publish  altinn:events.publish.admin\"}");

	(void)state;
	assert_int_equal(identity->scopes_n, 3);
	assert_true(bud_identity_may(identity, BUD_NEED_PUBLISH));
	assert_false(bud_identity_may(identity, BUD_NEED_READ));
	bud_identity_unref(identity);
	/* Altinn's own claim counts before the general one. */
	identity = identify(KEY_A, NULL,
		"{" USER ",\"urn:altinn:scope\":\"x\",\"scope\":\"altinn:events.publish\"}");
	assert_false(bud_identity_may(identity, BUD_NEED_PUBLISH));
	bud_identity_unref(identity);
	identity = identify(KEY_A, NULL, "{" USER ",\"scope\":\"altinn:events.publish.admin\"}");
	assert_false(bud_identity_may(identity, BUD_NEED_PUBLISH));
	bud_identity_unref(identity);
	/* Lists and fixed scopes, where they are configured. */
	identity = identify(KEY_P256, NULL,
		"{\"iss\":\"https://p.example/\"," GOOD_IN
		",\"urn:altinn:userid\":1,\"scope\":[\"events:publish\"]}");
	assert_true(bud_identity_may(identity, BUD_NEED_PUBLISH));
	assert_true(bud_identity_may(identity, BUD_NEED_READ));
	bud_identity_unref(identity);
}

#define AT  "{\"alg\":\"RS256\",\"kid\":\"b\",\"typ\":\"at+jwt\"}"
#define SUB "{\"iss\":\"https://b.example/\",\"aud\":\"us\",\"scope\":\"s\"," GOOD_IN

static void test_mapped_names(void **state)
{
	static const struct {
		const char *claims;
		const char *name;
	} cases[] = {
		{",\"sub\":\"shop\"", "/app/shop"},
		{",\"sub\":17", "/app/17"},
		{",\"sub\":\"a/b c%\xc3\xa6\"", "/app/a%2Fb%20c%25%C3%A6"},
		{",\"nested\":{\"client\":\"k\"}", "/client/k"},
		{",\"sub\":\"shop\",\"nested\":{\"client\":\"k\"}", "/app/shop"},
		/* Altinn's claims say nothing here. */
		{",\"sub\":\"shop\",\"urn:altinn:org\":\"ttd\",\"consumer\":7", "/app/shop"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bud_auto(buffer) struct bud_buffer payload = {0};
		struct bud_identity *identity;
		bud_buffer_format(&payload, SUB "%s}", cases[i].claims);
		identity = identify(KEY_B, AT, payload.at);
		assert_string_equal(identity->name, cases[i].name);
		assert_null(identity->altinn.org);
		bud_identity_unref(identity);
	}
	refuse(KEY_B, AT, SUB ",\"urn:altinn:org\":\"ttd\"}", "none of its claims");
	refuse(KEY_B, AT, SUB ",\"sub\":\"\"}", "names the caller");
	refuse(KEY_B, AT, SUB ",\"sub\":{}}", "names the caller");
}

static void test_times(void **state)
{
	static const struct {
		const char *times;
		const char *why; /* NULL: good */
	} cases[] = {
		{"\"exp\":1800000060", NULL},
		{"\"exp\":1800000060.25", NULL},
		{"\"exp\":1799999991", NULL}, /* within the skew of 10 s */
		{"\"exp\":1799999990", "expired"},
		{"\"exp\":0", "expired"},
		{"\"nbf\":1", "no exp"},
		{"\"exp\":\"1800000060\"", "numbers"},
		{"\"exp\":null", "numbers"},
		{"\"exp\":true", "numbers"},
		{"\"exp\":-1", "numbers"},
		{"\"exp\":9007199254740992", "numbers"},
		{"\"exp\":1e300", "numbers"},
		{"\"exp\":9007199254740991", NULL},
		{"\"exp\":1800000060,\"nbf\":1800000010", NULL},
		{"\"exp\":1800000060,\"nbf\":1800000011", "not in force"},
		{"\"exp\":1800000060,\"nbf\":\"0\"", "numbers"},
		{"\"exp\":1800000060,\"iat\":1800000010", NULL},
		{"\"exp\":1800000060,\"iat\":1800000011", "future"},
		{"\"exp\":1800000060,\"iat\":-5", "numbers"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bud_auto(buffer) struct bud_buffer payload = {0};
		bud_buffer_format(&payload,
			"{\"iss\":\"https://a.example/\",\"urn:altinn:userid\":1,%s}",
			cases[i].times);
		if (cases[i].why)
			refuse(KEY_A, NULL, payload.at, cases[i].why);
		else
			bud_identity_unref(identify(KEY_A, NULL, payload.at));
	}
}

static void test_audience_type_and_kind(void **state)
{
	static const struct {
		const char *header;
		const char *claims;
		const char *why; /* NULL: good */
	} cases[] = {
		{AT, ",\"aud\":\"us\",\"scope\":\"s\"", NULL},
		{AT, ",\"aud\":[\"them\",\"us\"],\"scope\":\"s\"", NULL},
		{"{\"alg\":\"RS256\",\"kid\":\"b\",\"typ\":\"application/AT+JWT\"}",
			",\"aud\":\"us\",\"scope\":\"s\"", NULL},
		{AT, ",\"scope\":\"s\"", "audience"},
		{AT, ",\"aud\":\"them\",\"scope\":\"s\"", "audience"},
		{AT, ",\"aud\":\"US\",\"scope\":\"s\"", "audience"},
		{AT, ",\"aud\":[],\"scope\":\"s\"", "audience"},
		{AT, ",\"aud\":[[\"us\"]],\"scope\":\"s\"", "audience"},
		{AT, ",\"aud\":{\"us\":1},\"scope\":\"s\"", "audience"},
		{AT, ",\"aud\":\"us\"", "no scope"},
		{"{\"alg\":\"RS256\",\"kid\":\"b\"}", ",\"aud\":\"us\",\"scope\":\"s\"", "typ"},
		{"{\"alg\":\"RS256\",\"kid\":\"b\",\"typ\":\"JWT\"}",
			",\"aud\":\"us\",\"scope\":\"s\"", "typ"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bud_auto(buffer) struct bud_buffer payload = {0};
		bud_buffer_format(&payload,
			"{\"iss\":\"https://b.example/\",\"sub\":\"x\"," GOOD_IN "%s}",
			cases[i].claims);
		if (cases[i].why)
			refuse(KEY_B, cases[i].header, payload.at, cases[i].why);
		else
			bud_identity_unref(identify(KEY_B, cases[i].header, payload.at));
	}
	/* ID tokens. */
	refuse(KEY_A, NULL, "{" USER ",\"nonce\":\"n\"}", "ID token");
	refuse(KEY_A, NULL, "{" USER ",\"at_hash\":\"n\"}", "ID token");
	/* An audience that need not be there, but if it is it must be ours. */
	bud_identity_unref(identify(KEY_P256, NULL,
		"{\"iss\":\"https://p.example/\"," GOOD_IN ",\"urn:altinn:userid\":1}"));
	refuse(KEY_P256, NULL,
		"{\"iss\":\"https://p.example/\",\"aud\":\"them\"," GOOD_IN
		",\"urn:altinn:userid\":1}",
		"audience");
}

/* H1.11: the signature comes before everything. */
static void test_keys_and_issuers(void **state)
{
	(void)state;
	/* Another issuer's valid key under our issuer's name, with its own kid and with ours. */
	refuse(KEY_B, NULL, "{" USER "}", "key that its issuer does not have");
	refuse(KEY_B, "{\"alg\":\"RS256\",\"kid\":\"a\"}", "{" USER "}", "signature");
	refuse(KEY_B, "{\"alg\":\"RS256\"}", "{" USER "}", "signature");
	/* Another issuer's name by our issuer's key. */
	refuse(KEY_A, "{\"alg\":\"RS256\",\"kid\":\"b\",\"typ\":\"at+jwt\"}", SUB ",\"sub\":\"x\"}",
		"signature");
	refuse(KEY_A, NULL, "{\"iss\":\"https://evil.example/\"," GOOD_IN "}", "not trusted");
	refuse(KEY_A, NULL, "{\"iss\":\"https://a.example\"," GOOD_IN "}", "not trusted");
	refuse(KEY_A, NULL, "{\"iss\":[\"https://a.example/\"]," GOOD_IN "}", "not trusted");
	refuse(KEY_A, NULL, "{" GOOD_IN "}", "not trusted");
	/* An algorithm of its key that this issuer is not configured for. */
	refuse(KEY_A, "{\"alg\":\"RS512\",\"kid\":\"a\"}", "{" USER "}", "algorithm");
	refuse(KEY_A, "{\"alg\":\"PS256\",\"kid\":\"a\"}", "{" USER "}", "algorithm");
	refuse(KEY_P256, "{\"alg\":\"RS256\",\"kid\":\"p\"}",
		"{\"iss\":\"https://p.example/\"," GOOD_IN "}", "algorithm");
	/* Without a kid the only key is meant. */
	bud_identity_unref(identify(KEY_A, "{\"alg\":\"RS256\"}", "{" USER "}"));
	bud_identity_unref(identify(KEY_PSS, NULL,
		"{\"iss\":\"https://s.example/\"," GOOD_IN ",\"urn:altinn:userid\":1}"));
}

static void test_public_key_as_secret(void **state)
{
	static const char *const headers[] = {"{\"alg\":\"HS256\",\"kid\":\"a\"}",
		"{\"alg\":\"none\",\"kid\":\"a\"}", "{\"alg\":\"RS256\",\"kid\":\"a\"}"};
	bud_auto(buffer) struct bud_buffer pem = {0};
	bud_auto(buffer) struct bud_buffer token = {0};
	struct bud_token_answer answer = {.identity = NULL};
	struct bud_error error;

	(void)state;
	test_key_write_pem(keys[KEY_A], &pem);
	for (size_t i = 0; i < 3; i++) {
		test_token_sign_hmac(bud_buffer_as_span(&pem), headers[i], "{" USER "}", &token);
		assert_int_equal(check(bud_buffer_as_span(&token), &answer, &error), BUD_TOKEN_BAD);
	}
	test_token_begin(headers[1], "{" USER "}", &token);
	bud_buffer_byte(&token, '.');
	assert_int_equal(check(bud_buffer_as_span(&token), &answer, &error), BUD_TOKEN_BAD);
}

/* A new key may be there by now: that is for whoever can ask. */
static void test_unknown_key(void **state)
{
	bud_auto(buffer) struct bud_buffer token = {0};
	struct bud_token_answer answer = {.issuer = 9};
	struct bud_error error;

	(void)state;
	test_token_sign(keys[KEY_A], BUD_JWS_RS256, "{\"alg\":\"RS256\",\"kid\":\"new\"}",
		"{" USER "}", &token);
	assert_int_equal(check(bud_buffer_as_span(&token), &answer, &error), BUD_TOKEN_KEY_UNKNOWN);
	assert_int_equal(answer.issuer, 0);
	assert_null(answer.identity);
}

static void test_keys_that_are_not_there(void **state)
{
	struct bud_trust *other = bud_trust_create(issuers);
	const struct bud_trust_set *before = set;
	bud_auto(buffer) struct bud_buffer token = {0};
	struct bud_token_answer answer = {.issuer = 9};
	struct bud_error error;

	(void)state;
	bud_trust_put_keys(other, 0, NULL);
	set = bud_trust_take(other);
	test_token_sign(keys[KEY_A], BUD_JWS_RS256, NULL, "{" USER "}", &token);
	assert_int_equal(check(bud_buffer_as_span(&token), &answer, &error), BUD_TOKEN_NO_KEYS);
	assert_int_equal(answer.issuer, 0);
	assert_int_equal(bud_token_serial(set, 0), 0);
	assert_int_not_equal(bud_token_serial(set, 1), 0);
	bud_trust_set_unref(set);
	set = before;
	bud_trust_destroy(other);
}

#define DIALOG                                                                                     \
	"{\"iss\":\"https://d.example/\"," GOOD_IN                                                 \
	",\"i\":\"0195b5ca-3c2e-7000-8000-000000000001\",\"p\":\"urn:altinn:organization:"         \
	"identifier-no:991825827\",\"s\":\"urn:altinn:resource:x\",\"a\":\"read;sign\",\"l\":3}"

static void test_dialog_tokens(void **state)
{
	struct bud_identity *identity = identify(KEY_DIALOG, NULL, DIALOG);

	(void)state;
	assert_int_equal(identity->kind, BUD_AUTHENTICATED_DIALOG);
	assert_string_equal(identity->dialog.dialog, "0195b5ca-3c2e-7000-8000-000000000001");
	assert_string_equal(identity->dialog.actions, "read;sign");
	assert_string_equal(identity->dialog.resource, "urn:altinn:resource:x");
	assert_string_equal(identity->name, "");
	assert_false(bud_identity_may(identity, BUD_NEED_IDENTITY));
	assert_true(bud_identity_may(identity, BUD_NEED_DIALOG));
	bud_identity_unref(identity);
	refuse(KEY_DIALOG, NULL, "{\"iss\":\"https://d.example/\"," GOOD_IN ",\"a\":\"read\"}",
		"its i");
	refuse(KEY_DIALOG, NULL,
		"{\"iss\":\"https://d.example/\",\"exp\":1799999900,"
		"\"i\":\"0195b5ca-3c2e-7000-8000-000000000001\",\"a\":\"read\"}",
		"expired");
	refuse(KEY_A, "{\"alg\":\"RS256\",\"kid\":\"d\"}", DIALOG, "algorithm");
}

static void test_platform_tokens(void **state)
{
	bud_auto(buffer) struct bud_buffer token = {0};
	struct bud_token_answer answer = {.identity = NULL};
	struct bud_error error;

	(void)state;
	test_token_sign(keys[KEY_PLATFORM], BUD_JWS_RS256, NULL,
		"{\"iss\":\"ttd/apps-test\"," GOOD_IN "}", &token);
	assert_int_equal(
		check_use(bud_buffer_as_span(&token), BUD_ISSUER_PLATFORM, &answer, &error),
		BUD_TOKEN_GOOD);
	assert_int_equal(answer.identity->kind, BUD_AUTHENTICATED_PLATFORM);
	assert_string_equal(answer.identity->issuer, "ttd/apps-test");
	assert_string_equal(answer.identity->name, "/org/ttd");
	bud_identity_unref(answer.identity);
	/* Neither kind passes for the other. */
	assert_int_equal(check(bud_buffer_as_span(&token), &answer, &error), BUD_TOKEN_BAD);
	test_token_sign(keys[KEY_A], BUD_JWS_RS256, NULL, "{" USER "}", &token);
	assert_int_equal(
		check_use(bud_buffer_as_span(&token), BUD_ISSUER_PLATFORM, &answer, &error),
		BUD_TOKEN_BAD);
}

/* What is told of a fault has nothing of the token in it. */
static void test_nothing_is_quoted(void **state)
{
	bud_auto(buffer) struct bud_buffer token = {0};
	struct bud_token_answer answer;
	struct bud_error error;

	(void)state;
	test_token_sign(keys[KEY_A], BUD_JWS_RS256, "{\"alg\":\"RS256\",\"kid\":\"secretkid\"}",
		"{" USER ",\"pid\":\"13861498942\"}", &token);
	(void)check(bud_buffer_as_span(&token), &answer, &error);
	assert_null(strstr(error.text, "secretkid"));
	refuse(KEY_A, NULL, "{" TTD ",\"pid\":\"13861498943\"}", "its pid cannot be used");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_in_order),
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_people),
		cmocka_unit_test(test_claims_that_name_nobody_well),
		cmocka_unit_test(test_scopes),
		cmocka_unit_test(test_mapped_names),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_audience_type_and_kind),
		cmocka_unit_test(test_keys_and_issuers),
		cmocka_unit_test(test_public_key_as_secret),
		cmocka_unit_test(test_unknown_key),
		cmocka_unit_test(test_keys_that_are_not_there),
		cmocka_unit_test(test_dialog_tokens),
		cmocka_unit_test(test_platform_tokens),
		cmocka_unit_test(test_nothing_is_quoted),
	};

	return cmocka_run_group_tests(tests, start, finish);
}
