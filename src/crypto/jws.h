/* A JWS in compact form (RFC 7515): taken apart, and its signature verified. What stands in it is
 * not to be believed before that. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"
#include "crypto/jwk.h"

struct json_t; /* jansson */

#define BUD_JWS_BYTES_MAX       (16u << 10)
#define BUD_JWS_SIGNATURE_BYTES 1024

/* Starts as {0}. */
struct bud_jws {
	enum bud_jws_algorithm algorithm;
	struct json_t *header;
	struct json_t *payload;
	struct bud_span kid;          /* of the header; `at` NULL: none */
	const char *typ;              /* of the header; NULL: none */
	struct bud_span signed_bytes; /* borrowed from the token */
	unsigned char signature[BUD_JWS_SIGNATURE_BYTES];
	size_t signature_len;
};

/* Three parts of base64url; header and payload JSON objects without duplicate members; an algorithm
 * we know; nothing critical, compressed, encrypted or detached. Keys and addresses in the header
 * are ignored. `token` is borrowed as long as `out_jws`. -EINVAL: `error` says what is wrong and
 * quotes nothing. */
BUD_MUST_CHECK int bud_jws_parse(
	struct bud_span token, struct bud_jws *out_jws, struct bud_error *error);
/* Whether `key`, which bud_jwk_set_choose() found for its algorithm, made the signature. */
bool bud_jws_is_signed_by(const struct bud_jws *jws, const struct bud_jwk *key);
void bud_jws_finish(struct bud_jws *jws);
