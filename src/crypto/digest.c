/* Digests. */
#include "crypto/digest.h"

#include <openssl/evp.h>

#include "crypto/insist.h"

void bud_digest_sha256(struct bud_span bytes, unsigned char out[BUD_SHA256_BYTES])
{
	bud_insist(EVP_Digest(bytes.at, bytes.len, out, NULL, EVP_sha256(), NULL));
}

void bud_digest_hmac_sha256(
	struct bud_span key, struct bud_span bytes, unsigned char out[BUD_SHA256_BYTES])
{
	size_t len = 0;

	bud_insist(EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key.at, key.len,
			   (const void *)bytes.at, bytes.len, out, BUD_SHA256_BYTES, &len) != NULL);
}

void bud_digest_hex(const unsigned char *bytes, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
	*out = '\0';
}
