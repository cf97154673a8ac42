/* Counters, gauges and histograms. Buckets end at 2, 3, 4, 6, 8, 12 ... us. */
#include "core/metrics.h"

struct description {
	const char *name;
	const char *help;
};

static const struct description counters[BUD_COUNTERS] = {
	[BUD_COUNTER_EVENTS_ACCEPTED] = {"events_accepted", "Events stored and answered 202"},
	[BUD_COUNTER_EVENTS_DUPLICATE] = {"events_duplicate", "Events seen before in the window"},
	[BUD_COUNTER_EVENTS_CONFLICT] = {"events_conflict",
		"Events whose source and id were seen with other content"},
	[BUD_COUNTER_REQUESTS_INVALID] = {"requests_invalid", "Publish requests answered 4xx"},
	[BUD_COUNTER_REQUESTS_UNAVAILABLE] = {"requests_unavailable",
		"Publish requests answered 503"},
	[BUD_COUNTER_REQUESTS_UNAUTHENTICATED] = {"requests_unauthenticated",
		"Requests without a valid token or API key"},
	[BUD_COUNTER_REQUESTS_FORBIDDEN] = {"requests_forbidden",
		"Requests whose caller lacks a scope"},
	[BUD_COUNTER_TOKENS_CHECKED] = {"tokens_checked",
		"Tokens and API keys that were not in the cache"},
	[BUD_COUNTER_EVENTS_READ] = {"events_read", "Events read from a partition"},
	[BUD_COUNTER_EVENTS_SWEPT] = {"events_swept", "Pending events taken up by the sweep"},
	[BUD_COUNTER_EVENTS_LOST] = {"events_lost",
		"Pending events whose content was gone; must be 0"},
	[BUD_COUNTER_EVENTS_POISONED] = {"events_poisoned",
		"Events given up because handling them failed again and again"},
	[BUD_COUNTER_EVENTS_ACKED] = {"events_acked", "Events settled: all delivered or parked"},
	[BUD_COUNTER_EVENTS_UNMATCHED] = {"events_unmatched", "Events no subscription wanted"},
	[BUD_COUNTER_EVENTS_TRIMMED] = {"events_trimmed", "Settled events past retention"},
	[BUD_COUNTER_DELIVERIES_MATCHED] = {"deliveries_matched", "Event-subscription pairs"},
	[BUD_COUNTER_DELIVERIES_DELIVERED] = {"deliveries_delivered", "Answered 2xx"},
	[BUD_COUNTER_DELIVERIES_PARKED] = {"deliveries_parked", "Written to a lane"},
	[BUD_COUNTER_DELIVERIES_DEAD] = {"deliveries_dead", "Given up, kept as dead letters"},
	[BUD_COUNTER_DELIVERIES_CANCELLED] = {"deliveries_cancelled", "Subscription was deleted"},
	[BUD_COUNTER_DELIVERIES_EXPIRED] = {"deliveries_expired",
		"The event's expirytime passed before it was delivered"},
	[BUD_COUNTER_DELIVERIES_DENIED] = {"deliveries_denied", "No permit"},
	[BUD_COUNTER_DELIVERIES_LATER] = {"deliveries_later",
		"Times that a delivery waited because nobody could say whether it is permitted"},
	[BUD_COUNTER_DECISION_CALLS] = {"decision_calls", "Calls to the decision point"},
	[BUD_COUNTER_DECISION_QUESTIONS] = {"decision_questions", "Questions in those calls"},
	[BUD_COUNTER_DECISION_FAILURES] = {"decision_failures",
		"Calls to the decision point without a good answer"},
	[BUD_COUNTER_REGISTER_CALLS] = {"register_calls", "Look-ups of parties over HTTP"},
	[BUD_COUNTER_REGISTER_FAILURES] = {"register_failures", "Those without a good answer"},
	[BUD_COUNTER_DELIVERIES_CLAIMED] = {"deliveries_claimed", "Taken from a lane"},
	[BUD_COUNTER_ATTEMPTS_OK] = {"attempts_ok", "HTTP attempts answered 2xx"},
	[BUD_COUNTER_ATTEMPTS_FAILED] = {"attempts_failed", "HTTP attempts that failed"},
	[BUD_COUNTER_ATTEMPTS_STUCK] = {"attempts_stuck",
		"Attempts ended by our own deadline, not by libcurl's"},
	[BUD_COUNTER_ATTEMPTS_BLOCKED] = {"attempts_blocked",
		"Attempts that had to wait because this node had no socket or no CA bundle for "
		"them"},
	[BUD_COUNTER_OUTCOME_AGAIN] = {"attempts_again", "Failed attempts with another to come"},
	[BUD_COUNTER_OUTCOME_DEAD] = {"attempts_dead", "Failed attempts that were the last one"},
	[BUD_COUNTER_OUTCOME_DISABLE] = {"attempts_disable",
		"Attempts whose answer disables the subscription"},
	[BUD_COUNTER_OUTCOME_EXPIRED] = {"attempts_expired",
		"Failed attempts of events that expire before the next one"},
	[BUD_COUNTER_BREAKER_OPENED] = {"breaker_opened", "Endpoints cut off after failures"},
	[BUD_COUNTER_ENDPOINT_PAUSES] = {"endpoint_pauses",
		"Endpoints paused because they answered Retry-After"},
	[BUD_COUNTER_WINDOW_HALVINGS] = {"window_halvings",
		"Endpoints that get half as many attempts at a time"},
	[BUD_COUNTER_FETCH_FULL] = {"fetch_full", "Attempts parked for want of a free transfer"},
	[BUD_COUNTER_FENCE_REJECTS] = {"fence_rejects", "Results that came after a take-over"},
	[BUD_COUNTER_REDIS_RECONNECTS] = {"redis_reconnects", "Connections made again"},
	[BUD_COUNTER_REDIS_RESTARTS] = {"redis_restarts", "Starts of the embedded Redis"},
	[BUD_COUNTER_REGISTRY_RELOADS] = {"registry_reloads", "Full loads of the subscriptions"},
	[BUD_COUNTER_TAKE_OVERS] = {"take_overs", "Dead nodes whose events were taken over"},
	[BUD_COUNTER_EVENTS_TRIMMED_EARLY] = {"events_trimmed_early",
		"Settled events that went before their age, because memory was short"},
	[BUD_COUNTER_INDEX_TRIMMED] = {"index_trimmed",
		"Entries taken out of the pull index by upkeep"},
	[BUD_COUNTER_PULL_PAGES] = {"pull_pages", "Pages of events read"},
	[BUD_COUNTER_PULL_EVENTS] = {"pull_events", "Events in those pages"},
	[BUD_COUNTER_QUOTA_PUBLISHES] = {"quota_publishes_refused",
		"Publish requests refused because of a publisher's quota"},
	[BUD_COUNTER_QUOTA_SUBSCRIPTIONS] = {"quota_subscriptions_refused",
		"Subscriptions refused because of an owner's quota"},
	[BUD_COUNTER_QUOTA_DELIVERIES] = {"quota_deliveries_dead",
		"Deliveries that went to the dead letters because of an owner's quota"},
	[BUD_COUNTER_INSTANCE_TOKENS] = {"instance_tokens_made", "Instance tokens made"},
	[BUD_COUNTER_INSTANCE_READS] = {"instance_reads", "Reads by an instance token"},
	[BUD_COUNTER_INSTANCE_REFUSED] = {"instance_reads_refused",
		"Reads by an instance token that is not valid, for another instance, or used too "
		"often"},
};

static const struct description gauges[BUD_GAUGES] = {
	[BUD_GAUGE_HAND_EVENTS] = {"hand_events", "Events in hand, not yet settled"},
	[BUD_GAUGE_ATTEMPTS_RUNNING] = {"attempts_running", "HTTP attempts under way"},
	[BUD_GAUGE_SUBSCRIPTIONS] = {"subscriptions", "Subscriptions in the table"},
	[BUD_GAUGE_SUBSCRIPTIONS_UNCOVERED] = {"subscriptions_uncovered",
		"Subscriptions whose filters are asked about every event"},
	[BUD_GAUGE_ENDPOINTS] = {"endpoints", "Endpoints known"},
	[BUD_GAUGE_ENDPOINTS_OPEN] = {"endpoints_open", "Endpoints with an open breaker"},
	[BUD_GAUGE_LANES_DUE] = {"lanes", "Lanes with parked deliveries"},
	[BUD_GAUGE_PENDING] = {"pending_events", "Events read by some node and not settled"},
	[BUD_GAUGE_REDIS_UP] = {"redis_up", "1 when Redis answers"},
	[BUD_GAUGE_REDIS_USED_BYTES] = {"redis_used_bytes", "Memory used by Redis"},
	[BUD_GAUGE_REDIS_MAX_BYTES] = {"redis_max_bytes", "Memory limit of Redis, 0 for none"},
	[BUD_GAUGE_REGISTRY_MISSING] = {"registry_missing",
		"1 when the subscriptions are gone or went back: nothing is matched"},
	[BUD_GAUGE_NODES_LIVE] = {"nodes_live", "Nodes with a heartbeat"},
	[BUD_GAUGE_SEALED_OLD] = {"sealed_old",
		"Subscriptions with a secret that is not sealed with the first of secrets.key"},
	[BUD_GAUGE_ISSUERS_FAILING] = {"issuers_failing",
		"Issuers whose keys could not be fetched the last time"},
	[BUD_GAUGE_POLICY_STALE] = {"policy_stale",
		"The policy file is wrong; the one before is in force"},
	[BUD_GAUGE_ISSUERS_STALE] = {"issuers_stale",
		"The file of issuers is wrong; the one before is in force"},
	[BUD_GAUGE_RETENTION_BUDGET] = {"retention_budget_bytes",
		"Memory of Redis above which settled events go whatever their age, 0 for none"},
	[BUD_GAUGE_EVENTS_RETAINED] = {"events_retained", "Events in the partitions"},
	[BUD_GAUGE_OLDEST_EVENT] = {"oldest_event_seconds", "Age of the oldest of them"},
	[BUD_GAUGE_PULL_WAITING] = {"pull_waiting", "Requests that wait for events"},
	[BUD_GAUGE_PARKED_BYTES] = {"parked_bytes",
		"Events that wait, each for each subscription; measured where quotas bound them"},
	[BUD_GAUGE_QUOTA_FULL_OWNERS] = {"quota_full_owners",
		"Owners that have parked as many bytes as they may"},
};

static const struct description histograms[BUD_HISTOGRAMS] = {
	[BUD_HISTOGRAM_INGEST] = {"ingest_seconds", "Publish request complete to stored"},
	[BUD_HISTOGRAM_BARRIER] = {"barrier_seconds", "Events read to table new enough"},
	[BUD_HISTOGRAM_MATCH] = {"match_seconds", "Matching one event"},
	[BUD_HISTOGRAM_PUSH] = {"push_seconds", "One attempt"},
	[BUD_HISTOGRAM_SETTLE] = {"settle_seconds", "Settling or acking"},
	[BUD_HISTOGRAM_CLAIM] = {"claim_seconds", "Claiming parked deliveries"},
	[BUD_HISTOGRAM_DELIVERY] = {"delivery_seconds", "Event stored to delivered, first try"},
	[BUD_HISTOGRAM_PULL] = {"pull_seconds", "One page, without the time it waited for events"},
};

/* Bucket i ends at 2^(i/2 + 1) us, odd ones at 1.5 times the power below. */
static uint64_t bucket_end_us(size_t i)
{
	uint64_t power = 2ULL << (i / 2);

	return i % 2 ? power + power / 2 : power;
}

static size_t bucket_of(uint64_t us)
{
	size_t power;
	size_t i;

	if (us <= 2)
		return 0;
	power = 63 - (size_t)__builtin_clzll(us);
	i = (power - 1) * 2;
	while (i < BUD_HISTOGRAM_BUCKETS - 1 && us > bucket_end_us(i))
		i++;
	return i < BUD_HISTOGRAM_BUCKETS ? i : BUD_HISTOGRAM_BUCKETS - 1;
}

static void add_relaxed(uint64_t *to, uint64_t n)
{
	__atomic_store_n(to, __atomic_load_n(to, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

void bud_metrics_time(struct bud_metrics *metrics, enum bud_histogram histogram, int64_t us)
{
	uint64_t time_us = us > 0 ? (uint64_t)us : 0;

	add_relaxed(&metrics->buckets[histogram][bucket_of(time_us)], 1);
	add_relaxed(&metrics->sums_us[histogram], time_us);
}

uint64_t bud_metrics_counter(const struct bud_metrics *metrics, enum bud_counter counter)
{
	return __atomic_load_n(&metrics->counters[counter], __ATOMIC_RELAXED);
}

int64_t bud_metrics_gauge(const struct bud_metrics *metrics, enum bud_gauge gauge)
{
	return __atomic_load_n(&metrics->gauges[gauge], __ATOMIC_RELAXED);
}

static void write_head(struct bud_buffer *out, const struct description *what, const char *suffix,
	const char *type)
{
	bud_buffer_format(out, "# HELP budstikke_%s%s %s\n# TYPE budstikke_%s%s %s\n", what->name,
		suffix, what->help, what->name, suffix, type);
}

static void write_histogram(
	const struct bud_metrics *const *sets, size_t n, size_t which, struct bud_buffer *out)
{
	const char *name = histograms[which].name;
	uint64_t count = 0;
	uint64_t sum_us = 0;

	write_head(out, &histograms[which], "", "histogram");
	for (size_t i = 0; i < BUD_HISTOGRAM_BUCKETS; i++) {
		for (size_t set = 0; set < n; set++)
			count += __atomic_load_n(&sets[set]->buckets[which][i], __ATOMIC_RELAXED);
		if (i == BUD_HISTOGRAM_BUCKETS - 1)
			break;
		bud_buffer_format(out, "budstikke_%s_bucket{le=\"%.7g\"} %llu\n", name,
			(double)bucket_end_us(i) / 1e6, (unsigned long long)count);
	}
	for (size_t set = 0; set < n; set++)
		sum_us += __atomic_load_n(&sets[set]->sums_us[which], __ATOMIC_RELAXED);
	bud_buffer_format(
		out, "budstikke_%s_bucket{le=\"+Inf\"} %llu\n", name, (unsigned long long)count);
	bud_buffer_format(out, "budstikke_%s_sum %.6f\nbudstikke_%s_count %llu\n", name,
		(double)sum_us / 1e6, name, (unsigned long long)count);
}

void bud_metrics_write(const struct bud_metrics *const *sets, size_t n, struct bud_buffer *out)
{
	for (size_t i = 0; i < BUD_COUNTERS; i++) {
		uint64_t sum = 0;
		for (size_t set = 0; set < n; set++)
			sum += bud_metrics_counter(sets[set], (enum bud_counter)i);
		write_head(out, &counters[i], "_total", "counter");
		bud_buffer_format(out, "budstikke_%s_total %llu\n", counters[i].name,
			(unsigned long long)sum);
	}
	for (size_t i = 0; i < BUD_GAUGES; i++) {
		int64_t sum = 0;
		for (size_t set = 0; set < n; set++)
			sum += bud_metrics_gauge(sets[set], (enum bud_gauge)i);
		write_head(out, &gauges[i], "", "gauge");
		bud_buffer_format(out, "budstikke_%s %lld\n", gauges[i].name, (long long)sum);
	}
	for (size_t i = 0; i < BUD_HISTOGRAMS; i++)
		write_histogram(sets, n, i, out);
}
