/* Shares of an endpoint's window: fresh deliveries 70, retries 25, replays 5 of a hundred while
 * they wait for each other; all of it for one that is alone. Pure; time is a parameter. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum bud_share {
	BUD_SHARE_FRESH,
	BUD_SHARE_RETRY,
	BUD_SHARE_REPLAY,
	BUD_SHARES,
};

/* Starts as {0}. */
struct bud_shares {
	unsigned running; /* of all */
	unsigned running_by[BUD_SHARES];
	int owed[BUD_SHARES];               /* turns at the slots that make no whole part */
	int64_t waits_until_ms[BUD_SHARES]; /* it found no room just now: it comes again */
};

/* Whether there is room in a window of `window` for one more; if not, it is noted that this share
 * waits, and slots are held for it. */
bool bud_shares_have_room(
	struct bud_shares *shares, enum bud_share share, unsigned window, int64_t now_ms);
/* Takes the room. */
void bud_shares_start(
	struct bud_shares *shares, enum bud_share share, unsigned window, int64_t now_ms);
void bud_shares_end(struct bud_shares *shares, enum bud_share share);
