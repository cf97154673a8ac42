/* A matcher: which subscriptions an event matches. This is the seam for another index: the table
 * knows only these functions. Without locks: the table has them. */
#pragma once
#include <stddef.h>
#include "core/hash.h"
#include "subscription/index.h"
#include "subscription/postings.h"

struct bud_match;        /* subscription/table.h */
struct bud_subscription; /* subscription/subscription.h */

#define BUD_MATCHER_SHAPES 8

struct bud_matcher {
	struct bud_hash_key key;
	struct bud_index groups;
	size_t filed[BUD_MATCHER_SHAPES]; /* subscriptions per shape */
	struct bud_postings units; /* those that ask for a unit, for when the register is silent */
};

void bud_matcher_init(struct bud_matcher *matcher);
void bud_matcher_finish(struct bud_matcher *matcher);
/* Borrows the subscription, whose slot is set, until it is removed. */
void bud_matcher_add(struct bud_matcher *matcher, const struct bud_subscription *subscription);
void bud_matcher_remove(struct bud_matcher *matcher, const struct bud_subscription *subscription);
/* As bud_table_match(). */
size_t bud_matcher_match(const struct bud_matcher *matcher, struct bud_match *match);
