/* The quota of subscriptions: how many an owner may have. Counted by the store, in the step that
 * writes them. */
#pragma once
#include <stdint.h>

struct bud_request;           /* http/request.h */
struct bud_subscriptions_api; /* api/subscriptions.h */

/* 0: no bound. */
int64_t bud_subscription_quota_of(const struct bud_subscriptions_api *api, const char *owner);
/* Answers the request: its sender has so many, which is all it may have. */
void bud_subscription_quota_refuse(
	const struct bud_subscriptions_api *api, struct bud_request *request, int64_t used);
