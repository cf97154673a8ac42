/* Traces: lanes, whether it is in hand, and each attempt log, all asked at once -> an outcome for
 * each, the strongest sign first. */
#include "api/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/desk.h"
#include "core/clock.h"
#include "event/event.h"
#include "store/attempts.h"
#include "store/partition.h"
#include "subscription/push_config.h"
#include "subscription/subscription.h"

struct walk;

struct target {
	struct walk *walk;
	struct bud_trace_target known;
	struct bud_lane_state state;
	struct bud_buffer attempts; /* lines with commas between */
	bool is_delivered;
};

struct walk {
	struct bud_event *event;
	struct bud_member id;
	bud_trace_fn fn;
	void *owner;
	struct bud_buffer needle; /* how an attempt's line names the event */
	unsigned n_waiting;
	int err; /* the first one */
	bool is_pending;
	size_t n;
	struct target targets[];
};

void bud_trace_target_set(struct bud_trace_target *target, const struct bud_shard *shard,
	const struct bud_subscription *subscription, const struct bud_event *event,
	const struct bud_member *id)
{
	const struct bud_attribute *key = bud_event_find(event, bud_span("partitionkey"));
	struct bud_span order = key ? key->value : event->subject;

	*target = (struct bud_trace_target){.created_ms = subscription->created_ms,
		.is_match = bud_subscription_match(subscription, event, bud_clock_wall_ms())};
	snprintf(target->id, sizeof(target->id), "%s", subscription->id);
	if (subscription->config->is_ordered)
		bud_lane_ordered_write(shard, bud_span(subscription->id), order, id, target->lane);
	else
		snprintf(target->lane, sizeof(target->lane), "%s", subscription->id);
}

static void destroy(struct walk *walk)
{
	for (size_t i = 0; i < walk->n; i++)
		bud_buffer_finish(&walk->targets[i].attempts);
	bud_buffer_finish(&walk->needle);
	bud_event_unref(walk->event);
	free(walk);
}

static void write_spot(struct bud_buffer *out, const char *outcome, const char *when,
	const struct bud_lane_spot *spot)
{
	char time[25];

	bud_buffer_format(out, "\"%s\",\"attempt\":%u", outcome, spot->attempt);
	if (spot->at_ms <= 0)
		return;
	bud_clock_write(spot->at_ms, time);
	bud_buffer_format(out, ",\"%s\":\"%s\"", when, time);
}

/* Without any sign of it: what must have been. Attempt logs are short, so "settled" is what was
 * delivered long ago, too. */
static const char *quiet_outcome(const struct walk *walk, const struct bud_trace_target *known)
{
	if (!known->is_match)
		return "not_matched";
	if (walk->is_pending)
		return "in_hand";
	if (known->created_ms > (int64_t)walk->id.ms)
		return "made_later";
	if (walk->event->expires_wall_ms <= bud_clock_wall_ms())
		return "expired";
	return "settled";
}

static void write_outcome(
	const struct walk *walk, const struct target *target, struct bud_buffer *out)
{
	const struct bud_lane_state *state = &target->state;

	if (state->parked.is_there)
		write_spot(out, "parked", "due", &state->parked);
	else if (state->replay.is_there)
		write_spot(out, "replaying", "due", &state->replay);
	else if (state->dead.is_there)
		write_spot(out, "dead", "died", &state->dead);
	else if (target->is_delivered)
		bud_buffer_text(out, "\"delivered\"");
	else
		bud_buffer_format(out, "\"%s\"", quiet_outcome(walk, &target->known));
}

static void finish(struct walk *walk)
{
	bud_auto(buffer) struct bud_buffer json = {0};

	bud_buffer_byte(&json, '[');
	for (size_t i = 0; i < walk->n; i++) {
		const struct target *target = &walk->targets[i];
		bud_buffer_format(&json, "%s{\"subscription\":\"%s\",\"outcome\":", i ? "," : "",
			target->known.id);
		write_outcome(walk, target, &json);
		bud_buffer_text(&json, ",\"attempts\":[");
		bud_buffer_span(&json, bud_buffer_as_span(&target->attempts));
		bud_buffer_text(&json, "]}");
	}
	bud_buffer_byte(&json, ']');
	walk->fn(walk->owner, walk->err, bud_buffer_as_span(&json));
	destroy(walk);
}

static void one_less(struct walk *walk, int err)
{
	if (err < 0 && walk->err == 0)
		walk->err = err;
	if (--walk->n_waiting == 0)
		finish(walk);
}

static void on_states(void *owner, int err, const struct bud_lane_state *states, size_t n)
{
	struct walk *walk = owner;

	for (size_t i = 0; err == 0 && i < n && i < walk->n; i++)
		walk->targets[i].state = states[i];
	one_less(walk, err);
}

static void on_pending(void *owner, int err, int64_t number)
{
	struct walk *walk = owner;

	walk->is_pending = number > 0;
	one_less(walk, err);
}

static void on_attempts(void *owner, int err, const struct bud_span *lines, size_t n)
{
	struct target *target = owner;
	const struct bud_buffer *needle = &target->walk->needle;
	static const char delivered[] = "\"result\":\"delivered\"";

	for (size_t i = 0; err == 0 && i < n; i++) {
		if (!memmem(lines[i].at, lines[i].len, needle->at, needle->len))
			continue;
		if (target->attempts.len > 0)
			bud_buffer_byte(&target->attempts, ',');
		bud_buffer_span(&target->attempts, lines[i]);
		target->is_delivered |=
			memmem(lines[i].at, lines[i].len, delivered, strlen(delivered)) != NULL;
	}
	one_less(target->walk, err);
}

static int ask_states(struct bud_store *store, struct walk *walk)
{
	struct bud_lane_asked asked[BUD_TRACE_MAX];
	struct bud_lane_states_ask ask = {walk->id, asked, walk->n};

	for (size_t i = 0; i < walk->n; i++)
		asked[i] = (struct bud_lane_asked){
			bud_span(walk->targets[i].known.id), bud_span(walk->targets[i].known.lane)};
	return bud_lane_states(store, &ask, on_states, walk);
}

/* Counts a command that was sent; the first failure ends the asking. */
static bool is_sent(struct walk *walk, int r)
{
	if (r < 0)
		walk->err = r;
	else
		walk->n_waiting++;
	return r == 0;
}

static void ask(struct bud_store *store, struct walk *walk)
{
	bool goes_on = is_sent(walk, bud_partition_is_pending(store, &walk->id, on_pending, walk));

	if (goes_on && walk->n > 0)
		goes_on = is_sent(walk, ask_states(store, walk));
	for (size_t i = 0; goes_on && i < walk->n; i++)
		goes_on =
			is_sent(walk, bud_attempts_list(store, bud_span(walk->targets[i].known.id),
					      on_attempts, &walk->targets[i]));
}

int bud_trace(
	struct bud_api_desk *desk, const struct bud_trace *trace, bud_trace_fn fn, void *owner)
{
	struct walk *walk = bud_alloc_zero(sizeof(*walk) + trace->n * sizeof(walk->targets[0]));
	int r;

	walk->event = bud_event_ref(trace->event);
	walk->id = trace->id;
	walk->fn = fn;
	walk->owner = owner;
	walk->n = trace->n;
	for (size_t i = 0; i < trace->n; i++) {
		walk->targets[i].walk = walk;
		walk->targets[i].known = trace->targets[i];
	}
	bud_buffer_text(&walk->needle, "\"event\":");
	bud_buffer_json(&walk->needle, walk->event->id);
	bud_buffer_text(&walk->needle, ",\"source\":");
	bud_buffer_json(&walk->needle, walk->event->source);
	ask(desk->store, walk);
	if (walk->n_waiting > 0)
		return 0;
	r = walk->err;
	destroy(walk);
	return r;
}
