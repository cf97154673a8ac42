/* Compact subscriptions: as the table keeps them by the million. Their texts lie behind the struct,
 * in the same allocation; owner, types and push config are shared through a pool. Nothing in one
 * may be replaced; it is destroyed as any other. */
#pragma once
#include "core/alloc.h"
#include "core/error.h"
#include "core/limits.h"
#include "core/text.h"

struct bud_pool;                  /* subscription/pool.h */
struct bud_subscription;          /* subscription/subscription.h */
struct bud_subscription_beside;   /* subscription/subscription.h */
struct bud_subscription_defaults; /* subscription/subscription.h */

/* The texts of one, borrowed; at == NULL: it has none. */
struct bud_subscription_texts {
	struct bud_span id;
	struct bud_span owner;
	struct bud_span etag;
	struct bud_span name;
	struct bud_span source;
	struct bud_span filters;
	struct bud_span sink;
	struct bud_span expires;
	struct bud_span from;
	struct bud_span secret;
	size_t n_types;
	struct bud_span types[BUD_TYPES_MAX];
};

/* One with these texts; all else is copied from `rest`, which owns none of it any more. */
struct bud_subscription *bud_subscription_assemble(const struct bud_subscription_texts *texts,
	const struct bud_subscription *rest, struct bud_pool *pool);

/* As bud_subscription_load() and bud_subscription_set_beside(), but compact. */
BUD_MUST_CHECK int bud_subscription_load_compact(struct bud_span json,
	const struct bud_subscription_beside *beside,
	const struct bud_subscription_defaults *defaults, struct bud_pool *pool,
	struct bud_subscription **out_subscription, struct bud_error *error);
