/* A token must make its bearer exactly who its issuer says: in Altinn's order, or as a mapping has
 * it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tokens.h"

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
		identity = tokens_identify(KEY_A, NULL, payload.at);
		assert_string_equal(identity->name, cases[i].name);
		assert_int_equal(identity->kind, BUD_AUTHENTICATED_TOKEN);
		assert_string_equal(identity->issuer, "https://a.example/");
		assert_int_equal(identity->expires_ms, (NOW_S + 60 + 10) * INT64_C(1000));
		bud_identity_unref(identity);
	}
}

static void test_facts(void **state)
{
	struct bud_identity *identity = tokens_identify(KEY_A, NULL,
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
	identity = tokens_identify(KEY_A, NULL,
		"{" TTD CONSUMER ",\"supplier\":{\"authority\":\"iso6523-actorid-upis\","
		"\"ID\":\"0192:974760673\"},\"delegation_source\":\"https://x\"}");
	assert_string_equal(identity->name, "/organisation/991825827");
	assert_string_equal(identity->altinn.supplier, "974760673");
	bud_identity_unref(identity);
}

/* The number itself is nowhere; the hash is the same each time. */
static void test_people(void **state)
{
	struct bud_identity *first = tokens_identify(
		KEY_A, NULL, "{" TTD ",\"pid\":\"13861498942\",\"acr\":\"idporten-loa-high\"}");
	struct bud_identity *again =
		tokens_identify(KEY_A, NULL, "{" TTD ",\"pid\":\"13861498942\"}");
	struct bud_identity *other =
		tokens_identify(KEY_A, NULL, "{" TTD ",\"pid\":\"03821239949\"}");

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
		(",\"authorization_details\":{\"type\":\"urn:altinn:systemuser\","
		 "\"systemuser_id\":[\"x\"]}"),
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
		tokens_refuse(KEY_A, NULL, payload.at, "the token is not valid");
	}
}

static void test_scopes(void **state)
{
	struct bud_identity *identity = tokens_identify(KEY_A, NULL,
		"{" USER ",\"scope\":\"x altinn:events.publish  altinn:events.publish.admin\"}");

	(void)state;
	assert_int_equal(identity->scopes_n, 3);
	assert_true(bud_identity_may(identity, BUD_NEED_PUBLISH));
	assert_false(bud_identity_may(identity, BUD_NEED_READ));
	bud_identity_unref(identity);
	/* Altinn's own claim counts before the general one. */
	identity = tokens_identify(KEY_A, NULL,
		"{" USER ",\"urn:altinn:scope\":\"x\",\"scope\":\"altinn:events.publish\"}");
	assert_false(bud_identity_may(identity, BUD_NEED_PUBLISH));
	bud_identity_unref(identity);
	identity = tokens_identify(
		KEY_A, NULL, "{" USER ",\"scope\":\"altinn:events.publish.admin\"}");
	assert_false(bud_identity_may(identity, BUD_NEED_PUBLISH));
	bud_identity_unref(identity);
	/* Lists and fixed scopes, where they are configured. */
	identity = tokens_identify(KEY_P256, NULL,
		"{\"iss\":\"https://p.example/\"," GOOD_IN
		",\"urn:altinn:userid\":1,\"scope\":[\"events:publish\"]}");
	assert_true(bud_identity_may(identity, BUD_NEED_PUBLISH));
	assert_true(bud_identity_may(identity, BUD_NEED_READ));
	bud_identity_unref(identity);
}

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
		identity = tokens_identify(KEY_B, AT, payload.at);
		assert_string_equal(identity->name, cases[i].name);
		assert_null(identity->altinn.org);
		bud_identity_unref(identity);
	}
	tokens_refuse(KEY_B, AT, SUB ",\"urn:altinn:org\":\"ttd\"}", "none of its claims");
	tokens_refuse(KEY_B, AT, SUB ",\"sub\":\"\"}", "names the caller");
	tokens_refuse(KEY_B, AT, SUB ",\"sub\":{}}", "names the caller");
}

#define DIALOG                                                                                     \
	"{\"iss\":\"https://d.example/\"," GOOD_IN                                                 \
	",\"i\":\"0195b5ca-3c2e-7000-8000-000000000001\",\"p\":\"urn:altinn:organization:"         \
	"identifier-no:991825827\",\"s\":\"urn:altinn:resource:x\",\"a\":\"read;sign\",\"l\":3}"

static void test_dialog_tokens(void **state)
{
	struct bud_identity *identity = tokens_identify(KEY_DIALOG, NULL, DIALOG);

	(void)state;
	assert_int_equal(identity->kind, BUD_AUTHENTICATED_DIALOG);
	assert_string_equal(identity->dialog.dialog, "0195b5ca-3c2e-7000-8000-000000000001");
	assert_string_equal(identity->dialog.actions, "read;sign");
	assert_string_equal(identity->dialog.resource, "urn:altinn:resource:x");
	assert_string_equal(identity->name, "");
	assert_false(bud_identity_may(identity, BUD_NEED_IDENTITY));
	assert_true(bud_identity_may(identity, BUD_NEED_DIALOG));
	bud_identity_unref(identity);
	tokens_refuse(KEY_DIALOG, NULL,
		"{\"iss\":\"https://d.example/\"," GOOD_IN ",\"a\":\"read\"}", "its i");
	tokens_refuse(KEY_DIALOG, NULL,
		"{\"iss\":\"https://d.example/\",\"exp\":1799999900,"
		"\"i\":\"0195b5ca-3c2e-7000-8000-000000000001\",\"a\":\"read\"}",
		"expired");
	tokens_refuse(KEY_A, "{\"alg\":\"RS256\",\"kid\":\"d\"}", DIALOG, "algorithm");
}

static void test_platform_tokens(void **state)
{
	bud_auto(buffer) struct bud_buffer token = {0};
	struct bud_token_answer answer = {.identity = NULL};
	struct bud_error error;

	(void)state;
	test_token_sign(tokens_keys[KEY_PLATFORM], BUD_JWS_RS256, NULL,
		"{\"iss\":\"ttd/apps-test\"," GOOD_IN "}", &token);
	assert_int_equal(
		tokens_check_use(bud_buffer_as_span(&token), BUD_ISSUER_PLATFORM, &answer, &error),
		BUD_TOKEN_GOOD);
	assert_int_equal(answer.identity->kind, BUD_AUTHENTICATED_PLATFORM);
	assert_string_equal(answer.identity->issuer, "ttd/apps-test");
	assert_string_equal(answer.identity->name, "/org/ttd");
	bud_identity_unref(answer.identity);
	/* Neither kind passes for the other. */
	assert_int_equal(tokens_check(bud_buffer_as_span(&token), &answer, &error), BUD_TOKEN_BAD);
	test_token_sign(tokens_keys[KEY_A], BUD_JWS_RS256, NULL, "{" USER "}", &token);
	assert_int_equal(
		tokens_check_use(bud_buffer_as_span(&token), BUD_ISSUER_PLATFORM, &answer, &error),
		BUD_TOKEN_BAD);
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
		cmocka_unit_test(test_dialog_tokens),
		cmocka_unit_test(test_platform_tokens),
	};

	return cmocka_run_group_tests(tests, tokens_start, tokens_finish);
}
