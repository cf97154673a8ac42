/* Kinds of lanes. */
#include "dispatch/lane_kind.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/hash.h"
#include "event/event.h"
#include "subscription/push_config.h"
#include "subscription/status.h"

double bud_lane_rate(
	const struct bud_push_config *config, const struct bud_subscription_status *status)
{
	double granted = status->rate_per_min / 60.0;

	if (granted > 0 && (config->rate_per_s <= 0 || granted < config->rate_per_s))
		return granted;
	return config->rate_per_s;
}

enum bud_lane_kind bud_lane_kind_of(const struct bud_push_config *config,
	const struct bud_subscription_status *status, unsigned sharers)
{
	if (config->is_ordered)
		return BUD_LANE_KIND_ORDERED;
	if (config->mode == BUD_MODE_BATCH)
		return BUD_LANE_KIND_BATCH;
	if (bud_lane_rate(config, status) > 0 ||
		(config->max_in_flight > 0 && config->max_in_flight < sharers))
		return BUD_LANE_KIND_LIMITED;
	return BUD_LANE_KIND_PLAIN;
}

bool bud_lane_name_parse(struct bud_span text, struct bud_lane_name *out_name)
{
	struct bud_span rest = text;
	size_t len = 0;

	*out_name = (struct bud_lane_name){.is_replay = false};
	while (len < text.len && text.at[len] != '/' && text.at[len] != '~')
		len++;
	if (len == 0 || len > BUD_SUBSCRIPTION_ID_MAX)
		return false;
	memcpy(out_name->subscription, text.at, len);
	rest.at += len;
	rest.len -= len;
	out_name->is_replay = bud_span_is(rest, BUD_LANE_REPLAY);
	out_name->has_key = rest.len == 17 && rest.at[0] == '/';
	return rest.len == 0 || out_name->is_replay || out_name->has_key;
}

void bud_lane_name_write_ordered(const char *subscription, const struct bud_event *event,
	const struct bud_hash_key *key, char out[BUD_LANE_NAME_BYTES])
{
	const struct bud_attribute *given = bud_event_find(event, bud_span("partitionkey"));
	struct bud_span order = given ? given->value : event->subject;
	uint64_t hash;

	if (order.len > 0) {
		hash = bud_hash_64(key, order);
	} else {
		struct bud_span parts[] = {event->owner, event->source, event->id};
		hash = bud_hash_128(key, parts, 3).low;
	}
	snprintf(out, BUD_LANE_NAME_BYTES, "%s/%016" PRIx64, subscription, hash);
}
