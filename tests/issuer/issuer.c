/* The issuer of tests. */
#include "issuer.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#include "crypto/base64.h"
#include "crypto/digest.h"

struct test_key {
	EVP_PKEY *handle;
	enum bud_jws_algorithm algorithm;
	char *kid;
};

static struct test_key *wrap(EVP_PKEY *handle, enum bud_jws_algorithm algorithm, const char *kid)
{
	struct test_key *key = bud_new(struct test_key);

	assert(handle);
	*key = (struct test_key){handle, algorithm, bud_strdup(kid)};
	return key;
}

struct test_key *test_key_create_rsa(unsigned bits, const char *kid)
{
	return wrap(EVP_RSA_gen(bits), BUD_JWS_RS256, kid);
}

struct test_key *test_key_create(enum bud_jws_algorithm algorithm, const char *kid)
{
	switch (algorithm) {
	case BUD_JWS_ES256:
		return wrap(EVP_EC_gen("P-256"), algorithm, kid);
	case BUD_JWS_EDDSA:
		return wrap(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), algorithm, kid);
	default:
		return test_key_create_rsa(2048, kid);
	}
}

void test_key_destroy(struct test_key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->handle);
	free(key->kid);
	free(key);
}

const char *test_key_kid(const struct test_key *key)
{
	return key->kid;
}

static void write_base64url(const void *bytes, size_t len, struct bud_buffer *out)
{
	char *at = bud_buffer_reserve(out, BUD_BASE64_LEN(len) + 1);

	out->len += bud_base64url_encode(bytes, len, at);
	out->at[out->len] = '\0';
}

static void write_number(
	const struct test_key *key, const char *name, const char *param, struct bud_buffer *out)
{
	unsigned char bytes[1024];
	BIGNUM *number = NULL;
	int len;

	assert(EVP_PKEY_get_bn_param(key->handle, param, &number));
	len = key->algorithm == BUD_JWS_ES256 ? BN_bn2binpad(number, bytes, 32)
					      : BN_bn2bin(number, bytes);
	bud_buffer_format(out, ",\"%s\":\"", name);
	write_base64url(bytes, (size_t)len, out);
	bud_buffer_byte(out, '"');
	BN_free(number);
}

void test_key_write_jwk(const struct test_key *key, const char *more, struct bud_buffer *out)
{
	unsigned char point[32];
	size_t len = sizeof(point);

	bud_buffer_format(out, "{\"kid\":\"%s\",\"use\":\"sig\"", key->kid);
	switch (key->algorithm) {
	case BUD_JWS_ES256:
		bud_buffer_text(out, ",\"kty\":\"EC\",\"crv\":\"P-256\"");
		write_number(key, "x", OSSL_PKEY_PARAM_EC_PUB_X, out);
		write_number(key, "y", OSSL_PKEY_PARAM_EC_PUB_Y, out);
		break;
	case BUD_JWS_EDDSA:
		assert(EVP_PKEY_get_raw_public_key(key->handle, point, &len));
		bud_buffer_text(out, ",\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"");
		write_base64url(point, len, out);
		bud_buffer_byte(out, '"');
		break;
	default:
		bud_buffer_text(out, ",\"kty\":\"RSA\"");
		write_number(key, "n", OSSL_PKEY_PARAM_RSA_N, out);
		write_number(key, "e", OSSL_PKEY_PARAM_RSA_E, out);
	}
	bud_buffer_format(out, "%s}", more);
}

void test_keys_write_set(struct test_key *const *keys, size_t n, struct bud_buffer *out)
{
	bud_buffer_text(out, "{\"keys\":[");
	for (size_t i = 0; i < n; i++) {
		bud_buffer_text(out, i > 0 ? "," : "");
		test_key_write_jwk(keys[i], "", out);
	}
	bud_buffer_text(out, "]}");
}

void test_key_write_pem(const struct test_key *key, struct bud_buffer *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long len;

	assert(bio && PEM_write_bio_PUBKEY(bio, key->handle));
	len = BIO_get_mem_data(bio, &text);
	bud_buffer_add(out, text, (size_t)len);
	BIO_free(bio);
}

void test_token_begin(const char *header, const char *payload, struct bud_buffer *out)
{
	bud_buffer_clear(out);
	write_base64url(header, strlen(header), out);
	bud_buffer_byte(out, '.');
	write_base64url(payload, strlen(payload), out);
}

static size_t from_der(const unsigned char *der, size_t len, unsigned char out[64])
{
	ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &der, (long)len);

	assert(signature);
	assert(BN_bn2binpad(ECDSA_SIG_get0_r(signature), out, 32) == 32);
	assert(BN_bn2binpad(ECDSA_SIG_get0_s(signature), out + 32, 32) == 32);
	ECDSA_SIG_free(signature);
	return 64;
}

static const EVP_MD *digest_of(enum bud_jws_algorithm algorithm)
{
	if (algorithm == BUD_JWS_EDDSA)
		return NULL;
	if (algorithm == BUD_JWS_RS384)
		return EVP_sha384();
	return algorithm == BUD_JWS_RS512 ? EVP_sha512() : EVP_sha256();
}

void test_token_sign(const struct test_key *key, enum bud_jws_algorithm algorithm,
	const char *header, const char *payload, struct bud_buffer *out)
{
	bud_auto(buffer) struct bud_buffer usual = {0};
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *padding = NULL;
	unsigned char signature[1024], raw[64];
	size_t len = sizeof(signature);

	bud_buffer_format(&usual, "{\"alg\":\"%s\",\"kid\":\"%s\",\"typ\":\"JWT\"}",
		bud_jws_algorithm_word(algorithm), key->kid);
	test_token_begin(header ? header : usual.at, payload, out);
	assert(EVP_DigestSignInit(context, &padding, digest_of(algorithm), NULL, key->handle) == 1);
	if (algorithm == BUD_JWS_PS256) {
		assert(EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PSS_PADDING) == 1);
		assert(EVP_PKEY_CTX_set_rsa_pss_saltlen(padding, RSA_PSS_SALTLEN_DIGEST) == 1);
	}
	assert(EVP_DigestSign(context, signature, &len, (const unsigned char *)out->at, out->len) ==
		1);
	EVP_MD_CTX_free(context);
	bud_buffer_byte(out, '.');
	if (algorithm == BUD_JWS_ES256)
		write_base64url(raw, from_der(signature, len, raw), out);
	else
		write_base64url(signature, len, out);
}

void test_token_sign_hmac(
	struct bud_span secret, const char *header, const char *payload, struct bud_buffer *out)
{
	unsigned char digest[BUD_SHA256_BYTES];

	test_token_begin(header, payload, out);
	bud_digest_hmac_sha256(secret, bud_buffer_as_span(out), digest);
	bud_buffer_byte(out, '.');
	write_base64url(digest, sizeof(digest), out);
}
