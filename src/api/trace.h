/* A trace: what became of one event for some subscriptions, from their lanes, their dead letters
 * and their attempts. Within api/ only. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "core/alloc.h"
#include "core/limits.h"
#include "core/text.h"
#include "store/lane_name.h"
#include "store/lane_states.h"

struct bud_api_desk;     /* api/desk.h */
struct bud_event;        /* event/event.h */
struct bud_subscription; /* subscription/subscription.h */

/* Most subscriptions of one trace. */
#define BUD_TRACE_MAX BUD_LANE_STATES_MAX

/* What is to be known of a subscription; its own copy. */
struct bud_trace_target {
	char id[BUD_SUBSCRIPTION_ID_MAX + 1];
	char lane[BUD_LANE_TEXT_BYTES];
	int64_t created_ms;
	bool is_match; /* the subscription as it is now */
};

void bud_trace_target_set(struct bud_trace_target *target, const struct bud_shard *shard,
	const struct bud_subscription *subscription, const struct bud_event *event,
	const struct bud_member *id);

/* `event` gets a reference; the targets are copied. */
struct bud_trace {
	struct bud_event *event;
	struct bud_member id;
	const struct bud_trace_target *targets;
	size_t n;
};

/* `json` is an array with an object for each target, in their order; lent. */
typedef void (*bud_trace_fn)(void *owner, int err, struct bud_span json);
BUD_MUST_CHECK int bud_trace(
	struct bud_api_desk *desk, const struct bud_trace *trace, bud_trace_fn fn, void *owner);
