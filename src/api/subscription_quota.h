/* The quota of subscriptions: how many an owner may have. Counted by the store, in the step that
 * writes them. */
#pragma once
#include <stdint.h>
#include "core/alloc.h"
#include "core/error.h"

struct bud_request;           /* http/request.h */
struct bud_subscription;      /* subscription/subscription.h */
struct bud_subscriptions_api; /* api/subscriptions.h */

/* 0: no bound. */
int64_t bud_subscription_quota_of(const struct bud_subscriptions_api *api, const char *owner);
/* Answers the request: its sender has so many, which is all it may have. */
void bud_subscription_quota_refuse(
	const struct bud_subscriptions_api *api, struct bud_request *request, int64_t used);
/* -EINVAL: with the filter of `made`, if it is not that of `old` (NULL: there is none), there would
 * be more than may be of those that cost something for every event; `error` names the quota. By
 * what this node knows now. */
BUD_MUST_CHECK int bud_subscription_quota_check_filter(const struct bud_subscriptions_api *api,
	const struct bud_subscription *made, const struct bud_subscription *old,
	struct bud_error *error);
