/* A question to one receiver, whether it wants our events: an OPTIONS request (CloudEvents HTTP
 * webhooks 4.1) or Altinn's validation event, and what its answer means. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "core/alloc.h"

struct bud_config;       /* config/config.h */
struct bud_error;        /* core/error.h */
struct bud_fetch;        /* fetch/fetch.h */
struct bud_keyring;      /* crypto/keyring.h */
struct bud_subscription; /* subscription/subscription.h */

struct bud_answer {
	bool agrees;
	bool is_unheard;       /* no response came: the same may be asked again */
	uint32_t rate_per_min; /* 0: no bound */
	const char *why;       /* a sentence for people; NULL when it agrees; lent */
};

/* `answer` is NULL when it was cancelled. */
typedef void (*bud_ask_fn)(void *owner, const struct bud_answer *answer);
struct bud_ask_then {
	bud_ask_fn fn;
	void *owner;
};

/* All borrowed until `fn` was called. */
struct bud_ask_means {
	struct bud_fetch *fetch;
	const struct bud_config *config;
	struct bud_keyring *keyring; /* NULL: nothing is signed with the server's keys */
};

/* Asks in the way that the server's rule and the subscription's wish come to, and offers a callback
 * when there is an address of ours and its status has a key. A validation event is signed as each
 * delivery will be; an OPTIONS request has nothing that could be. 0: `fn` is called once, never
 * before this returns. -EINVAL with `error` filled: its sink is not allowed any more; -EAGAIN,
 * -ECANCELED: not now. `subscription` is lent. */
BUD_MUST_CHECK int bud_ask_start(const struct bud_ask_means *means,
	const struct bud_subscription *subscription, const struct bud_ask_then *then,
	struct bud_error *error);
