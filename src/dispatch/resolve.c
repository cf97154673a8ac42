/* Results on their way to Redis. queue -> sent -> gone; back to the queue when nobody answered. */
#include "dispatch/resolve.h"

#include <stdlib.h>

#include "core/clock.h"
#include "core/metrics.h"
#include "dispatch/dead_letter.h"
#include "dispatch/delivery.h"
#include "dispatch/desk.h"
#include "dispatch/lane_plan.h"
#include "store/store.h"

#define BATCH    64
#define RETRY_MS 200

struct result {
	struct bud_list link;
	struct bud_lane_plan plan;
	bool is_release; /* else a resolution */
	struct bud_resolution resolution;
	int64_t rest_ms;
	const char *token;
	const char *lane;
	char text[]; /* what the others point to */
};

struct batch {
	struct bud_resolves *resolves;
	struct bud_list results;
	size_t n_dead;
};

void bud_resolves_init(struct bud_resolves *resolves, const struct bud_desk *desk)
{
	*resolves = (struct bud_resolves){.desk = desk};
	bud_list_init(&resolves->queue);
}

static void free_all(struct bud_list *list)
{
	struct result *result;
	struct result *after;

	bud_list_each_safe (result, after, list, link)
		free(result);
	bud_list_init(list);
}

void bud_resolves_finish(struct bud_resolves *resolves)
{
	free_all(&resolves->queue);
}

bool bud_resolves_is_empty(const struct bud_resolves *resolves)
{
	return bud_list_is_empty(&resolves->queue) && resolves->n_sent == 0;
}

static size_t text_len(const struct bud_resolution *resolution)
{
	return resolution->why.len + resolution->note.owner.len + resolution->note.bytes.len;
}

static void copy(char **to, struct bud_span *span)
{
	if (span->len > 0)
		memcpy(*to, span->at, span->len);
	span->at = *to;
	*to += span->len;
}

static void add(struct bud_resolves *resolves, const struct bud_lane_use *use,
	const struct result *filled, const char *token)
{
	size_t lane_len = strlen(use->lane) + 1;
	size_t token_len = strlen(token) + 1;
	struct result *result =
		bud_alloc(sizeof(*result) + lane_len + token_len + text_len(&filled->resolution));
	char *to = result->text;

	*result = *filled;
	result->plan = *use->plan;
	result->lane = memcpy(to, use->lane, lane_len);
	to += lane_len;
	result->token = memcpy(to, token, token_len);
	to += token_len;
	copy(&to, &result->resolution.why);
	copy(&to, &result->resolution.note.owner);
	copy(&to, &result->resolution.note.bytes);
	bud_list_init(&result->link);
	bud_list_append(&resolves->queue, &result->link);
}

void bud_resolves_add(struct bud_resolves *resolves, const struct bud_lane_use *use,
	const struct bud_resolution *resolution)
{
	add(resolves, use, &(struct result){.resolution = *resolution}, "");
}

void bud_resolves_release(struct bud_resolves *resolves, const struct bud_lane_use *use,
	const char *token, int64_t rest_ms)
{
	add(resolves, use, &(struct result){.is_release = true, .rest_ms = rest_ms}, token);
}

void bud_resolves_add_attempt(struct bud_resolves *resolves, const struct bud_lane_use *use,
	const struct bud_delivery *delivery, const struct bud_member *id, int64_t lease)
{
	struct bud_resolution resolution = {.id = *id,
		.lease = lease,
		.delay_ms = delivery->wait_ms,
		.attempt = delivery->attempt};
	bud_auto(buffer) struct bud_buffer text = {0};

	switch (delivery->end) {
	case BUD_DELIVERY_END_DELIVERED:
		resolution.verb = BUD_RESOLVE_DONE;
		break;
	case BUD_DELIVERY_END_EXPIRED:
	case BUD_DELIVERY_END_CANCELLED:
		resolution.verb = BUD_RESOLVE_FORGET;
		break;
	case BUD_DELIVERY_END_BLOCKED:
		resolution.verb = delivery->is_alone ? BUD_RESOLVE_LATER : BUD_RESOLVE_AGAIN;
		resolution.attempt = delivery->attempt - 1;
		break;
	case BUD_DELIVERY_END_AGAIN:
		resolution.verb = BUD_RESOLVE_AGAIN;
		break;
	case BUD_DELIVERY_END_DEAD:
		resolution.verb = BUD_RESOLVE_DEAD;
		bud_dead_letter_write(resolves->desk->commands->shard, delivery, &text,
			&resolution.why, &resolution.note);
		break;
	}
	if (lease != 0 || resolution.verb == BUD_RESOLVE_DONE)
		bud_resolves_add(resolves, use, &resolution);
}

static void take_back(struct batch *batch)
{
	while (!bud_list_is_empty(&batch->results)) {
		struct bud_list *link = batch->results.next;
		bud_list_remove(link);
		bud_list_append(&batch->resolves->queue, link);
	}
	batch->resolves->retry_mono_ms = bud_clock_mono_ms() + RETRY_MS;
}

static void on_resolved(void *owner, int err, int64_t changed)
{
	struct batch *batch = owner;

	(void)changed;
	batch->resolves->n_sent--;
	if (err < 0) {
		take_back(batch);
	} else {
		bud_metrics_add(
			batch->resolves->desk->metrics, BUD_COUNTER_DELIVERIES_DEAD, batch->n_dead);
		free_all(&batch->results);
	}
	free(batch);
}

/* All of the first one's lane, up to a bound or to the release of a claim. */
static void gather(struct batch *batch, struct bud_lane_resolve *call,
	struct bud_resolution resolutions[BATCH])
{
	struct bud_list *queue = &batch->resolves->queue;
	struct result *first = bud_list_first(queue, struct result, link);
	struct result *result;
	struct result *after;

	call->lane = bud_span(first->lane);
	call->subscription = bud_lane_subscription(call->lane);
	call->mode = first->plan.mode;
	call->fill = first->plan.fill;
	call->wait_ms = first->plan.wait_ms;
	call->resolutions = resolutions;
	bud_list_each_safe (result, after, queue, link) {
		if (strcmp(result->lane, first->lane) != 0)
			continue;
		if (call->n == BATCH && !result->is_release)
			break;
		bud_list_remove(&result->link);
		bud_list_append(&batch->results, &result->link);
		if (result->is_release) {
			call->last = bud_span(result->token);
			call->rest_ms = result->rest_ms;
			break;
		}
		batch->n_dead += result->resolution.verb == BUD_RESOLVE_DEAD;
		if (result->resolution.note.bytes.len > 0)
			call->note_partition = result->resolution.note.partition;
		resolutions[call->n++] = result->resolution;
	}
}

static bool send_lane(struct bud_resolves *resolves)
{
	struct bud_resolution resolutions[BATCH];
	struct bud_lane_resolve call = {.n = 0};
	struct batch *batch = bud_new(struct batch);

	batch->resolves = resolves;
	bud_list_init(&batch->results);
	gather(batch, &call, resolutions);
	if (bud_lane_resolve(resolves->desk->commands, &call, on_resolved, batch) == 0) {
		resolves->n_sent++;
		return true;
	}
	take_back(batch);
	free(batch);
	return false;
}

void bud_resolves_flush(struct bud_resolves *resolves, int64_t mono_ms)
{
	if (mono_ms < resolves->retry_mono_ms)
		return;
	while (!bud_list_is_empty(&resolves->queue) && send_lane(resolves))
		;
}
