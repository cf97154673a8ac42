/* Owned: which subscriptions each owner has, in order of serial, so that a list costs its owner's
 * and not everybody's. */
#pragma once
#include <stdint.h>
#include "subscription/index.h"
#include "subscription/postings.h"

struct bud_subscription; /* subscription/subscription.h */

/* Starts as {0}. */
struct bud_owned {
	struct bud_index owners;
};

/* `hash` is the owner's, by the same key each time. What is in stays as it is, as in postings. */
void bud_owned_add(
	struct bud_owned *owned, uint64_t hash, const struct bud_subscription *subscription);
void bud_owned_remove(
	struct bud_owned *owned, uint64_t hash, const struct bud_subscription *subscription);
/* Lent until the next change; NULL: none are. */
const struct bud_postings *bud_owned_find(
	const struct bud_owned *owned, uint64_t hash, const char *owner);
void bud_owned_finish(struct bud_owned *owned);
