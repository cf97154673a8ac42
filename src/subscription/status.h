/* A status: what became of a subscription: whether it is pushed to, since when and why, and what
 * its receiver granted. Kept beside the record, so that we can change it without touching what the
 * owner wrote. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"

struct bud_credential;   /* subscription/push_config.h */
struct bud_subscription; /* subscription/subscription.h */

enum bud_subscription_state {
	BUD_SUBSCRIPTION_ACTIVE,
	BUD_SUBSCRIPTION_PENDING,  /* the receiver has not agreed yet: its events are parked */
	BUD_SUBSCRIPTION_PAUSED,   /* by its owner */
	BUD_SUBSCRIPTION_DISABLED, /* by us: gone, or failing for days */
};

#define BUD_STATUS_TEXT_MAX 512
/* The reason of one whose credential gave no token. */
#define BUD_STATUS_CREDENTIAL "credential"

struct bud_subscription_status {
	enum bud_subscription_state state;
	/* What the receiver granted (CloudEvents HTTP webhooks 4.2); 0: no bound. */
	uint32_t rate_per_min;
	int64_t since_ms; /* 0: since it was made */
	char *reason;     /* a word of ours: "gone", "status", "failing", "owner" ...; or NULL */
	char *detail;     /* a sentence for people, or NULL */
	/* When the receiver agreed to be pushed to; 0: it has not, or was not asked. One that has
	 * must be told in each delivery who asked (CloudEvents HTTP webhooks 2.1). */
	int64_t granted_ms;
	char *callback_key; /* who knows it may grant; NULL when nothing is asked */
	/* Of a credential that we renew: what to send now. NULL: none yet. */
	char *access_token;
	int64_t token_since_ms;
	int64_t token_expires_ms;
	char *refresh_token; /* the newest one, when the issuer gave another; or NULL */
};

/* From the stored form; empty: the status of one that nothing happened to. -EINVAL: no status.
 * `out_status` is the caller's to finish; secrets stay as they are stored. */
BUD_MUST_CHECK int bud_status_parse(
	struct bud_span json, struct bud_subscription_status *out_status, struct bud_error *error);
void bud_status_finish(struct bud_subscription_status *status);
/* A copy of its own. */
void bud_status_copy(
	const struct bud_subscription_status *status, struct bud_subscription_status *out_copy);
/* Whether it says that there is no token to send, and the end of that: what a pending one said
 * before. */
bool bud_status_is_credential_told(const struct bud_subscription_status *status);
void bud_status_take_credential_back(struct bud_subscription_status *status);
/* Forgets the tokens of a credential that is no more; nor is it at fault any more. */
void bud_status_change_credential(struct bud_subscription_status *status,
	const struct bud_credential *old, const struct bud_credential *now);
/* Whether a change of the credential has left less than there was. */
bool bud_status_has_forgotten(
	const struct bud_subscription_status *old, const struct bud_subscription_status *status);
/* Appends the stored form; nothing for one that nothing happened to. */
void bud_status_write(const struct bud_subscription_status *status, struct bud_buffer *out);
/* Appends what the API shows: {"state":"paused","since":"...","reason":"...","detail":"..."}.
 * What it says goes before what time has brought: it has expired, or its token has; by 0 neither.
 */
void bud_status_write_api(
	const struct bud_subscription *subscription, int64_t now_ms, struct bud_buffer *out);
/* "active", "pending", "paused", "disabled". */
const char *bud_subscription_state_word(enum bud_subscription_state state);
