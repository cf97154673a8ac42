/* A signing key must be read and written as Standard Webhooks' v1a spells it, named as RFC 7638
 * says, refused when its halves do not belong together, and never shown in a JWK set or an error.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "crypto/base64.h"
#include "crypto/signing_key.h"

#define SEED   "6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMb"
#define KEY    "whsk_" SEED "fVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
#define PUBLIC "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="

static struct bud_signing_key *parse(const char *text)
{
	struct bud_signing_key *key = NULL;

	assert_int_equal(bud_signing_key_parse(bud_span(text), &key, NULL), 0);
	return key;
}

static void check_texts(const struct bud_signing_key *key, const char *private, const char *public)
{
	bud_auto(buffer) struct bud_buffer text = {0};

	bud_signing_key_write(key, &text);
	assert_string_equal(text.at, private);
	bud_buffer_clear(&text);
	bud_signing_key_write_public(key, &text);
	assert_string_equal(text.at, public);
}

static void test_vector_c(void **state)
{
	/* The last character of a seed alone has no bits of the public key. */
	static const char *const forms[] = {KEY, "whsk_" SEED "c=", "whsk_" SEED "c"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct bud_signing_key *key = parse(forms[i]);
		check_texts(key, KEY, PUBLIC);
		bud_signing_key_destroy(key);
	}
	bud_signing_key_destroy(NULL);
}

/* RFC 8037, appendix A.1 to A.4: the key, its public part, its thumbprint, a signature. */
static void test_rfc_8037(void **state)
{
	static const char header[] = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
	struct bud_signing_key *key = parse("whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=");
	unsigned char signature[BUD_ED25519_SIGNATURE_BYTES];
	bud_auto(buffer) struct bud_buffer jwks = {0};
	char text[BUD_BASE64_LEN(64) + 1];

	(void)state;
	assert_string_equal(bud_signing_key_id(key), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
	bud_jwks_write((const struct bud_signing_key *const[]){key}, 1, &jwks);
	assert_string_equal(jwks.at,
		"{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"alg\":\"EdDSA\",\"use\":\"sig\","
		"\"kid\":\"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k\","
		"\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}");
	bud_signing_key_sign(key, bud_span(header), signature);
	text[bud_base64url_encode(signature, sizeof(signature), text)] = '\0';
	assert_string_equal(text, "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5B"
				  "hVsPt9g7sVvpAr_MuM0KAg");
	bud_signing_key_destroy(key);
}

static void test_jwks_of_none_and_two(void **state)
{
	struct bud_signing_key *one = bud_signing_key_generate();
	struct bud_signing_key *two = bud_signing_key_generate();
	const struct bud_signing_key *const keys[] = {one, two};
	bud_auto(buffer) struct bud_buffer out = {0};

	(void)state;
	bud_jwks_write(NULL, 0, &out);
	assert_string_equal(out.at, "{\"keys\":[]}");
	bud_buffer_clear(&out);
	bud_jwks_write(keys, 2, &out);
	assert_non_null(strstr(out.at, "\"},{\""));
	assert_non_null(strstr(out.at, bud_signing_key_id(one)));
	assert_non_null(strstr(out.at, bud_signing_key_id(two)));
	assert_null(strstr(out.at, "\"d\""));
	assert_string_not_equal(bud_signing_key_id(one), bud_signing_key_id(two));
	bud_signing_key_destroy(one);
	bud_signing_key_destroy(two);
}

static void test_generated_keys_come_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < 20; i++) {
		bud_auto(buffer) struct bud_buffer private = {0};
		bud_auto(buffer) struct bud_buffer public = {0};
		struct bud_signing_key *key = bud_signing_key_generate();
		struct bud_signing_key *back;
		bud_signing_key_write(key, &private);
		bud_signing_key_write_public(key, &public);
		back = parse(private.at);
		check_texts(back, private.at, public.at);
		assert_string_equal(bud_signing_key_id(key), bud_signing_key_id(back));
		bud_signing_key_destroy(key);
		bud_signing_key_destroy(back);
	}
}

static void test_refused(void **state)
{
	static const char *const refused[] = {"", "whsk_", "whsk",
		SEED "c=", "whsec_" SEED "c=", "WHSK_" SEED "c=", " " KEY, KEY "\n", "whsk_" SEED,
		"whsk_" SEED "cAA==", KEY "AAAA", PUBLIC, "whsk_" SEED "c-",
		/* another public key */
		"whsk_" SEED "fVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvw=="};

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		struct bud_signing_key *key = NULL;
		struct bud_error error = {0};
		assert_int_equal(
			bud_signing_key_parse(bud_span(refused[i]), &key, &error), -EINVAL);
		assert_null(key);
		assert_non_null(strstr(error.text, "whsk_"));
		assert_null(strstr(error.text, "6Xb/"));
	}
}

static void test_public_keys(void **state)
{
	static const char *const refused[] = {"", "whpk_", KEY, PUBLIC "A", "whpk_AAAA",
		"whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir5="};
	unsigned char bytes[BUD_ED25519_BYTES];

	(void)state;
	assert_int_equal(bud_public_key_parse(bud_span(PUBLIC), bytes), 0);
	assert_int_equal(bytes[0], 0xd5);
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		assert_int_equal(bud_public_key_parse(bud_span(refused[i]), bytes), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vector_c),
		cmocka_unit_test(test_rfc_8037),
		cmocka_unit_test(test_jwks_of_none_and_two),
		cmocka_unit_test(test_generated_keys_come_back),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_public_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
