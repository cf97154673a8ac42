/* A matcher: which subscriptions an event matches. This is the seam for another index: the table
 * knows only these functions. Without locks: the table has them. */
#pragma once
#include <stddef.h>
#include "subscription/key_table.h"
#include "subscription/postings.h"
#include "subscription/table.h"
#include "subscription/tuples.h"

struct bud_subscription; /* subscription/subscription.h */

struct bud_matcher {
	struct bud_tuples tuples;
	struct bud_key_table groups;    /* postings by the key of a tuple */
	struct bud_key_table filters;   /* by what they say: equal ones are one */
	struct bud_postings unfiltered; /* those that want every event */
	struct bud_postings uncovered;  /* those of which nothing is known beforehand */
	size_t n_uncovered;
	struct bud_postings units; /* those that ask for a unit, for when the register is silent */
};

void bud_matcher_init(struct bud_matcher *matcher);
void bud_matcher_finish(struct bud_matcher *matcher);
/* Borrows the subscription, whose slot is set, until it is removed; puts an equal filter that is
 * there already in the place of its own. */
void bud_matcher_add(struct bud_matcher *matcher, struct bud_subscription *subscription);
/* Reads what adding or removing this filter will touch, so that it is in the caches by then. */
void bud_matcher_warm(const struct bud_matcher *matcher, const struct bud_filter *filter);
void bud_matcher_remove(struct bud_matcher *matcher, const struct bud_subscription *subscription);
/* As bud_table_weigh() and bud_table_match(). */
struct bud_table_load bud_matcher_weigh(
	const struct bud_matcher *matcher, const struct bud_subscription *subscription, size_t max);
size_t bud_matcher_match(const struct bud_matcher *matcher, struct bud_match *match);
