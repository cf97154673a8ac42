/* Who is failing: for each subscription that has had nothing but failures, since when. */
#pragma once
#include "store/store.h"

/* An attempt failed at `wall_ms`; kept when nothing is there yet, so that it stays the first
 * failure since the last success. Nothing depends on one of them: the next failure tells it again.
 */
int bud_failing_note(struct bud_store *store, struct bud_span subscription, int64_t wall_ms);
/* An attempt succeeded, or the subscription was resumed, disabled or deleted. */
int bud_failing_clear(struct bud_store *store, struct bud_span subscription);

struct bud_failing {
	struct bud_span subscription;
	int64_t since_ms;
};

/* Some of them, and where to go on: `cursor` 0 is the end. All are lent. */
typedef void (*bud_failing_page_fn)(
	void *owner, int err, uint64_t cursor, const struct bud_failing *failing, size_t n);
/* Begin with cursor 0. One may come twice. */
BUD_MUST_CHECK int bud_failing_scan(
	struct bud_store *store, uint64_t cursor, bud_failing_page_fn fn, void *owner);
