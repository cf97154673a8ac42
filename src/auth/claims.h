/* Claims: whether those of a token whose signature was verified are in force and for us, and which
 * identity they make. */
#pragma once
#include <stdint.h>
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"

struct bud_identity;    /* auth/identity.h */
struct bud_issuer;      /* auth/issuers.h */
struct bud_jws;         /* crypto/jws.h */
struct bud_scope_rules; /* auth/scope_rules.h */

/* All borrowed. */
struct bud_claims {
	const struct bud_issuer *issuer;
	const struct bud_jws *jws;
	const struct bud_scope_rules *rules;
	struct bud_span person_key; /* of the hashes of person numbers; the same on all nodes */
	int64_t now_ms;
};

/* typ, exp, nbf, iat, aud, and that it is no ID token. -EINVAL: `error` says which and quotes
 * nothing. `out_expires_ms`: until when it may be taken for good, the clock's skew included. */
BUD_MUST_CHECK int bud_claims_check(
	const struct bud_claims *claims, int64_t *out_expires_ms, struct bud_error *error);
/* -EINVAL: they name nobody, or not as they should. */
BUD_MUST_CHECK int bud_claims_identify(const struct bud_claims *claims,
	struct bud_identity **out_identity, struct bud_error *error);
