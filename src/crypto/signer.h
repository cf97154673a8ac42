/* A signer: one secret made ready, so that signing a delivery costs one pass over its body. */
#pragma once
#include <stdint.h>
#include "core/text.h"

struct bud_secret; /* crypto/secret.h */
struct bud_signer; /* opaque; belongs to one thread; about 1 KiB inside OpenSSL */

/* "v1," and 44 characters of base64, with a NUL. */
#define BUD_SIGNATURE_TEXT_BYTES 48

/* Copies the secret. Never NULL. Costs a few microseconds: keep it for many deliveries. */
struct bud_signer *bud_signer_create(const struct bud_secret *secret);
void bud_signer_destroy(struct bud_signer *signer);
/* Writes the value of `webhook-signature` for exactly these bytes (Standard Webhooks 1.0.0, v1).
 * `id` has no dot. `timestamp_s` is of this attempt. */
void bud_signer_sign(struct bud_signer *signer, struct bud_span id, int64_t timestamp_s,
	struct bud_span body, char out[BUD_SIGNATURE_TEXT_BYTES]);
