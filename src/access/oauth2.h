/* OAuth2's token endpoint (RFC 6749): what is posted there for a credential, and what comes back.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"

struct bud_credential; /* subscription/push_config.h */

#define BUD_OAUTH2_BODY_MAX   (16u << 10) /* of an answer */
#define BUD_OAUTH2_LIFE_MAX_S (24 * 3600)

/* Starts as {0}. */
struct bud_oauth2_tokens {
	char *access_token;
	int64_t life_s;      /* 0 to the above; an hour when the answer does not say */
	char *refresh_token; /* a new one, in the place of ours; or NULL */
};

/* Appends the form: client credentials (4.4), or with a `refresh_token` that grant (6). */
void bud_oauth2_write_form(
	const struct bud_credential *credential, const char *refresh_token, struct bud_buffer *out);
/* Appends "Authorization: Basic ..." (2.3.1); false and nothing when the client has no secret. */
bool bud_oauth2_write_authorization(
	const struct bud_credential *credential, struct bud_buffer *out);
/* -EINVAL: these are no tokens; `error` says why, for the owner: it quotes the error's code and
 * nothing else of the answer. `out_tokens` is the caller's to finish. */
BUD_MUST_CHECK int bud_oauth2_read(int status, struct bud_span body,
	struct bud_oauth2_tokens *out_tokens, struct bud_error *error);
/* Overwrites them. */
void bud_oauth2_tokens_finish(struct bud_oauth2_tokens *tokens);
