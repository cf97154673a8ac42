/* A credential, `sinkcredential` of a record: how we prove to a receiver who we are. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"
#include "subscription/push_config.h"

struct json_t; /* jansson */

/* Fills `credential`, which is zeroed. A secret that `json` does not name is taken from `old` (may
 * be NULL) when that one is of the same type. Endpoints are only checked to be short texts without
 * spaces: the caller asks fetch/target.h. -EINVAL: `error` names the member, never quotes a secret;
 * `credential` is still the caller's to finish. */
BUD_MUST_CHECK int bud_credential_parse(const struct json_t *json, const struct bud_credential *old,
	struct bud_credential *credential, struct bud_error *error);
/* A copy of its own into a zeroed one. */
void bud_credential_copy(const struct bud_credential *credential, struct bud_credential *out_copy);
/* Overwrites what is secret. */
void bud_credential_finish(struct bud_credential *credential);
/* Whether the same is sent by both, and got in the same way. */
bool bud_credential_equals(const struct bud_credential *a, const struct bud_credential *b);
/* Whether tokens that were got with one stand for the other, too: it is the same, or one with other
 * words about the same refresh token, which is spent once the issuer has given another for it. */
bool bud_credential_shares_tokens(const struct bud_credential *a, const struct bud_credential *b);
/* Whether it is a token of the owner's own that nobody renews, and its time is over. */
bool bud_credential_has_expired(const struct bud_credential *credential, int64_t now_ms);
/* Appends the object; without secrets unless `with_secrets`. The type is not NONE. */
void bud_credential_write(
	const struct bud_credential *credential, bool with_secrets, struct bud_buffer *out);
