/* Digests. */
#include "crypto/digest.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

void bud_digest_sha256(struct bud_span bytes, unsigned char out[BUD_SHA256_BYTES])
{
	if (EVP_Digest(bytes.at, bytes.len, out, NULL, EVP_sha256(), NULL))
		return;
	/* Only when memory is out. */
	fputs("level=error msg=\"OpenSSL cannot compute SHA-256\"\n", stderr);
	abort();
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
