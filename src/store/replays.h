/* Replays under way: jobs by name, each with a value that says how far it has come. A job moves on,
 * and ends, in the call that revives (store/revive.h), so every node may run it and none runs a
 * step twice. */
#pragma once
#include "store/store.h"

/* Most jobs of one page. */
#define BUD_REPLAYS_MAX 256

struct bud_replay {
	struct bud_span job;
	struct bud_span value;
};

/* Lent. Where the next page begins is `cursor`; 0: that was the last one. */
typedef void (*bud_replays_page_fn)(
	void *owner, int err, uint64_t cursor, const struct bud_replay *replays, size_t n);
/* Begin with cursor 0. Who goes round and round sees each job, however many there are. */
BUD_MUST_CHECK int bud_replays_scan(
	struct bud_store *store, uint64_t cursor, bud_replays_page_fn fn, void *owner);

/* Lent. */
typedef void (*bud_replays_fn)(void *owner, int err, const struct bud_replay *replays, size_t n);
/* n is 1, or 0 when there is no such job. */
BUD_MUST_CHECK int bud_replays_get(
	struct bud_store *store, struct bud_span job, bud_replays_fn fn, void *owner);
/* The number is 1 when the job is new; otherwise 0, and the one that is there stays as it is. */
BUD_MUST_CHECK int bud_replays_put(struct bud_store *store, const struct bud_replay *replay,
	bud_store_number_fn fn, void *owner);
/* Ends a job wherever it stands; what it has revived goes on. The number is 0 when there was none.
 */
BUD_MUST_CHECK int bud_replays_drop(
	struct bud_store *store, struct bud_span job, bud_store_number_fn fn, void *owner);
