/* A token of our own: a JWS in compact form (RFC 7515) by the server's key, which only this server
 * takes. Its header begins with its type, so that it is told from other tokens at a glance. Nothing
 * else that this key signs can pass for one: what is signed of a webhook has two dots at least, an
 * RFC 9421 signature base has quotes and line ends, and a token's has one dot and base64url. */
#pragma once
#include <stdbool.h>
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"

struct bud_key_set; /* crypto/keyring.h */
struct json_t;      /* jansson */

#define BUD_OWN_TOKEN_BYTES_MAX 4096u

/* Appends a token of this type with `payload`, a JSON object, signed with the key of now. -ENOKEY:
 * the set has none. */
BUD_MUST_CHECK int bud_own_token_write(const struct bud_key_set *set, const char *type,
	struct bud_span payload, struct bud_buffer *out);
/* Whether it looks like one of this type; nothing is verified. */
bool bud_own_token_is(struct bud_span token, const char *type);
/* Verified by a key that still signs: a former one counts until its overlap is over, and one that
 * was put out at once does not count any more. The payload is the caller's. -EINVAL: it is not of
 * this type, was altered, or its key is gone; `error` quotes nothing. */
BUD_MUST_CHECK int bud_own_token_read(const struct bud_key_set *set, const char *type,
	struct bud_span token, struct json_t **out_payload, struct bud_error *error);
