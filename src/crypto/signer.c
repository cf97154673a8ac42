/* A signer: HMAC-SHA256 over `{id}.{timestamp}.{body}`. The keyed context is made once; starting
 * again with a NULL key keeps the key's two hash blocks, which halves the cost of a short body. */
#include "crypto/signer.h"

#include <assert.h>
#include <inttypes.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "crypto/base64.h"
#include "crypto/digest.h"
#include "crypto/secret.h"

struct bud_signer {
	EVP_MAC_CTX *context;
};

/* OpenSSL fails here only when memory is out (or it was built without HMAC). */
static void insist(int ok)
{
	if (ok)
		return;
	fputs("level=error msg=\"OpenSSL cannot compute HMAC-SHA256\"\n", stderr);
	abort();
}

struct bud_signer *bud_signer_create(const struct bud_secret *secret)
{
	OSSL_PARAM settings[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){"SHA256"}, 0),
		OSSL_PARAM_construct_end(),
	};
	struct bud_signer *signer = bud_new(struct bud_signer);
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);

	assert(secret->len >= BUD_SECRET_BYTES_MIN && secret->len <= BUD_SECRET_BYTES_MAX);
	insist(hmac != NULL);
	signer->context = EVP_MAC_CTX_new(hmac);
	EVP_MAC_free(hmac); /* the context holds a reference */
	insist(signer->context != NULL);
	insist(EVP_MAC_init(signer->context, secret->bytes, secret->len, settings));
	return signer;
}

void bud_signer_destroy(struct bud_signer *signer)
{
	if (!signer)
		return;
	EVP_MAC_CTX_free(signer->context); /* OpenSSL cleanses the key */
	free(signer);
}

static void add(struct bud_signer *signer, const void *bytes, size_t len)
{
	insist(EVP_MAC_update(signer->context, bytes, len));
}

void bud_signer_sign(struct bud_signer *signer, struct bud_span id, int64_t timestamp_s,
	struct bud_span body, char out[BUD_SIGNATURE_TEXT_BYTES])
{
	unsigned char mac[BUD_SHA256_BYTES];
	char timestamp[24];
	size_t mac_len = 0;
	size_t len;

	snprintf(timestamp, sizeof(timestamp), ".%" PRId64 ".", timestamp_s);
	insist(EVP_MAC_init(signer->context, NULL, 0, NULL));
	add(signer, id.at, id.len);
	add(signer, timestamp, strlen(timestamp));
	add(signer, body.at, body.len);
	insist(EVP_MAC_final(signer->context, mac, &mac_len, sizeof(mac)));
	assert(mac_len == sizeof(mac));
	memcpy(out, "v1,", 3);
	len = 3 + bud_base64_encode(mac, sizeof(mac), out + 3);
	assert(len < BUD_SIGNATURE_TEXT_BYTES);
	out[len] = '\0';
}
