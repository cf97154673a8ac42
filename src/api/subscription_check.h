/* What a subscription needs from outside before it is stored: URLs that we may call, certificates
 * and keys that can be read. */
#pragma once
#include <stdint.h>
#include "core/alloc.h"
#include "core/error.h"

struct bud_config;       /* config/config.h */
struct bud_subscription; /* subscription/subscription.h */

/* `own_ports`: as in fetch/target.h. -EINVAL: `error` names the member. */
BUD_MUST_CHECK int bud_subscription_check(const struct bud_subscription *subscription,
	const struct bud_config *config, const uint16_t *own_ports, struct bud_error *error);
