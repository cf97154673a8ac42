/* A lock: what only one node is to do within a time. It ends by itself, so a node that dies holds
 * nothing up for longer; nothing that must not happen twice may hang on it alone. */
#pragma once
#include "store/store.h"

/* The number is 1 when it is ours for `ms` now, 0 when somebody has it (we, too). Copies both. */
BUD_MUST_CHECK int bud_lock_take(struct bud_store *store, struct bud_span what, int64_t ms,
	bud_store_number_fn fn, void *owner);
/* By its holder, before its time is over. */
int bud_lock_give(struct bud_store *store, struct bud_span what);
