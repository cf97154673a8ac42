/* Postings: subscriptions in order of serial, in blocks, so that one can be put in, taken out or
 * looked up without moving all the others. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct bud_subscription;   /* subscription/subscription.h */
struct bud_postings_block; /* opaque */

/* Starts as {0}. */
struct bud_postings {
	struct bud_postings_block **blocks;
	uint32_t n_blocks;
	uint32_t room;
};

/* Order is by serial and then by slot, and these two tell subscriptions apart: one that is there
 * already is not added again, one that is not there is not removed. */
void bud_postings_add(struct bud_postings *postings, const struct bud_subscription *subscription);
void bud_postings_remove(
	struct bud_postings *postings, const struct bud_subscription *subscription);
void bud_postings_finish(struct bud_postings *postings);

/* A walk; the postings do not change meanwhile. */
struct bud_postings_cursor {
	const struct bud_postings *postings;
	uint32_t block;
	uint32_t item;
};

/* Stands on the first with a serial greater than `after_serial`. */
struct bud_postings_cursor bud_postings_seek(
	const struct bud_postings *postings, uint64_t after_serial);
/* NULL behind the last. */
const struct bud_subscription *bud_postings_current(const struct bud_postings_cursor *cursor);
void bud_postings_advance(struct bud_postings_cursor *cursor);
