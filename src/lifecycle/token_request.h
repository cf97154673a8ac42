/* A request for tokens, sent to the token endpoint of a credential. */
#pragma once
#include <stdbool.h>
#include "core/alloc.h"

struct bud_credential;    /* subscription/push_config.h */
struct bud_error;         /* core/error.h */
struct bud_fetch;         /* fetch/fetch.h */
struct bud_oauth2_tokens; /* access/oauth2.h */

/* `tokens` may be moved out. NULL: there are none, and `why` is a sentence for the owner, lent;
 * NULL, too, when it was cancelled. */
typedef void (*bud_token_fn)(void *owner, struct bud_oauth2_tokens *tokens, const char *why);

/* Lent, but for `owner`. */
struct bud_token_request {
	const struct bud_credential *credential; /* REFRESHTOKEN or CLIENT */
	const char *refresh_token;               /* REFRESHTOKEN: the newest one */
	bool allow_http;
	unsigned timeout_ms;
	bud_token_fn fn;
	void *owner;
};

/* 0: `fn` is called once, never before this returns. -EINVAL with `error` filled: the endpoint is
 * not allowed; -EAGAIN, -ECANCELED: not now. */
BUD_MUST_CHECK int bud_token_request_start(
	struct bud_fetch *fetch, const struct bud_token_request *request, struct bud_error *error);
