/* A signing key. OpenSSL holds the private part; the public part and its thumbprint, which never
 * change, stand ready. */
#include "crypto/signing_key.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "core/random.h"
#include "crypto/base64.h"
#include "crypto/digest.h"
#include "crypto/insist.h"

static const char prefix[] = "whsk_";
static const char public_prefix[] = "whpk_";

struct bud_signing_key {
	EVP_PKEY *handle;
	unsigned char public_bytes[BUD_ED25519_BYTES];
	char x[BUD_BASE64_LEN(BUD_ED25519_BYTES) + 1]; /* the public key as a JWK spells it */
	char id[BUD_SIGNING_KEY_ID_BYTES];
};

/* RFC 7638, section 3: the required members in the order of their names, without blanks. */
static void make_id(struct bud_signing_key *key)
{
	unsigned char digest[BUD_SHA256_BYTES];
	bud_auto(buffer) struct bud_buffer jwk = {0};
	char text[BUD_BASE64_LEN(BUD_SHA256_BYTES) + 1];

	bud_buffer_format(&jwk, "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"%s\"}", key->x);
	bud_digest_sha256(bud_buffer_as_span(&jwk), digest);
	text[bud_base64url_encode(digest, sizeof(digest), text)] = '\0';
	memcpy(key->id, text, sizeof(key->id));
}

static struct bud_signing_key *create(const unsigned char seed[BUD_ED25519_BYTES])
{
	struct bud_signing_key *key = bud_new(struct bud_signing_key);
	size_t len = sizeof(key->public_bytes);

	key->handle = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, BUD_ED25519_BYTES);
	bud_insist(key->handle != NULL);
	bud_insist(EVP_PKEY_get_raw_public_key(key->handle, key->public_bytes, &len));
	key->x[bud_base64url_encode(key->public_bytes, len, key->x)] = '\0';
	make_id(key);
	return key;
}

static int fail(struct bud_error *error)
{
	return bud_error_set(error, NULL,
		"a signing key is \"%s\" followed by base64 of 32 bytes (the seed) or of 64 (the "
		"seed and its public key)",
		prefix);
}

int bud_signing_key_parse(
	struct bud_span text, struct bud_signing_key **out_key, struct bud_error *error)
{
	unsigned char bytes[2 * BUD_ED25519_BYTES];
	struct bud_signing_key *key = NULL;
	size_t len = 0;
	int r = -EINVAL;

	if (bud_span_starts(text, bud_span(prefix)))
		r = bud_base64_decode(
			(struct bud_span){text.at + strlen(prefix), text.len - strlen(prefix)},
			BUD_BASE64_UNPADDED, bytes, sizeof(bytes), &len);
	if (r < 0 || (len != BUD_ED25519_BYTES && len != sizeof(bytes))) {
		OPENSSL_cleanse(bytes, sizeof(bytes));
		return fail(error);
	}
	key = create(bytes);
	r = 0;
	if (len == sizeof(bytes) &&
		memcmp(bytes + BUD_ED25519_BYTES, key->public_bytes, BUD_ED25519_BYTES) != 0) {
		r = bud_error_set(error, NULL,
			"the second half of a \"%s\" key must be the public key of the first",
			prefix);
		bud_signing_key_destroy(key);
	}
	OPENSSL_cleanse(bytes, sizeof(bytes));
	if (r == 0)
		*out_key = key;
	return r;
}

struct bud_signing_key *bud_signing_key_generate(void)
{
	unsigned char seed[BUD_ED25519_BYTES];
	struct bud_signing_key *key;

	bud_random_bytes(seed, sizeof(seed));
	key = create(seed);
	OPENSSL_cleanse(seed, sizeof(seed));
	return key;
}

void bud_signing_key_destroy(struct bud_signing_key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->handle); /* OpenSSL cleanses it with its last reference */
	free(key);
}

void bud_signing_key_write(const struct bud_signing_key *key, struct bud_buffer *out)
{
	unsigned char bytes[2 * BUD_ED25519_BYTES];
	size_t len = BUD_ED25519_BYTES;

	bud_insist(EVP_PKEY_get_raw_private_key(key->handle, bytes, &len));
	memcpy(bytes + BUD_ED25519_BYTES, key->public_bytes, BUD_ED25519_BYTES);
	bud_buffer_text(out, prefix);
	bud_base64_write((struct bud_span){(const char *)bytes, sizeof(bytes)}, out);
	OPENSSL_cleanse(bytes, sizeof(bytes));
}

void bud_signing_key_write_public(const struct bud_signing_key *key, struct bud_buffer *out)
{
	bud_buffer_text(out, public_prefix);
	bud_base64_write(
		(struct bud_span){(const char *)key->public_bytes, BUD_ED25519_BYTES}, out);
}

const char *bud_signing_key_id(const struct bud_signing_key *key)
{
	return key->id;
}

void bud_jwks_write(const struct bud_signing_key *const *keys, size_t n, struct bud_buffer *out)
{
	bud_buffer_text(out, "{\"keys\":[");
	for (size_t i = 0; i < n; i++)
		bud_buffer_format(out,
			"%s{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"alg\":\"EdDSA\",\"use\":\"sig\","
			"\"kid\":\"%s\",\"x\":\"%s\"}",
			i > 0 ? "," : "", keys[i]->id, keys[i]->x);
	bud_buffer_text(out, "]}");
}

void bud_signing_key_sign(const struct bud_signing_key *key, struct bud_span bytes,
	unsigned char out[BUD_ED25519_SIGNATURE_BYTES])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t len = BUD_ED25519_SIGNATURE_BYTES;

	bud_insist(context != NULL);
	bud_insist(EVP_DigestSignInit(context, NULL, NULL, NULL, key->handle));
	bud_insist(EVP_DigestSign(context, out, &len, (const void *)bytes.at, bytes.len));
	EVP_MD_CTX_free(context);
}

int bud_public_key_parse(struct bud_span text, unsigned char out[BUD_ED25519_BYTES])
{
	unsigned char bytes[BUD_ED25519_BYTES];
	size_t prefix_len = strlen(public_prefix);
	size_t len = 0;

	if (!bud_span_starts(text, bud_span(public_prefix)))
		return -EINVAL;
	text = (struct bud_span){text.at + prefix_len, text.len - prefix_len};
	if (bud_base64_decode(text, BUD_BASE64_UNPADDED, bytes, sizeof(bytes), &len) < 0 ||
		len != sizeof(bytes))
		return -EINVAL;
	memcpy(out, bytes, sizeof(bytes));
	return 0;
}

void *bud_signing_key_handle(const struct bud_signing_key *key)
{
	return key->handle;
}
