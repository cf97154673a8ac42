/* A token must verify with the key that signed it in each algorithm, and in no other way: not with
 * a byte changed, not with another key, not unsigned, not with a public key for a secret, not when
 * two readers could read it differently. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>
#include <cmocka.h>

#include "crypto/jws.h"
#include "issuer.h"

#define PAYLOAD "{\"iss\":\"https://issuer.example/\",\"exp\":1}"

static struct test_key *rsa, *other_rsa, *p256, *ed25519;
static struct bud_jwk_set *set; /* all of them */

static int start(void **state)
{
	bud_auto(buffer) struct bud_buffer json = {0};

	(void)state;
	rsa = test_key_create(BUD_JWS_RS256, "rsa");
	other_rsa = test_key_create(BUD_JWS_RS256, "other");
	p256 = test_key_create(BUD_JWS_ES256, "p256");
	ed25519 = test_key_create(BUD_JWS_EDDSA, "ed25519");
	test_keys_write_set((struct test_key *[]){rsa, other_rsa, p256, ed25519}, 4, &json);
	return bud_jwk_set_parse(bud_buffer_as_span(&json), &set, NULL);
}

static int finish(void **state)
{
	(void)state;
	bud_jwk_set_unref(set);
	test_key_destroy(rsa);
	test_key_destroy(other_rsa);
	test_key_destroy(p256);
	test_key_destroy(ed25519);
	return 0;
}

/* By the key that it names. */
static bool is_good(struct bud_span token)
{
	struct bud_jws jws = {0};
	const struct bud_jwk *key;
	bool is_well = bud_jws_parse(token, &jws, NULL) == 0;

	is_well = is_well &&
		  bud_jwk_set_choose(set, jws.kid, jws.algorithm, &key) == BUD_JWK_FOUND &&
		  bud_jws_is_signed_by(&jws, key);
	bud_jws_finish(&jws);
	return is_well;
}

static struct test_key *key_for(enum bud_jws_algorithm algorithm)
{
	return algorithm == BUD_JWS_ES256 ? p256 : algorithm == BUD_JWS_EDDSA ? ed25519 : rsa;
}

static void test_each_algorithm(void **state)
{
	bud_auto(buffer) struct bud_buffer token = {0};

	(void)state;
	for (unsigned i = 0; i < BUD_JWS_ALGORITHMS; i++) {
		enum bud_jws_algorithm algorithm = (enum bud_jws_algorithm)i;
		struct bud_jws jws = {0};
		test_token_sign(key_for(algorithm), algorithm, NULL, PAYLOAD, &token);
		assert_true(is_good(bud_buffer_as_span(&token)));
		assert_int_equal(bud_jws_parse(bud_buffer_as_span(&token), &jws, NULL), 0);
		assert_int_equal(jws.algorithm, algorithm);
		assert_string_equal(jws.typ, "JWT");
		assert_string_equal(json_string_value(json_object_get(jws.payload, "iss")),
			"https://issuer.example/");
		bud_jws_finish(&jws);
	}
}

/* RFC 7515, appendix A.2 and A.3: made by others. */
static void test_rfc_7515(void **state)
{
	static const char payload[] =
		"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290"
		"Ijp0cnVlfQ";
	static const char keys[] =
		"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":"
		"\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":"
		"\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"},{\"kty\":\"RSA\",\"e\":\"AQAB\","
		"\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrc"
		"S2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0"
		"LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxv"
		"b3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9g"
		"b54h4FRWyuXpoQ\"}]}";
	static const char *const ends[][2] = {
		{"eyJhbGciOiJSUzI1NiJ9",
			"cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Q"
			"c_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTy"
			"WzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwu"
			"sC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5A"
			"XLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"},
		{"eyJhbGciOiJFUzI1NiJ9",
			"DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqP"
			"P3-Kg6NU1Q"},
	};
	struct bud_jwk_set *theirs = NULL;

	(void)state;
	assert_int_equal(bud_jwk_set_parse(bud_span(keys), &theirs, NULL), 0);
	for (size_t i = 0; i < 2; i++) {
		bud_auto(buffer) struct bud_buffer token = {0};
		struct bud_jws jws = {0};
		const struct bud_jwk *key = NULL;
		bud_buffer_format(&token, "%s.%s.%s", ends[i][0], payload, ends[i][1]);
		assert_int_equal(bud_jws_parse(bud_buffer_as_span(&token), &jws, NULL), 0);
		assert_int_equal(
			bud_jwk_set_choose(theirs, jws.kid, jws.algorithm, &key), BUD_JWK_FOUND);
		assert_true(bud_jws_is_signed_by(&jws, key));
		bud_jws_finish(&jws);
	}
	bud_jwk_set_unref(theirs);
}

static void test_every_flipped_byte(void **state)
{
	bud_auto(buffer) struct bud_buffer token = {0};

	(void)state;
	for (unsigned i = 0; i < BUD_JWS_ALGORITHMS; i++) {
		enum bud_jws_algorithm algorithm = (enum bud_jws_algorithm)i;
		test_token_sign(key_for(algorithm), algorithm, NULL, PAYLOAD, &token);
		for (size_t at = 0; at < token.len; at += 1 + at / 40) {
			char was = token.at[at];
			token.at[at] = was == 'A' ? 'B' : 'A';
			assert_false(is_good(bud_buffer_as_span(&token)));
			token.at[at] = was;
		}
		assert_true(is_good(bud_buffer_as_span(&token)));
	}
}

static void check_header(struct test_key *key, enum bud_jws_algorithm algorithm, const char *header,
	bool is_accepted)
{
	bud_auto(buffer) struct bud_buffer token = {0};

	test_token_sign(key, algorithm, header, PAYLOAD, &token);
	if (is_good(bud_buffer_as_span(&token)) != is_accepted)
		fail_msg("header %s", header);
}

static void test_headers(void **state)
{
	(void)state;
	check_header(rsa, BUD_JWS_RS256, "{\"alg\":\"RS256\",\"kid\":\"rsa\"}", true);
	/* Where it says its keys are is not looked at. */
	check_header(rsa, BUD_JWS_RS256,
		"{\"alg\":\"RS256\",\"kid\":\"rsa\",\"jku\":\"https://evil.example/\","
		"\"x5u\":\"https://evil.example/\",\"jwk\":{},\"x5c\":[\"MII\"]}",
		true);
	check_header(other_rsa, BUD_JWS_RS256, "{\"alg\":\"RS256\",\"kid\":\"rsa\"}", false);
	check_header(rsa, BUD_JWS_RS256, "{\"alg\":\"RS256\",\"kid\":\"p256\"}", false);
	check_header(rsa, BUD_JWS_RS256, "{\"alg\":\"RS256\",\"kid\":\"none\"}", false);
	check_header(rsa, BUD_JWS_RS256, "{\"alg\":\"RS256\"}", false); /* two could be it */
	check_header(rsa, BUD_JWS_RS256, "{\"alg\":\"PS256\",\"kid\":\"rsa\"}", false);
	check_header(rsa, BUD_JWS_PS256, "{\"alg\":\"RS256\",\"kid\":\"rsa\"}", false);
	check_header(rsa, BUD_JWS_RS256, "{\"alg\":\"rs256\",\"kid\":\"rsa\"}", false);
	check_header(rsa, BUD_JWS_RS256, "{\"alg\":\"none\",\"kid\":\"rsa\"}", false);
	check_header(rsa, BUD_JWS_RS256, "{\"alg\":\"HS256\",\"kid\":\"rsa\"}", false);
	check_header(rsa, BUD_JWS_RS256, "{\"alg\":[\"RS256\"],\"kid\":\"rsa\"}", false);
	check_header(rsa, BUD_JWS_RS256, "{\"kid\":\"rsa\"}", false);
	check_header(rsa, BUD_JWS_RS256, "{\"alg\":\"RS256\",\"kid\":7}", false);
	check_header(rsa, BUD_JWS_RS256, "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"typ\":7}", false);
	check_header(
		rsa, BUD_JWS_RS256, "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"kid\":\"other\"}", false);
	check_header(rsa, BUD_JWS_RS256, "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"crit\":[\"exp\"]}",
		false);
	check_header(
		rsa, BUD_JWS_RS256, "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"zip\":\"DEF\"}", false);
	check_header(rsa, BUD_JWS_RS256, "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"enc\":\"A128GCM\"}",
		false);
	check_header(
		rsa, BUD_JWS_RS256, "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"b64\":false}", false);
	check_header(rsa, BUD_JWS_RS256, "[\"RS256\"]", false);
	check_header(rsa, BUD_JWS_RS256, "{\"alg\":\"RS256\",\"kid\":\"rsa\"} x", false);
}

/* The public key, which everybody has, taken for the secret of an HMAC. */
static void test_public_key_as_secret(void **state)
{
	static const char *const headers[] = {"{\"alg\":\"HS256\",\"kid\":\"rsa\"}",
		"{\"alg\":\"RS256\",\"kid\":\"rsa\"}", "{\"alg\":\"EdDSA\",\"kid\":\"ed25519\"}"};
	bud_auto(buffer) struct bud_buffer pem = {0};
	bud_auto(buffer) struct bud_buffer token = {0};

	(void)state;
	test_key_write_pem(rsa, &pem);
	for (size_t i = 0; i < 3; i++) {
		test_token_sign_hmac(bud_buffer_as_span(&pem), headers[i], PAYLOAD, &token);
		assert_false(is_good(bud_buffer_as_span(&token)));
	}
}

static void test_shapes(void **state)
{
	static const char *const shapes[] = {"", ".", "..", "...", "a.b.c", "e30.e30.", "e30..AAAA",
		".e30.AAAA", "e30.e30.AAAA", "e30", "e30.e30", "e30=.e30.AAAA"};
	bud_auto(buffer) struct bud_buffer token = {0};
	bud_auto(buffer) struct bud_buffer changed = {0};
	size_t dot;

	(void)state;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		assert_false(is_good(bud_span(shapes[i])));
	test_token_sign(rsa, BUD_JWS_RS256, NULL, PAYLOAD, &token);
	dot = (size_t)(strrchr(token.at, '.') - token.at);
	/* Unsigned, five parts as a JWE has, padding, the other alphabet, space around. */
	assert_false(is_good((struct bud_span){token.at, dot}));
	assert_false(is_good((struct bud_span){token.at, dot + 1}));
	bud_buffer_format(&changed, "%s.AAAA.AAAA", token.at);
	assert_false(is_good(bud_buffer_as_span(&changed)));
	bud_buffer_clear(&changed);
	bud_buffer_format(&changed, "%s=", token.at);
	assert_false(is_good(bud_buffer_as_span(&changed)));
	bud_buffer_clear(&changed);
	bud_buffer_format(&changed, " %s", token.at);
	assert_false(is_good(bud_buffer_as_span(&changed)));
	bud_buffer_clear(&changed);
	for (size_t i = 0; i < token.len; i++)
		bud_buffer_byte(&changed, token.at[i] == '-'   ? '+'
					  : token.at[i] == '_' ? '/'
							       : token.at[i]);
	if (strcmp(changed.at, token.at) != 0)
		assert_false(is_good(bud_buffer_as_span(&changed)));
}

static void test_payloads(void **state)
{
	static const char *const payloads[] = {"[]", "7", "\"x\"", "{\"iss\":1,\"iss\":2}",
		"{\"iss\":\"a\",\"\\u0069ss\":\"b\"}", "{\"exp\":1e400}", "{\"exp\":NaN}",
		"{\"a\":\"\xff\"}", "{\"a\":\"\\ud800\"}", "{} {}"};
	bud_auto(buffer) struct bud_buffer token = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
		test_token_sign(rsa, BUD_JWS_RS256, NULL, payloads[i], &token);
		if (is_good(bud_buffer_as_span(&token)))
			fail_msg("payload %s", payloads[i]);
	}
}

static void test_length(void **state)
{
	bud_auto(buffer) struct bud_buffer payload = {0};
	bud_auto(buffer) struct bud_buffer token = {0};

	(void)state;
	bud_buffer_text(&payload, "{\"x\":\"");
	while (payload.len < BUD_JWS_BYTES_MAX * 3 / 4 - 600)
		bud_buffer_byte(&payload, 'x');
	bud_buffer_text(&payload, "\"}");
	test_token_sign(rsa, BUD_JWS_RS256, NULL, payload.at, &token);
	assert_true(token.len <= BUD_JWS_BYTES_MAX);
	assert_true(is_good(bud_buffer_as_span(&token)));
	payload.len -= 2;
	while (payload.len < BUD_JWS_BYTES_MAX)
		bud_buffer_byte(&payload, 'x');
	bud_buffer_text(&payload, "\"}");
	test_token_sign(rsa, BUD_JWS_RS256, NULL, payload.at, &token);
	assert_false(is_good(bud_buffer_as_span(&token)));
}

/* ES256 signatures are 64 bytes, never DER; EdDSA's are 64. */
static void test_signature_lengths(void **state)
{
	bud_auto(buffer) struct bud_buffer token = {0};
	static const enum bud_jws_algorithm algorithms[] = {
		BUD_JWS_ES256, BUD_JWS_EDDSA, BUD_JWS_RS256};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		test_token_sign(key_for(algorithms[i]), algorithms[i], NULL, PAYLOAD, &token);
		assert_false(is_good((struct bud_span){token.at, token.len - 4}));
		bud_buffer_text(&token, "AAAA");
		assert_false(is_good(bud_buffer_as_span(&token)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_algorithm),
		cmocka_unit_test(test_rfc_7515),
		cmocka_unit_test(test_every_flipped_byte),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_public_key_as_secret),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_payloads),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_signature_lengths),
	};

	return cmocka_run_group_tests(tests, start, finish);
}
