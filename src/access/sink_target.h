/* A subscription's sink as a target: with its owner's header fields, its credential, its private
 * authority and its client certificate. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "core/alloc.h"
#include "core/error.h"

struct bud_subscription; /* subscription/subscription.h */
struct bud_target;       /* fetch/target.h */

/* NULL with `error` filled: the sink is not allowed here any more. `*out_until_ms` (wall clock):
 * from then on the credential is not good; 0: there is none that may be sent now, and none is in
 * the target; INT64_MAX: it does not end. */
BUD_MUST_CHECK struct bud_target *bud_sink_target_create(
	const struct bud_subscription *subscription, bool allow_http, int64_t now_ms,
	int64_t *out_until_ms, struct bud_error *error);
/* True when its credential is one of which we fetch tokens, and none is in force now. */
bool bud_sink_lacks_token(const struct bud_subscription *subscription, int64_t now_ms);
