/* A change of a subscription's status: read, applied, compared and swapped, with the notice that
 * tells of it in the same step; again when somebody else was faster. */
#pragma once
#include "store/store.h"
#include "subscription/status.h"

struct bud_subscription; /* subscription/subscription.h */

#define BUD_STATUS_IS(state) (1u << (state))

/* `subscription` is the record as it stands, its status the old one; edit `status`, whose state,
 * reason and detail are the wished ones by now. False: not wanted after all, nothing is written. */
typedef bool (*bud_status_edit_fn)(void *owner, const struct bud_subscription *subscription,
	struct bud_subscription_status *status);

struct bud_status_wish {
	/* BUD_STATUS_IS() of the states it may go from, or'ed. Without that of `to`, one that is
	 * there already is left alone. */
	unsigned from;
	enum bud_subscription_state to;
	bool keeps_state;   /* instead of `to`: state, reason and detail stay; see `edit` */
	const char *reason; /* a word; may be NULL */
	const char *detail; /* a sentence, valid UTF-8, cut at BUD_STATUS_TEXT_MAX; may be NULL */
	bool is_silent;     /* what nobody sees: the etag stays, and with it the owner's If-Match */
	uint32_t timeout_ms;     /* of subscriptions that give none, for what `fn` shows */
	bud_status_edit_fn edit; /* once per try; may be NULL */
};

enum bud_status_outcome {
	BUD_STATUS_DONE,
	BUD_STATUS_ALREADY, /* it is as wished */
	BUD_STATUS_REFUSED, /* by `from` or `edit` */
	BUD_STATUS_MISSING, /* there is none, or it is deleted */
};

/* `subscription` is as it is now, lent; NULL when err is negative or it is MISSING. -ENOTCONN:
 * nobody knows; the same wish again is safe. -EBUSY: others changed it all the time. */
typedef void (*bud_status_change_fn)(void *owner, int err, enum bud_status_outcome outcome,
	const struct bud_subscription *subscription);
/* Copies the wish; `owner` is `edit`'s, too. */
BUD_MUST_CHECK int bud_status_change(struct bud_store *store, const char *id,
	const struct bud_status_wish *wish, bud_status_change_fn fn, void *owner);
