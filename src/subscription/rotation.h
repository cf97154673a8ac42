/* A rotation: a new signing secret, while the old one goes on signing for a time, so that a
 * receiver may change over without losing anything. */
#pragma once
#include <stdint.h>
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"

struct bud_subscription;          /* subscription/subscription.h */
struct bud_subscription_defaults; /* subscription/subscription.h */

struct bud_rotation {
	struct bud_span secret; /* `at` NULL: a new one is made */
	int64_t overlap_ms;     /* how long the old one still signs; 0: all old ones stop at once */
};

/* A record like `old` with another secret and ETag. Of the old secrets those that are past
 * `defaults->now_ms` go, and the oldest where there would be more than BUD_PREVIOUS_SECRETS_MAX.
 * -EINVAL: the secret is none, or is the one in force; nothing is made then. */
BUD_MUST_CHECK int bud_subscription_rotate(const struct bud_subscription *old,
	const struct bud_rotation *rotation, const struct bud_subscription_defaults *defaults,
	struct bud_subscription **out_subscription, struct bud_error *error);
