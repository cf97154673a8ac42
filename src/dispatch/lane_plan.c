/* Lane plans. */
#include "dispatch/lane_plan.h"

#include "store/lane.h"
#include "subscription/push_config.h"
#include "subscription/status.h"

/* A rate is kept claim by claim: so many attempts at once, then a rest. Short enough to look even,
 * long enough that a fast lane is not a claim per attempt. */
#define BURST_S 0.25

static double rate_of(
	const struct bud_push_config *config, const struct bud_subscription_status *status)
{
	double granted = status->rate_per_min / 60.0;

	if (granted > 0 && (config->rate_per_s <= 0 || granted < config->rate_per_s))
		return granted;
	return config->rate_per_s;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

struct bud_lane_plan bud_lane_plan_of(const struct bud_push_config *config,
	const struct bud_subscription_status *status, unsigned sharers)
{
	struct bud_lane_plan plan = {
		.mode = BUD_CLAIM_PLAIN, .rate_per_s = rate_of(config, status)};
	unsigned burst = plan.rate_per_s * BURST_S > 1 ? (unsigned)(plan.rate_per_s * BURST_S) : 1;

	if (config->is_ordered) {
		plan.mode = config->on_blocked == BUD_ON_BLOCKED_SKIP ? BUD_CLAIM_ORDERED_SKIP
								      : BUD_CLAIM_ORDERED_WAIT;
		plan.limit = 1;
	} else if (config->mode == BUD_MODE_BATCH) {
		plan.mode = BUD_CLAIM_BATCH;
		plan.limit = least(config->batch_events, BUD_CLAIM_MAX);
		plan.fill = plan.limit;
		plan.wait_ms = config->batch_wait_ms;
		plan.bytes_max = config->batch_bytes;
	} else if (plan.rate_per_s > 0) {
		plan.mode = BUD_CLAIM_STRICT;
		plan.limit = least(burst, BUD_ENDPOINT_WINDOW_MAX);
		if (config->max_in_flight > 0)
			plan.limit = least(plan.limit, config->max_in_flight);
	} else if (config->max_in_flight > 0 && config->max_in_flight < sharers) {
		plan.mode = BUD_CLAIM_STRICT;
		plan.limit = config->max_in_flight;
	}
	return plan;
}

int64_t bud_lane_plan_rest_ms(const struct bud_lane_plan *plan, size_t n, int64_t since_ms)
{
	int64_t rest_ms;

	/* A batch counts as one request (CloudEvents HTTP webhooks 4.1.4). */
	if (plan->mode == BUD_CLAIM_BATCH && n > 1)
		n = 1;
	if (plan->rate_per_s <= 0 || n == 0)
		return 0;
	rest_ms = (int64_t)((double)n * 1000 / plan->rate_per_s) - since_ms;
	return rest_ms > 0 ? rest_ms : 0;
}
