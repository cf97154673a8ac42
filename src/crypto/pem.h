/* Certificates and private keys as PEM text: read and compared; nothing of them is kept. */
#pragma once
#include <stdint.h>
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"

/* One certificate or more, for instance a private authority's; nothing else may be between them
 * but text outside of the PEM blocks. -EINVAL: `error` (may be NULL) says what is wrong of
 * `member`, and quotes nothing. `out_expires_s` (may be NULL): the first of them to expire, in
 * seconds since 1970; that it may have passed is no error. */
BUD_MUST_CHECK int bud_pem_check_certificates(
	struct bud_span pem, const char *member, int64_t *out_expires_s, struct bud_error *error);

/* A private key without a passphrase that belongs to the first certificate of `certificate`,
 * which was checked. -EINVAL as above. */
BUD_MUST_CHECK int bud_pem_check_key(struct bud_span key, struct bud_span certificate,
	const char *member, struct bud_error *error);
