/* A signing key: an Ed25519 key pair, as signature version v1a and RFC 9421 use it, written `whsk_`
 * (private) and `whpk_` (public) and base64, or as a JWK without its private part. */
#pragma once
#include <stddef.h>
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"

struct bud_signing_key; /* opaque; never changes, so threads may share it */

#define BUD_ED25519_BYTES           32
#define BUD_ED25519_SIGNATURE_BYTES 64
/* The text of bud_signing_key_id(), with its NUL. */
#define BUD_SIGNING_KEY_ID_BYTES 44

/* `whsk_` and base64 of the 32 bytes of the seed, with or without the 32 of the public key behind
 * them; padding may be left out. -EINVAL: `error` (may be NULL) says what is right and never quotes
 * the text. */
BUD_MUST_CHECK int bud_signing_key_parse(
	struct bud_span text, struct bud_signing_key **out_key, struct bud_error *error);
/* From the kernel's random bytes. Never NULL. */
struct bud_signing_key *bud_signing_key_generate(void);
/* Cleanses the seed. NULL is fine. */
void bud_signing_key_destroy(struct bud_signing_key *key);

/* Appends `whsk_...`: seed and public key. The caller keeps the buffer from logs and answers. */
void bud_signing_key_write(const struct bud_signing_key *key, struct bud_buffer *out);
/* Appends `whpk_...`, which receivers may have. */
void bud_signing_key_write_public(const struct bud_signing_key *key, struct bud_buffer *out);
/* The key's name for everybody: its JWK thumbprint (RFC 7638), 43 characters of base64url. */
const char *bud_signing_key_id(const struct bud_signing_key *key);
/* Appends a JWK set (RFC 7517, RFC 8037) with the public part of each key. */
void bud_jwks_write(const struct bud_signing_key *const *keys, size_t n, struct bud_buffer *out);
/* One signature (RFC 8032, pure). Costs more than a signer's: it makes a context each time. */
void bud_signing_key_sign(const struct bud_signing_key *key, struct bud_span bytes,
	unsigned char out[BUD_ED25519_SIGNATURE_BYTES]);

/* The public key behind `whpk_`. -EINVAL: it is none. */
BUD_MUST_CHECK int bud_public_key_parse(struct bud_span text, unsigned char out[BUD_ED25519_BYTES]);

/* For crypto/ only: the EVP_PKEY, lent. */
void *bud_signing_key_handle(const struct bud_signing_key *key);
