/* Postings: subscriptions in order of serial, in blocks, so that one can be put in, taken out or
 * looked up without moving all the others. One alone takes no memory but the word that names it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bud_postings_block; /* opaque */
struct bud_postings_item;  /* opaque */
struct bud_subscription;   /* subscription/subscription.h */

/* Starts as {0}: a subscription, a block or a list of blocks, told apart by its lowest bits. */
struct bud_postings {
	uintptr_t word;
};

/* Order is by serial and then by slot, and these two tell subscriptions apart: one that is there
 * already is not added again, one that is not there is not removed. Serial, slot, filter and expiry
 * of a subscription stay as they are while it is in. Both tell whether they changed anything. */
bool bud_postings_add(struct bud_postings *postings, const struct bud_subscription *subscription);
bool bud_postings_remove(
	struct bud_postings *postings, const struct bud_subscription *subscription);
void bud_postings_finish(struct bud_postings *postings);
static inline bool bud_postings_are_empty(const struct bud_postings *postings)
{
	return postings->word == 0;
}

/* A walk; the postings do not change meanwhile. What it stands on can be read here. */
struct bud_postings_cursor {
	const struct bud_subscription *subscription; /* NULL behind the last */
	uint64_t serial;
	bool is_same;    /* it has the filter of the one before it in this walk */
	bool may_expire; /* else it has no expiry */
	const struct bud_postings_item *next;
	const struct bud_postings_item *end; /* of the block */
	struct bud_postings_block *const *blocks;
	struct bud_postings_block *const *blocks_end;
};

/* Has what a seek reads first fetched, for one that comes soon. */
void bud_postings_prefetch(const struct bud_postings *postings);
/* Stands on the first with a serial greater than `after_serial`. */
struct bud_postings_cursor bud_postings_seek(
	const struct bud_postings *postings, uint64_t after_serial);
void bud_postings_advance(struct bud_postings_cursor *cursor);
