/* The quota of subscriptions. */
#include "api/subscription_quota.h"

#include "access/quota_refusal.h"
#include "api/subscriptions.h"
#include "auth/identity.h"
#include "auth/quota.h"
#include "core/metrics.h"
#include "http/request.h"

int64_t bud_subscription_quota_of(const struct bud_subscriptions_api *api, const char *owner)
{
	struct bud_quotas quotas;

	bud_quota_of(api->quota, bud_span(owner), &quotas);
	return quotas.subscriptions;
}

void bud_subscription_quota_refuse(
	const struct bud_subscriptions_api *api, struct bud_request *request, int64_t used)
{
	const struct bud_quota_refusal refusal = {
		.quota = "subscriptions",
		.limit = bud_subscription_quota_of(api, bud_request_identity(request)->name),
		.used = used,
		.detail = "you have as many subscriptions as you may have; delete one, also one "
			  "that has expired, and try again",
	};

	bud_metrics_add(api->metrics, BUD_COUNTER_QUOTA_SUBSCRIPTIONS, 1);
	bud_quota_refuse(request, &refusal);
}
