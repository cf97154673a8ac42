/* Digests: SHA-256 of bytes, keyed or not, and its text in hex. */
#pragma once
#include <stddef.h>
#include "core/text.h"

#define BUD_SHA256_BYTES 32

void bud_digest_sha256(struct bud_span bytes, unsigned char out[BUD_SHA256_BYTES]);
/* HMAC-SHA256 (RFC 2104) once; for many under one key make a signer. */
void bud_digest_hmac_sha256(
	struct bud_span key, struct bud_span bytes, unsigned char out[BUD_SHA256_BYTES]);
/* 2 * len lower-case digits and a NUL. */
void bud_digest_hex(const unsigned char *bytes, size_t len, char *out);
