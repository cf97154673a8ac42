/* The quota of subscriptions. */
#include "api/subscription_quota.h"

#include <inttypes.h>

#include "access/quota_refusal.h"
#include "api/subscriptions.h"
#include "auth/identity.h"
#include "auth/quota.h"
#include "core/metrics.h"
#include "http/request.h"
#include "subscription/filter.h"
#include "subscription/subscription.h"
#include "subscription/table.h"

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

static bool is_reached(size_t used, int64_t limit)
{
	return limit > 0 && used >= (uint64_t)limit;
}

int bud_subscription_quota_check_filter(const struct bud_subscriptions_api *api,
	const struct bud_subscription *made, const struct bud_subscription *old,
	struct bud_error *error)
{
	struct bud_table_load load;
	struct bud_quotas quotas;
	size_t max;

	bud_quota_of(api->quota, bud_span(made->owner), &quotas);
	max = (size_t)(quotas.uncovered_filters > quotas.residuals_per_key
			       ? quotas.uncovered_filters
			       : quotas.residuals_per_key);
	if (max == 0 || !made->filter ||
		(old && old->filter && bud_filter_equals(made->filter, old->filter)))
		return 0;
	bud_table_lock(api->table, api->table_reader);
	load = bud_table_weigh(api->table, made, max);
	bud_table_unlock(api->table, api->table_reader);
	if (is_reached(load.uncovered, quotas.uncovered_filters))
		return bud_error_set(error, "filters",
			"filters names no value or beginning that every event must have, and of "
			"such subscriptions you have as many as you may: %" PRId64
			" (quota.uncovered_filters)",
			quotas.uncovered_filters);
	if (is_reached(load.residuals, quotas.residuals_per_key))
		return bud_error_set(error, "filters",
			"filters has exact values that %" PRId64
			" other filters have, too, which ask for more than these "
			"(quota.residuals_per_key): name another value exactly",
			quotas.residuals_per_key);
	return 0;
}
