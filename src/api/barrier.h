/* The barrier: goes on once this node knows what Redis knew when it was asked, so that what any
 * node has answered counts. Within api/ only. */
#pragma once
#include "core/alloc.h"

struct bud_subscriptions_api; /* api/subscriptions.h */

/* `err` is negative when Redis did not say; else 0, also when it took too long. */
typedef void (*bud_barrier_fn)(void *owner, int err);
/* 0: `fn` is called once, never before this returns. */
BUD_MUST_CHECK int bud_barrier_wait(
	struct bud_subscriptions_api *api, bud_barrier_fn fn, void *owner);
