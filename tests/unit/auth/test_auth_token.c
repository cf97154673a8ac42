/* Each hostile token must be refused for its own fault: the tables below are RFC 8725's advice,
 * case by case. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tokens.h"

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
			tokens_refuse(KEY_A, NULL, payload.at, cases[i].why);
		else
			bud_identity_unref(tokens_identify(KEY_A, NULL, payload.at));
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
			tokens_refuse(KEY_B, cases[i].header, payload.at, cases[i].why);
		else
			bud_identity_unref(tokens_identify(KEY_B, cases[i].header, payload.at));
	}
	/* ID tokens. */
	tokens_refuse(KEY_A, NULL, "{" USER ",\"nonce\":\"n\"}", "ID token");
	tokens_refuse(KEY_A, NULL, "{" USER ",\"at_hash\":\"n\"}", "ID token");
	/* An audience that need not be there, but if it is it must be ours. */
	bud_identity_unref(tokens_identify(KEY_P256, NULL,
		"{\"iss\":\"https://p.example/\"," GOOD_IN ",\"urn:altinn:userid\":1}"));
	tokens_refuse(KEY_P256, NULL,
		"{\"iss\":\"https://p.example/\",\"aud\":\"them\"," GOOD_IN
		",\"urn:altinn:userid\":1}",
		"audience");
}

/* H1.11: the signature comes before everything. */
static void test_keys_and_issuers(void **state)
{
	(void)state;
	/* Another issuer's valid key under our issuer's name, with its own kid and with ours. */
	tokens_refuse(KEY_B, NULL, "{" USER "}", "key that its issuer does not have");
	tokens_refuse(KEY_B, "{\"alg\":\"RS256\",\"kid\":\"a\"}", "{" USER "}", "signature");
	tokens_refuse(KEY_B, "{\"alg\":\"RS256\"}", "{" USER "}", "signature");
	/* Another issuer's name by our issuer's key. */
	tokens_refuse(KEY_A, "{\"alg\":\"RS256\",\"kid\":\"b\",\"typ\":\"at+jwt\"}",
		SUB ",\"sub\":\"x\"}", "signature");
	tokens_refuse(
		KEY_A, NULL, "{\"iss\":\"https://evil.example/\"," GOOD_IN "}", "not trusted");
	tokens_refuse(KEY_A, NULL, "{\"iss\":\"https://a.example\"," GOOD_IN "}", "not trusted");
	tokens_refuse(KEY_A, NULL, "{\"iss\":[\"https://a.example/\"]," GOOD_IN "}", "not trusted");
	tokens_refuse(KEY_A, NULL, "{" GOOD_IN "}", "not trusted");
	/* An algorithm of its key that this issuer is not configured for. */
	tokens_refuse(KEY_A, "{\"alg\":\"RS512\",\"kid\":\"a\"}", "{" USER "}", "algorithm");
	tokens_refuse(KEY_A, "{\"alg\":\"PS256\",\"kid\":\"a\"}", "{" USER "}", "algorithm");
	tokens_refuse(KEY_P256, "{\"alg\":\"RS256\",\"kid\":\"p\"}",
		"{\"iss\":\"https://p.example/\"," GOOD_IN "}", "algorithm");
	/* Without a kid the only key is meant. */
	bud_identity_unref(tokens_identify(KEY_A, "{\"alg\":\"RS256\"}", "{" USER "}"));
	bud_identity_unref(tokens_identify(KEY_PSS, NULL,
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
	test_key_write_pem(tokens_keys[KEY_A], &pem);
	for (size_t i = 0; i < 3; i++) {
		test_token_sign_hmac(bud_buffer_as_span(&pem), headers[i], "{" USER "}", &token);
		assert_int_equal(
			tokens_check(bud_buffer_as_span(&token), &answer, &error), BUD_TOKEN_BAD);
	}
	test_token_begin(headers[1], "{" USER "}", &token);
	bud_buffer_byte(&token, '.');
	assert_int_equal(tokens_check(bud_buffer_as_span(&token), &answer, &error), BUD_TOKEN_BAD);
}

/* A new key may be there by now: that is for whoever can ask. */
static void test_unknown_key(void **state)
{
	bud_auto(buffer) struct bud_buffer token = {0};
	struct bud_token_answer answer = {.issuer = 9};
	struct bud_error error;

	(void)state;
	test_token_sign(tokens_keys[KEY_A], BUD_JWS_RS256, "{\"alg\":\"RS256\",\"kid\":\"new\"}",
		"{" USER "}", &token);
	assert_int_equal(
		tokens_check(bud_buffer_as_span(&token), &answer, &error), BUD_TOKEN_KEY_UNKNOWN);
	assert_int_equal(answer.issuer, 0);
	assert_null(answer.identity);
}

static void test_keys_that_are_not_there(void **state)
{
	struct bud_trust *other = bud_trust_create(tokens_issuers);
	const struct bud_trust_set *before = tokens_set;
	bud_auto(buffer) struct bud_buffer token = {0};
	struct bud_token_answer answer = {.issuer = 9};
	struct bud_error error;

	(void)state;
	bud_trust_put_keys(other, 0, NULL);
	tokens_set = bud_trust_take(other);
	test_token_sign(tokens_keys[KEY_A], BUD_JWS_RS256, NULL, "{" USER "}", &token);
	assert_int_equal(
		tokens_check(bud_buffer_as_span(&token), &answer, &error), BUD_TOKEN_NO_KEYS);
	assert_int_equal(answer.issuer, 0);
	assert_int_equal(bud_token_serial(tokens_set, 0), 0);
	assert_int_not_equal(bud_token_serial(tokens_set, 1), 0);
	bud_trust_set_unref(tokens_set);
	tokens_set = before;
	bud_trust_destroy(other);
}

/* What is told of a fault has nothing of the token in it. */
static void test_nothing_is_quoted(void **state)
{
	bud_auto(buffer) struct bud_buffer token = {0};
	struct bud_token_answer answer;
	struct bud_error error;

	(void)state;
	test_token_sign(tokens_keys[KEY_A], BUD_JWS_RS256,
		"{\"alg\":\"RS256\",\"kid\":\"secretkid\"}", "{" USER ",\"pid\":\"13861498942\"}",
		&token);
	(void)tokens_check(bud_buffer_as_span(&token), &answer, &error);
	assert_null(strstr(error.text, "secretkid"));
	tokens_refuse(KEY_A, NULL, "{" TTD ",\"pid\":\"13861498943\"}", "its pid cannot be used");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_audience_type_and_kind),
		cmocka_unit_test(test_keys_and_issuers),
		cmocka_unit_test(test_public_key_as_secret),
		cmocka_unit_test(test_unknown_key),
		cmocka_unit_test(test_keys_that_are_not_there),
		cmocka_unit_test(test_nothing_is_quoted),
	};

	return cmocka_run_group_tests(tests, tokens_start, tokens_finish);
}
