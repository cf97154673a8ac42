/* The table. To add a setting: a field in config.h, a row here, BUD_SETTINGS one more, and
 * `ninja update-conf` for deploy/budstikke.conf. Nothing else needs to know. */
#include "config/settings.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "config/config.h"

#define DAY_S   86400
#define AT(...) offsetof(struct bud_config, __VA_ARGS__)

const struct bud_setting bud_settings[] = {
	{"workers", BUD_SETTING_INTEGER, AT(workers), "0", "threads", 0, 256,
		"Threads that receive and deliver; 0 takes one per core but one, at least 1."},

	{"server.listen", BUD_SETTING_LISTEN, AT(server.listen), "127.0.0.1:8080", NULL, 0, 0,
		"Where the public API listens; port 0 takes a free one."},
	{"server.behind_proxy", BUD_SETTING_BOOL, AT(server.behind_proxy), "no", NULL, 0, 0,
		"Whether a proxy with TLS stands in front; needed to listen elsewhere than on "
		"loopback, beside authentication."},
	{"server.drain_s", BUD_SETTING_INTEGER, AT(server.drain_s), "25", "seconds", 0, 3600,
		"How long a stop waits for what is under way; the rest is delivered after the next "
		"start."},

	{"admin.listen", BUD_SETTING_LISTEN, AT(admin.listen), "127.0.0.1:8081", NULL, 0, 0,
		"Where /metrics, /healthz, /readyz and the switches of operation listen."},

	{"auth.mode", BUD_SETTING_CHOICE, AT(auth.mode), "none", "none|keys|jwt|keys,jwt", 0, 0,
		"What proves who asks: API keys, tokens of the issuers below, or either; none: "
		"everybody on this machine is the owner \"local\"."},
	{"auth.issuers", BUD_SETTING_PATH, AT(auth.issuers), "", NULL, 0, 0,
		"A JSON file with the issuers whose tokens are accepted, read again on SIGHUP; "
		"empty: none."},
	{"auth.allow_http", BUD_SETTING_BOOL, AT(auth.allow_http), "no", NULL, 0, 0,
		"Whether issuers may be asked for their keys over http: instead of https:."},
	{"auth.scope_publish", BUD_SETTING_TEXT, AT(auth.scope_publish),
		"events:publish, altinn:events.publish, altinn:events.publish.admin", NULL, 0, 0,
		"Scopes of which one is needed to publish."},
	{"auth.scope_subscribe", BUD_SETTING_TEXT, AT(auth.scope_subscribe),
		"events:subscribe, altinn:events.subscribe", NULL, 0, 0,
		"Scopes of which one is needed to subscribe and to see what was delivered."},
	{"auth.scope_read", BUD_SETTING_TEXT, AT(auth.scope_read),
		"events:read, events:subscribe, altinn:events.subscribe", NULL, 0, 0,
		"Scopes of which one is needed to read events."},
	{"auth.policy_file", BUD_SETTING_PATH, AT(auth.policy_file), "", NULL, 0, 0,
		"A JSON file that says who owns which resources and who may publish, subscribe and "
		"read what; read again on SIGHUP; empty: owners have their own events, and grant."},
	{"auth.decision_url", BUD_SETTING_PATH, AT(auth.decision_url), "", NULL, 0, 0,
		"A decision point (XACML 3.0, JSON, multiple decisions) that is asked what neither "
		"policy nor grants decide; http: only in your own network; empty: none."},
	{"auth.decision_header", BUD_SETTING_SECRET, AT(auth.decision_header), "", NULL, 0, 0,
		"A header line for its calls, \"Name: value\", such as a subscription key; empty: "
		"none."},
	{"auth.decision_kept_s", BUD_SETTING_INTEGER, AT(auth.decision_kept_s), "60", "seconds", 1,
		3600,
		"How long its decision, permit or deny, is good; so long a change there may take "
		"until deliveries know it."},
	{"auth.register_url", BUD_SETTING_PATH, AT(auth.register_url), "", NULL, 0, 0,
		"The base of a register of parties as Altinn has it, \".../register/api\", for "
		"sub-units and party look-ups; http: only in your own network; empty: none."},
	{"auth.register_header", BUD_SETTING_SECRET, AT(auth.register_header), "", NULL, 0, 0,
		"A header line for its calls, \"Name: value\"; empty: none."},
	{"auth.parties_file", BUD_SETTING_PATH, AT(auth.parties_file), "", NULL, 0, 0,
		"A JSON file with parties instead, for tests and small set-ups, asked first; "
		"empty: none."},

	{"data.dir", BUD_SETTING_TEXT, AT(data.dir), "./budstikke-data", NULL, 0, 0,
		"The directory of the embedded Redis and of what this node keeps for itself."},

	{"node.id", BUD_SETTING_NAME, AT(node.id), "", NULL, 0, 0,
		"This node's name among all nodes on one Redis; empty: made once and kept in "
		"data.dir."},

	{"redis.url", BUD_SETTING_REDIS, AT(redis.url), "", NULL, 0, 0,
		"The Redis (7.0 or later) that holds everything; "
		"empty: one is started in data.dir."},

	{"secrets.key", BUD_SETTING_SECRET, AT(secrets.key), "", NULL, 0, 0,
		"The key that seals subscribers' secrets in Redis: 32 bytes in base64 or hex; "
		"older ones that still open may follow, with commas between; empty: they lie "
		"there as they are."},
	{"secrets.key_file", BUD_SETTING_PATH, AT(secrets.key_file), "", NULL, 0, 0,
		"A file with such keys instead, one on each line, the newest first; empty: none."},

	{"altinn.apps_domain", BUD_SETTING_PATH, AT(altinn.apps_domain), "apps.altinn.no", NULL, 0,
		0,
		"The Altinn Events API takes sources below this domain for apps, which need no "
		"scope to subscribe to; empty: by their resource alone."},

	{"memory.limit_bytes", BUD_SETTING_SIZE, AT(memory.limit_bytes), "0", "bytes", 0, 1LL << 50,
		"Memory for this node and its embedded Redis, which gets 45 % of it; "
		"0: all that the "
		"machine or its cgroup has."},

	{"retention.age_s", BUD_SETTING_INTEGER, AT(retention.age_s), "604800", "seconds", 0,
		90 * DAY_S,
		"How long events stay readable after all their deliveries are settled."},
	{"retention.memory_bytes", BUD_SETTING_SIZE, AT(retention.memory_bytes), "0", "bytes", 0,
		1LL << 50,
		"Memory of Redis above which settled events go whatever their age, the oldest "
		"first; 0: 70 % of what Redis may use."},

	{"pull.enabled", BUD_SETTING_BOOL, AT(pull.enabled), "no", NULL, 0, 0,
		"Whether events can be read back by GET /events; Redis then keeps an index entry "
		"of each event for each of these attributes that it has. The same on all nodes: "
		"what one without it takes in is not found."},
	{"pull.resource", BUD_SETTING_BOOL, AT(pull.resource), "yes", NULL, 0, 0,
		"Whether they can be read by resource."},
	{"pull.subject", BUD_SETTING_BOOL, AT(pull.subject), "yes", NULL, 0, 0,
		"Whether they can be read by subject."},
	{"pull.alternativesubject", BUD_SETTING_BOOL, AT(pull.alternativesubject), "yes", NULL, 0,
		0, "Whether they can be read by alternativesubject."},
	{"pull.resourceinstance", BUD_SETTING_BOOL, AT(pull.resourceinstance), "yes", NULL, 0, 0,
		"Whether they can be read by resourceinstance."},

	{"dedupe.window_s", BUD_SETTING_INTEGER, AT(dedupe.window_s), "600", "seconds", 1, DAY_S,
		"How long an event with the same source and id counts as a repeat."},

	{"quota.subscriptions", BUD_SETTING_INTEGER, AT(quota.subscriptions), "0", "subscriptions",
		0, 1000000000,
		"How many subscriptions an owner may have, until they are deleted; 0: no bound."},
	{"quota.parked_bytes", BUD_SETTING_SIZE, AT(quota.parked_bytes), "0", "bytes", 0, 1LL << 50,
		"How many bytes of events may wait for an owner's subscriptions until it can "
		"publish and replay no more, and what others publish for those that are behind "
		"goes to their dead letters; 0: no bound."},
	{"quota.publish_per_s", BUD_SETTING_INTEGER, AT(quota.publish_per_s), "0",
		"events a second", 0, 1000000000,
		"How many events a publisher may publish, over all nodes, with two seconds' worth "
		"at once; 0: no bound."},
	{"quota.instance_reads_per_s", BUD_SETTING_INTEGER, AT(quota.instance_reads_per_s), "5",
		"requests a second", 0, 1000000,
		"How often events may be read by one instance token, over all nodes; 0: no bound."},
	{"quota.uncovered_filters", BUD_SETTING_INTEGER, AT(quota.uncovered_filters), "1000",
		"subscriptions", 0, 1000000000,
		"How many subscriptions an owner may have whose filters name nothing that every "
		"event must have, such as a not or a suffix alone, so that they are asked about "
		"every event; 0: no bound. What is made at the same moment may go beyond it."},
	{"quota.residuals_per_key", BUD_SETTING_INTEGER, AT(quota.residuals_per_key), "10000",
		"filters", 0, 1000000000,
		"How many different filters may have the same exact values and ask for more than "
		"these, so that all are asked about an event that has them; 0: no bound. What is "
		"made at the same moment may go beyond it."},

	{"delivery.allow_http", BUD_SETTING_BOOL, AT(delivery.allow_http), "no", NULL, 0, 0,
		"Whether a sink may be http: instead of https:."},
	{"delivery.allow_networks", BUD_SETTING_NETWORKS, AT(delivery.allow_networks), "", NULL, 0,
		0,
		"Private, loopback and other special networks that sinks may be in, for example "
		"127.0.0.0/8, ::1/128."},
	{"delivery.nat64_prefix", BUD_SETTING_NETWORKS, AT(delivery.nat64_prefix), "", NULL, 0, 0,
		"Prefixes of this network's NAT64, for example 64:ff9b::/96: a sink's address in "
		"them is judged by the IPv4 address inside; without them it is refused."},
	{"delivery.source_address", BUD_SETTING_SOURCES, AT(delivery.source_address), "", NULL, 0,
		0,
		"The address deliveries come from, for receivers that check it; one of IPv4 and "
		"one of IPv6, sinks of a family without one are not reached; empty: any."},
	{"delivery.proxy", BUD_SETTING_PROXY, AT(delivery.proxy), "", NULL, 0, 0,
		"The proxy that all deliveries go through by CONNECT; it resolves the sinks' "
		"names, so it must keep private addresses out; empty: none."},
	{"delivery.retry_schedule_s", BUD_SETTING_SCHEDULE, AT(delivery.retry_schedule_s),
		"5, 30, 120, 600, 1800, 3600, 10800, 21600, 43200, 43200", "seconds", 1, 7 * DAY_S,
		"Waits between attempts; after the last one a delivery becomes a dead letter."},
	{"delivery.timeout_ms", BUD_SETTING_INTEGER, AT(delivery.timeout_ms), "15000",
		"milliseconds", 100, 60000,
		"How long an attempt may take, where the subscription does not say."},
	{"delivery.breaker_failures", BUD_SETTING_INTEGER, AT(delivery.breaker_failures), "5",
		"attempts", 1, 1000, "Failures in a row after which an endpoint is left alone."},
	{"delivery.breaker_open_s", BUD_SETTING_INTEGER, AT(delivery.breaker_open_s), "30",
		"seconds", 1, 3600, "How long it is left alone before one attempt probes it."},
	{"delivery.host_max", BUD_SETTING_INTEGER, AT(delivery.host_max), "64", "attempts", 0,
		100000,
		"Attempts at a time at one host and port, whoever they are for; 0: no bound."},
	{"delivery.disable_after_s", BUD_SETTING_INTEGER, AT(delivery.disable_after_s), "432000",
		"seconds", 0, 90 * DAY_S,
		"After so long of nothing but failures a subscription is disabled, and its events "
		"wait until it is resumed; 0: never."},
	{"delivery.verify", BUD_SETTING_CHOICE, AT(delivery.verify), "off", "off|low_rate|require",
		0, 0,
		"Whether receivers are asked (CloudEvents HTTP webhooks, 4) before they get "
		"events; who does not agree gets one request a minute, or none."},
	{"delivery.origin", BUD_SETTING_HOST, AT(delivery.origin), "", NULL, 0, 0,
		"The DNS name by which receivers are asked, WebHook-Request-Origin; empty: this "
		"host's name."},
	{"delivery.callback_url", BUD_SETTING_BASE_URL, AT(delivery.callback_url), "", NULL, 0, 0,
		"The address by which receivers reach the public API, so that they can agree "
		"later; empty: they must agree at once."},
	{"delivery.request_rate", BUD_SETTING_INTEGER, AT(delivery.request_rate), "0",
		"requests a minute", 0, 1000000,
		"The rate that receivers are asked for, WebHook-Request-Rate; 0: they may say one "
		"unasked."},

	{"log.level", BUD_SETTING_CHOICE, AT(log.level), "info", "error|warn|info|debug", 0, 0,
		"What is logged: this and everything graver."},
	{"log.format", BUD_SETTING_CHOICE, AT(log.format), "text", "text|json", 0, 0,
		"How a line is written: key=value, or JSON."},
};

static_assert(sizeof(bud_settings) / sizeof(*bud_settings) == BUD_SETTINGS,
	"BUD_SETTINGS in config.h counts the rows");

int bud_setting_find(struct bud_span key)
{
	for (int i = 0; i < BUD_SETTINGS; i++)
		if (bud_span_is(key, bud_settings[i].key))
			return i;
	return -ENOENT;
}

#define SUGGEST_BYTES_MAX 64

/* Levenshtein's distance between two short texts. */
static size_t distance(struct bud_span a, struct bud_span b)
{
	size_t row[SUGGEST_BYTES_MAX + 1];

	assert(b.len <= SUGGEST_BYTES_MAX);
	for (size_t k = 0; k <= b.len; k++)
		row[k] = k;
	for (size_t i = 0; i < a.len; i++) {
		size_t diagonal = row[0];
		row[0] = i + 1;
		for (size_t k = 0; k < b.len; k++) {
			size_t best = diagonal + (a.at[i] != b.at[k]);
			diagonal = row[k + 1];
			if (diagonal + 1 < best)
				best = diagonal + 1;
			if (row[k] + 1 < best)
				best = row[k] + 1;
			row[k + 1] = best;
		}
	}
	return row[b.len];
}

static struct bud_span without_section(struct bud_span key)
{
	const char *dot = key.len ? memchr(key.at, '.', key.len) : NULL;

	if (!dot)
		return key;
	return (struct bud_span){dot + 1, key.len - (size_t)(dot + 1 - key.at)};
}

const char *bud_setting_suggest(struct bud_span key)
{
	const char *nearest = NULL;
	size_t best = key.len / 2 + 1; /* more than half wrong is another word */

	if (key.len > SUGGEST_BYTES_MAX)
		return NULL;
	for (int i = 0; i < BUD_SETTINGS; i++) {
		const char *known = bud_settings[i].key;
		size_t away = distance(key, bud_span(known));
		if (bud_span_equals(without_section(key), without_section(bud_span(known))))
			away = 1;
		if (away < best) {
			best = away;
			nearest = known;
		}
	}
	return nearest;
}

void bud_setting_write_variable(const char *key, char out[BUD_SETTING_VARIABLE_BYTES])
{
	snprintf(out, BUD_SETTING_VARIABLE_BYTES, "BUDSTIKKE_%s", key);
	for (; *out; out++)
		*out = *out == '.' ? '_' : (char)toupper((unsigned char)*out);
}
