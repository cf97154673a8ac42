/* Ingest. request -> checked publish -> queue -> (end of turn) append calls -> answers -> 202.
 * While enough calls are under way the queue grows: the busier, the larger the calls, the cheaper
 * each. */
#include "ingest/ingest.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <uv.h>

#include "auth/need.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/limits.h"
#include "core/log.h"
#include "core/metrics.h"
#include "event/envelope.h"
#include "http/reply.h"
#include "http/request.h"
#include "ingest/publish.h"
#include "ingest/quota.h"
#include "store/append.h"

/* One: the next call gathers while Redis writes and syncs this one. */
#define CALLS_MAX 1

#define ALARM_EACH_MS 60000
#define ALARM_OVER_MS 5000

struct bud_ingest {
	struct bud_ingest_options options;
	struct bud_envelope envelope; /* reused from event to event */
	uv_check_t turn_end;
	struct bud_list queue; /* bud_publish::link */
	size_t n_calls;        /* under way */
	/* While events cannot be stored; 0: they can. */
	int64_t alarmed_mono_ms; /* when it was said last */
	int64_t failed_mono_ms;  /* the last time */
};

/* One append call: which events of which publishes it carries. */
struct call {
	struct bud_ingest *ingest;
	size_t n;
	struct {
		struct bud_publish *publish;
		size_t index;
	} items[BUD_APPEND_EVENTS_MAX];
};

static void on_turn_end(uv_check_t *check);

struct bud_ingest *bud_ingest_open(const struct bud_ingest_options *options)
{
	struct bud_ingest *ingest = bud_new(struct bud_ingest);

	ingest->options = *options;
	bud_envelope_init(&ingest->envelope);
	bud_list_init(&ingest->queue);
	uv_check_init(options->loop, &ingest->turn_end);
	ingest->turn_end.data = ingest;
	uv_check_start(&ingest->turn_end, on_turn_end);
	return ingest;
}

static void on_closed(uv_handle_t *handle)
{
	struct bud_ingest *ingest = handle->data;

	assert(bud_list_is_empty(&ingest->queue) && ingest->n_calls == 0);
	bud_envelope_finish(&ingest->envelope);
	free(ingest);
}

void bud_ingest_close(struct bud_ingest *ingest)
{
	if (ingest)
		uv_close((uv_handle_t *)&ingest->turn_end, on_closed);
}

static void answer(struct bud_publish *publish)
{
	struct bud_ingest *ingest = publish->ingest;
	struct bud_metrics *metrics = ingest->options.metrics;

	bud_metrics_add(metrics, BUD_COUNTER_EVENTS_ACCEPTED, publish->n_stored);
	bud_metrics_add(metrics, BUD_COUNTER_EVENTS_DUPLICATE, publish->n_duplicates);
	bud_metrics_add(metrics, BUD_COUNTER_EVENTS_CONFLICT, publish->n_conflicts);
	if (publish->err < 0)
		bud_metrics_add(metrics, BUD_COUNTER_REQUESTS_UNAVAILABLE, 1);
	bud_metrics_time(
		metrics, BUD_HISTOGRAM_INGEST, bud_clock_mono_us() - publish->request->whole_us);
	if (publish->fn)
		bud_publish_tell(publish, NULL);
	else
		bud_publish_answer(publish, atomic_load(ingest->options.durability));
}

static void count_result(struct bud_publish *publish, size_t index, int err, signed char result)
{
	if (err < 0) {
		publish->err = err;
		publish->is_lost |= err == -ENOTCONN || err == -EPROTO;
	} else {
		publish->results[index] = result;
		publish->n_stored += result == BUD_APPEND_STORED;
		publish->n_duplicates += result == BUD_APPEND_DUPLICATE;
		publish->n_conflicts += result == BUD_APPEND_CONFLICT;
	}
	if (++publish->n_answered == publish->n)
		answer(publish);
}

/* NULL: it can be, or the connection is gone, which says so itself. */
static const char *why_not_stored(int err)
{
	switch (err) {
	case 0:
	case -ENOTCONN:
		return NULL;
	case -ENOSPC:
		return "Redis is full, or its disk is";
	case -EAGAIN:
		return "Redis is busy, or lacks replicas";
	case -ENOENT:
		return "a part of the store is gone";
	default:
		return "a part of the store is wrong, or Redis does not let us";
	}
}

/* Once a minute while it lasts, and when nothing has failed for a while. */
static void tell_of_storing(struct bud_ingest *ingest, int err)
{
	const char *why = why_not_stored(err);
	int64_t now_ms = why || ingest->alarmed_mono_ms ? bud_clock_mono_ms() : 0;

	if (why) {
		ingest->failed_mono_ms = now_ms;
		if (ingest->alarmed_mono_ms && now_ms - ingest->alarmed_mono_ms < ALARM_EACH_MS)
			return;
		ingest->alarmed_mono_ms = now_ms;
		bud_log_error("events cannot be stored", "reason", why);
	} else if (err == 0 && ingest->alarmed_mono_ms &&
		   now_ms - ingest->failed_mono_ms >= ALARM_OVER_MS) {
		ingest->alarmed_mono_ms = 0;
		bud_log_info("events are stored again");
	}
}

static void on_appended(void *owner, int err, const signed char *results, size_t n)
{
	struct call *call = owner;
	struct bud_ingest *ingest = call->ingest;

	assert(err < 0 || n == call->n);
	tell_of_storing(ingest, err);
	ingest->n_calls--;
	for (size_t i = 0; i < call->n; i++)
		count_result(call->items[i].publish, call->items[i].index, err,
			err < 0 ? 0 : results[i]);
	free(call);
}

/* The next events of the queue, up to one call's bound. */
static void send_call(struct bud_ingest *ingest)
{
	struct bud_append_event events[BUD_APPEND_EVENTS_MAX];
	struct call *call = bud_alloc(sizeof(*call));
	size_t bytes = 0;
	int r;

	call->ingest = ingest;
	call->n = 0;
	while (!bud_list_is_empty(&ingest->queue) && call->n < BUD_APPEND_EVENTS_MAX &&
		bytes < BUD_EVENT_BYTES_MAX) {
		struct bud_publish *publish =
			bud_list_first(&ingest->queue, struct bud_publish, link);
		call->items[call->n].publish = publish;
		call->items[call->n].index = publish->n_sent;
		events[call->n++] = publish->events[publish->n_sent];
		bytes += publish->events[publish->n_sent].bytes.len;
		if (++publish->n_sent == publish->n)
			bud_list_remove(&publish->link);
	}
	ingest->n_calls++;
	r = bud_append(ingest->options.store, ingest->options.window_ms, events, call->n,
		on_appended, call);
	if (r < 0)
		on_appended(call, -EAGAIN, NULL, 0); /* not sent: nothing was stored */
}

static void on_turn_end(uv_check_t *check)
{
	struct bud_ingest *ingest = check->data;

	while (!bud_list_is_empty(&ingest->queue) && ingest->n_calls < CALLS_MAX)
		send_call(ingest);
}

/* By whatever way it came, and only what would be stored. False: its request is answered. */
static bool is_within_quota(const struct bud_publish *publish)
{
	return bud_ingest_quota_admit(
		&publish->ingest->options, publish->request, publish->publisher, publish->n);
}

static void on_decided(struct bud_publish *publish);

static struct bud_publish *begin(struct bud_ingest *ingest, struct bud_request *request)
{
	struct bud_publish *publish = bud_new(struct bud_publish);

	publish->ingest = ingest;
	publish->request = request;
	publish->publisher = bud_request_identity(request);
	publish->authority = ingest->options.authority;
	publish->point = ingest->options.point;
	publish->again = on_decided;
	publish->index_kinds = ingest->options.index_kinds;
	bud_list_init(&publish->link);
	return publish;
}

/* By what it is answered: 503 while Redis or a decision is away, 4xx for what is wrong. */
static void count_refusal(struct bud_ingest *ingest, int r)
{
	bool is_away = r == -ENOTCONN || r == -EAGAIN;

	bud_metrics_add(ingest->options.metrics,
		is_away ? BUD_COUNTER_REQUESTS_UNAVAILABLE : BUD_COUNTER_REQUESTS_INVALID, 1);
}

int bud_ingest_take(struct bud_ingest *ingest, const struct bud_ingest_event *event,
	bud_ingest_fn fn, void *owner, struct bud_error *error)
{
	struct bud_publish *publish = begin(ingest, event->request);
	int r = bud_store_is_up(ingest->options.store) ? 0 : -ENOTCONN;

	publish->fn = fn;
	publish->owner = owner;
	publish->publisher = event->publisher;
	publish->is_permitted = event->is_permitted;
	bud_buffer_span(&publish->taken, event->json);
	if (r == 0)
		r = bud_publish_read(
			publish, ingest->options.store->shard, &ingest->envelope, error);
	if (publish->n_asking > 0)
		return 0; /* on_decided() comes, and finds what is wrong, too */
	if (r == 0 && !is_within_quota(publish))
		r = -EDQUOT;
	if (r == 0) {
		bud_list_append(&ingest->queue, &publish->link);
		return 0;
	}
	if (r != -EDQUOT)
		count_refusal(ingest, r);
	bud_publish_destroy(publish);
	return r;
}

/* What reading it came to. */
static void take(struct bud_publish *publish, int r, const struct bud_error *error)
{
	struct bud_ingest *ingest = publish->ingest;

	if (r < 0) {
		count_refusal(ingest, r);
		publish->err = r;
		if (publish->fn)
			bud_publish_tell(publish, error);
		else
			bud_publish_refuse(publish, r, error);
		return;
	}
	if (!is_within_quota(publish)) {
		publish->err = -EDQUOT;
		if (publish->fn)
			bud_publish_tell(publish, NULL);
		else
			bud_publish_destroy(publish);
		return;
	}
	if (!bud_store_is_up(ingest->options.store))
		publish->err = -EAGAIN;
	if (publish->n == 0 || publish->err < 0)
		answer(publish);
	else
		bud_list_append(&ingest->queue, &publish->link);
}

/* The decision point has answered, or not. */
static void on_decided(struct bud_publish *publish)
{
	struct bud_ingest *ingest = publish->ingest;
	struct bud_error error;
	int r = bud_publish_read_again(
		publish, ingest->options.store->shard, &ingest->envelope, &error);

	take(publish, r, &error);
}

static void on_publish(void *context, struct bud_request *request)
{
	struct bud_ingest *ingest = context;
	struct bud_publish *publish = begin(ingest, request);
	struct bud_error error;
	int r = bud_publish_read(publish, ingest->options.store->shard, &ingest->envelope, &error);

	if (publish->n_asking == 0)
		take(publish, r, &error);
}

/* A sender of webhooks may ask first (CloudEvents HTTP webhooks, 4.2). Any may send: who it is and
 * what it may is asked of each request, and who sends too much is told so then. */
static void on_question(void *context, struct bud_request *request)
{
	(void)context;
	bud_reply_header(request, "Allow", "POST, GET, HEAD, OPTIONS");
	if (bud_request_header(request, "WebHook-Request-Origin").len > 0) {
		bud_reply_header(request, "WebHook-Allowed-Origin", "*");
		bud_reply_header(request, "WebHook-Allowed-Rate", "*");
	}
	bud_reply(request, 200, NULL, (struct bud_span){NULL, 0});
}

const struct bud_route bud_ingest_routes[] = {
	{"POST", "/events", on_publish, BUD_BATCH_BYTES_MAX, BUD_NEED_PUBLISH},
	{"OPTIONS", "/events", on_question, 0, BUD_NEED_NOTHING},
};
const size_t bud_ingest_routes_n = sizeof(bud_ingest_routes) / sizeof(bud_ingest_routes[0]);
