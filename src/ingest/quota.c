/* The quota of publishing: what waits for the publisher's own subscriptions, then its rate. */
#include "ingest/quota.h"

#include "access/quota_refusal.h"
#include "auth/identity.h"
#include "auth/quota.h"
#include "core/clock.h"
#include "core/metrics.h"
#include "http/request.h"
#include "ingest/ingest.h"

static void refuse(const struct bud_ingest_options *options, struct bud_request *request,
	const struct bud_quota_refusal *refusal)
{
	bud_metrics_add(options->metrics, BUD_COUNTER_QUOTA_PUBLISHES, 1);
	bud_quota_refuse(request, refusal);
}

static void refuse_parked(const struct bud_ingest_options *options, struct bud_request *request,
	struct bud_span owner)
{
	struct bud_quota_refusal refusal;

	bud_quota_refusal_of_parked(owner, options->quota, &refusal);
	refuse(options, request, &refusal);
}

static void refuse_rate(const struct bud_ingest_options *options, struct bud_request *request,
	struct bud_span owner, int64_t wait_ms)
{
	struct bud_quota_refusal refusal = {.quota = "publish_per_s",
		.used = -1,
		.wait_ms = wait_ms,
		.detail = "more events a second than this publisher may publish; nothing of this "
			  "request was accepted. Send it again after Retry-After"};
	struct bud_quotas quotas;

	bud_quota_of(options->quota, owner, &quotas);
	refusal.limit = quotas.publish_per_s;
	refuse(options, request, &refusal);
}

bool bud_ingest_quota_admit(const struct bud_ingest_options *options, struct bud_request *request,
	const struct bud_identity *publisher, size_t n)
{
	struct bud_span owner = bud_span(publisher->name);
	int64_t wait_ms;

	if (bud_quota_is_full(options->quota, owner)) {
		refuse_parked(options, request, owner);
		return false;
	}
	wait_ms = bud_quota_publish(options->quota, owner, n, bud_clock_mono_ms());
	if (wait_ms > 0)
		refuse_rate(options, request, owner, wait_ms);
	return wait_ms == 0;
}
