/* How a receiver is reached, made of its subscription: the target with everything that is the same
 * in each request. */
#pragma once
#include <stdint.h>

struct bud_desk;         /* dispatch/desk.h */
struct bud_subscription; /* subscription/subscription.h */
struct bud_target;       /* fetch/target.h */

/* Its own headers, its credential, its certificates. NULL: the sink is not allowed here any more.
 * `*out_until_ms` (wall clock): from then on the credential is not good; 0: there is none that may
 * be sent now; INT64_MAX: it does not end. */
struct bud_target *bud_wire_target(const struct bud_desk *desk,
	const struct bud_subscription *subscription, int64_t now_ms, int64_t *out_until_ms);
