/* Reviving: dead letters, or events that are still retained, are parked once more for one
 * subscription, in a lane of their own beside its live traffic. Of an ordered subscription it is
 * one line over all keys: with "wait" a delivery that fails holds up all that is revived behind it.
 */
#pragma once
#include <stdbool.h>
#include "store/lane_name.h"
#include "store/member.h"
#include "store/store.h"

/* Most deliveries of one call. */
#define BUD_REVIVE_MAX 64

enum bud_revive_source {
	BUD_REVIVE_DEAD, /* its dead letter goes in the same call; if there is none, nothing is done
			  */
	BUD_REVIVE_EVENT, /* retained or kept; if it is not, or revived already, nothing is done */
};

struct bud_revived {
	struct bud_member id;
	enum bud_revive_source source;
};

struct bud_revive {
	struct bud_span subscription;
	int64_t delay_ms;  /* of the first */
	int64_t spread_ms; /* of each from the one before; no matter where it is ordered */
	bool is_ordered;   /* the subscription is: what is revived waits in the order of its ids */
	/* With events among them all of one partition; dead letters have their content kept. */
	const struct bud_revived *revived;
	size_t n;
	/* A job (store/replays.h) that moves on in the same call; empty: none. It must have the
	 * value `before`; it gets the value `after`, or is done when that is empty. */
	struct bud_span job;
	struct bud_span before;
	struct bud_span after;
};

/* The number is how many were parked; -1: the job has another value, nothing was done (also after a
 * repeat of a call whose reply was lost). Without a job a repeat revives again what was delivered
 * in between. */
BUD_MUST_CHECK int bud_revive(struct bud_store *store, const struct bud_revive *revive,
	bud_store_number_fn fn, void *owner);
