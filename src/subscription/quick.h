/* The quick reader of stored records: in one walk over the text, as our own writer writes it. */
#pragma once
#include "core/text.h"

struct bud_pool;                  /* subscription/pool.h */
struct bud_subscription;          /* subscription/subscription.h */
struct bud_subscription_beside;   /* subscription/subscription.h */
struct bud_subscription_defaults; /* subscription/subscription.h */

/* A compact subscription that equals what bud_subscription_load() and bud_subscription_set_beside()
 * make of it, but that the text of its filters stays as it was written. NULL: there is something
 * special or wrong in it, and they can tell what. */
struct bud_subscription *bud_subscription_read_quickly(struct bud_span json,
	const struct bud_subscription_beside *beside,
	const struct bud_subscription_defaults *defaults, struct bud_pool *pool);
