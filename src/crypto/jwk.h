/* A JWK set (RFC 7517): the public keys that somebody else signs with. It never changes, so threads
 * may share it; counted. */
#pragma once
#include <stddef.h>
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"

struct bud_jwk;     /* opaque; lives as long as its set */
struct bud_jwk_set; /* opaque */

/* Signature algorithms (RFC 7518, RFC 8037); `none` and those with a shared secret are not among
 * them. */
enum bud_jws_algorithm {
	BUD_JWS_RS256,
	BUD_JWS_RS384,
	BUD_JWS_RS512,
	BUD_JWS_PS256,
	BUD_JWS_ES256,
	BUD_JWS_EDDSA,
	BUD_JWS_ALGORITHMS,
};

#define BUD_JWK_KEYS_MAX     64  /* of a set; the rest is left out */
#define BUD_JWK_ID_BYTES_MAX 256 /* a key with a longer kid is left out */
#define BUD_JWK_SET_BYTES    (64u << 10)

/* {"keys":[...]}. Keys that cannot be used here are left out: another type or curve, for
 * encryption, RSA under 2048 bits, a point that is not on its curve, a private key among its
 * members. -EINVAL: no JWK set, or nothing usable in it; `error` (may be NULL) quotes nothing. */
BUD_MUST_CHECK int bud_jwk_set_parse(
	struct bud_span json, struct bud_jwk_set **out_set, struct bud_error *error);
struct bud_jwk_set *bud_jwk_set_ref(struct bud_jwk_set *set);
/* NULL is fine. */
void bud_jwk_set_unref(struct bud_jwk_set *set);
size_t bud_jwk_set_count(const struct bud_jwk_set *set);
/* Unique to each parsed set: what was checked by one can be told from what was by another. */
size_t bud_jwk_set_serial(const struct bud_jwk_set *set);

enum bud_jwk_choice {
	BUD_JWK_FOUND,
	BUD_JWK_UNKNOWN,    /* no key has this kid: a newer set may have it */
	BUD_JWK_UNSUITABLE, /* its key is for another algorithm; or there is no kid, and not
			     * exactly one key that suits */
};

/* `kid.at` NULL: the token names none. */
enum bud_jwk_choice bud_jwk_set_choose(const struct bud_jwk_set *set, struct bud_span kid,
	enum bud_jws_algorithm algorithm, const struct bud_jwk **out_key);

/* "RS256", or -EINVAL; case matters. */
BUD_MUST_CHECK int bud_jws_algorithm_parse(
	struct bud_span text, enum bud_jws_algorithm *out_algorithm);
const char *bud_jws_algorithm_word(enum bud_jws_algorithm algorithm);

/* For crypto/ only: the EVP_PKEY, lent. */
void *bud_jwk_handle(const struct bud_jwk *key);
