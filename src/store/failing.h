/* Who is failing: for each subscription that has had nothing but failures, since when and until
 * when. */
#pragma once
#include "store/store.h"

/* An attempt failed at `wall_ms`: the last failure by now, and the first one since the last success
 * if there was none. Nothing depends on one of them: the next failure tells it again. */
int bud_failing_note(struct bud_store *store, struct bud_span subscription, int64_t wall_ms);
/* An attempt succeeded, or the subscription was resumed, disabled or deleted. */
int bud_failing_clear(struct bud_store *store, struct bud_span subscription);

struct bud_failing {
	struct bud_span subscription;
	int64_t since_ms;
};

/* When the last attempt failed; 0 when none has. */
BUD_MUST_CHECK int bud_failing_last(
	struct bud_store *store, struct bud_span subscription, bud_store_number_fn fn, void *owner);

/* Some of them, and where to go on: `cursor` 0 is the end. All are lent. */
typedef void (*bud_failing_page_fn)(
	void *owner, int err, uint64_t cursor, const struct bud_failing *failing, size_t n);
/* Begin with cursor 0. One may come twice. */
BUD_MUST_CHECK int bud_failing_scan(
	struct bud_store *store, uint64_t cursor, bud_failing_page_fn fn, void *owner);
