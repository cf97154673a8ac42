/* What a subscription needs from outside before it is stored: URLs that we may call, certificates
 * and keys that can be read. */
#pragma once
#include "core/alloc.h"
#include "core/error.h"

struct bud_config;       /* config/config.h */
struct bud_subscription; /* subscription/subscription.h */

/* -EINVAL: `error` names the member. */
BUD_MUST_CHECK int bud_subscription_check(const struct bud_subscription *subscription,
	const struct bud_config *config, struct bud_error *error);
