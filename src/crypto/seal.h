/* Sealing: secrets as they lie in the store, AES-256-GCM under a key of the configuration, written
 * `sealed:v1:<key's name>:<base64 of nonce, text and tag>`. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"

#define BUD_SEAL_KEY_BYTES 32
/* The first seals, all open. */
#define BUD_SEAL_KEYS_MAX 8

struct bud_sealer; /* opaque; never changes, so threads may share it */

/* `keys` are texts of 32 bytes each, in base64 or as 64 hex digits, the newest first; a key given
 * twice is one. NULL in `out_sealer` when `n` is 0: nothing is sealed then. -EINVAL: `error` (may
 * be NULL) says which text is wrong and never quotes it. */
BUD_MUST_CHECK int bud_sealer_create(const struct bud_span *keys, size_t n,
	struct bud_sealer **out_sealer, struct bud_error *error);
/* Cleanses the keys. NULL is fine. */
void bud_sealer_destroy(struct bud_sealer *sealer);

/* Appends `text`, sealed. `place` is where it belongs ("subscription|secret"): it is not written,
 * but must be the same when it is opened, so that nobody moves a secret elsewhere. Without a sealer
 * (NULL) the text is appended as it is. */
void bud_seal_write(const struct bud_sealer *sealer, struct bud_span text, struct bud_span place,
	struct bud_buffer *out);

enum bud_seal {
	BUD_SEAL_OPENED,
	BUD_SEAL_NONE,    /* it was never sealed: appended as it is */
	BUD_SEAL_NO_KEY,  /* sealed with a key that is not here */
	BUD_SEAL_DAMAGED, /* changed, cut short, or of another place */
};

/* Appends what was sealed; `out` is untouched when it says NO_KEY or DAMAGED. Without a sealer
 * whatever is sealed has NO_KEY. */
enum bud_seal bud_seal_open(const struct bud_sealer *sealer, struct bud_span sealed,
	struct bud_span place, struct bud_buffer *out);
/* True when `text` is sealed, but not with the key that seals now: time to seal it again. False
 * without a sealer. */
bool bud_seal_is_old(const struct bud_sealer *sealer, struct bud_span text);
