/* The pusher. start: message, bud_fetch_start -> on_result: log, count, give the slot
 * back, tell the delivery. */
#include "dispatch/push.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "core/clock.h"
#include "core/limits.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/random.h"
#include "dispatch/attempt_log.h"
#include "dispatch/delivery.h"
#include "dispatch/desk.h"
#include "dispatch/gate.h"
#include "dispatch/message.h"
#include "dispatch/outcome.h"
#include "dispatch/receiver.h"
#include "dispatch/reports.h"
#include "event/batch_answer.h"
#include "event/event.h"
#include "fetch/fetch.h"
#include "fetch/retry_after.h"
#include "fetch/target.h"
#include "store/lane.h"
#include "store/store.h"

/* By then the subscription is disabled, or its receiver is asked again. */
#define DISABLED_WAIT_MS 2000
/* Its lane waits, until whoever renews the credential pulls it. */
#define NO_CREDENTIAL_WAIT_MS 1000
/* Our own trouble, which may pass; up to twice as long, so that not all come back at once. */
#define BLOCKED_WAIT_MS     1000
#define BLOCKED_LOG_EACH_MS 60000

struct bud_pusher {
	const struct bud_desk *desk;
	struct bud_attempt_log *log;
	struct bud_reports *reports;
	struct bud_buffer scratch; /* of signatures */
	size_t running;
	int64_t blocked_log_ms; /* not before then again */
};

/* What the result callback needs; a delivery does not know its pusher. */
struct attempt {
	struct bud_pusher *pusher;
	struct bud_delivery *delivery;
};

struct bud_pusher *bud_pusher_create(
	const struct bud_desk *desk, struct bud_attempt_log *log, struct bud_reports *reports)
{
	struct bud_pusher *pusher = bud_new(struct bud_pusher);

	pusher->desk = desk;
	pusher->log = log;
	pusher->reports = reports;
	return pusher;
}

void bud_pusher_destroy(struct bud_pusher *pusher)
{
	if (!pusher)
		return;
	assert(pusher->running == 0);
	bud_buffer_finish(&pusher->scratch);
	free(pusher);
}

static void count(struct bud_pusher *pusher, const struct bud_fetch_result *result,
	enum bud_outcome_kind outcome)
{
	static const enum bud_counter counters[BUD_OUTCOMES] = {
		[BUD_OUTCOME_DELIVERED] = BUD_COUNTER_ATTEMPTS_OK,
		[BUD_OUTCOME_AGAIN] = BUD_COUNTER_OUTCOME_AGAIN,
		[BUD_OUTCOME_DEAD] = BUD_COUNTER_OUTCOME_DEAD,
		[BUD_OUTCOME_DISABLE] = BUD_COUNTER_OUTCOME_DISABLE,
		[BUD_OUTCOME_EXPIRED] = BUD_COUNTER_OUTCOME_EXPIRED,
	};
	struct bud_metrics *metrics = pusher->desk->metrics;

	bud_metrics_add(metrics, counters[outcome], 1);
	if (outcome != BUD_OUTCOME_DELIVERED)
		bud_metrics_add(metrics, BUD_COUNTER_ATTEMPTS_FAILED, 1);
	bud_metrics_time(metrics, BUD_HISTOGRAM_PUSH, result->time_us);
	bud_metrics_set(metrics, BUD_GAUGE_ATTEMPTS_RUNNING, (int64_t)pusher->running);
	if (result->kind == BUD_FETCH_STUCK)
		bud_metrics_add(metrics, BUD_COUNTER_ATTEMPTS_STUCK, 1);
}

/* What this result means. */
static struct bud_outcome judge(struct bud_pusher *pusher, const struct bud_delivery *delivery,
	const struct bud_fetch_result *result, bool is_one_of_many, bool is_refused)
{
	const struct bud_receiver *receiver = delivery->receiver;
	int64_t wall_ms = bud_clock_wall_ms();
	struct bud_attempt attempt = {
		.result = result,
		.is_refused = is_refused,
		.is_one_of_many = is_one_of_many,
		.number = delivery->attempt,
		.retry_after_ms = -1,
		.published_ms = delivery->published_ms,
		.expires_ms = delivery->event->expires_wall_ms,
		.now_ms = wall_ms,
	};
	int64_t retry_after_ms;

	if (result->retry_after.len > 0 &&
		bud_retry_after_parse(result->retry_after, wall_ms, &retry_after_ms))
		attempt.retry_after_ms = retry_after_ms;
	/* By a rule a 2xx may be a failure, too. */
	if (result->status / 100 != 2 || is_refused || receiver->retry.rules_n > 0)
		attempt.random = bud_random_below(UINT32_MAX);
	return bud_outcome_of(
		&attempt, &receiver->retry, &pusher->desk->config->delivery.retry_schedule_s);
}

/* The beginning of what a receiver said when it did not take it, for its dead letter. */
static void keep_response(struct bud_delivery *delivery, struct bud_span body)
{
	if (body.len > BUD_RESPONSE_KEPT_BYTES)
		body.len = BUD_RESPONSE_KEPT_BYTES;
	while (body.len > 0 && (unsigned char)body.at[body.len - 1] >= 0x80 &&
		!bud_utf8_is_valid(body.at, body.len))
		body.len--;
	if (body.len > 0 && !memchr(body.at, '\0', body.len) &&
		bud_utf8_is_valid(body.at, body.len))
		delivery->response = bud_strndup(body.at, body.len);
}

/* What becomes of the delivery by this outcome. */
static void apply(struct bud_pusher *pusher, struct bud_delivery *delivery,
	const struct bud_outcome *outcome, const struct bud_fetch_result *result)
{
	static const enum bud_delivery_end ends[BUD_OUTCOMES] = {
		[BUD_OUTCOME_DELIVERED] = BUD_DELIVERY_END_DELIVERED,
		[BUD_OUTCOME_AGAIN] = BUD_DELIVERY_END_AGAIN,
		[BUD_OUTCOME_DEAD] = BUD_DELIVERY_END_DEAD,
		/* It stays, and its attempts with it, until somebody resumes the subscription. */
		[BUD_OUTCOME_DISABLE] = BUD_DELIVERY_END_BLOCKED,
		[BUD_OUTCOME_EXPIRED] = BUD_DELIVERY_END_EXPIRED,
	};

	delivery->status = result->status;
	delivery->end = outcome->is_too_large ? BUD_DELIVERY_END_BLOCKED : ends[outcome->kind];
	delivery->wait_ms = outcome->wait_ms;
	if (outcome->kind == BUD_OUTCOME_DEAD) {
		delivery->reason = outcome->reason;
		keep_response(delivery, result->body);
	} else if (outcome->kind == BUD_OUTCOME_DISABLE) {
		delivery->wait_ms = DISABLED_WAIT_MS;
		bud_reports_disable(pusher->reports, delivery->receiver, result->status);
	}
}

/* All that went out in the request: one, or a batch. `alone` is room for one. */
static struct bud_batch members_of(struct bud_delivery *delivery, struct bud_delivery **alone)
{
	*alone = delivery;
	return delivery->batch ? *delivery->batch : (struct bud_batch){alone, 1};
}

/* No attempt was made, or we stopped it when shutting down: that says nothing about the receiver.
 */
static void end_unused(
	struct bud_delivery *delivery, struct bud_receiver *receiver, int64_t wait_ms)
{
	struct bud_slots slot = {delivery->share, 1, delivery->is_probe};
	struct bud_delivery *alone;
	struct bud_batch batch = members_of(delivery, &alone);

	for (size_t i = 0; i < batch.n; i++) {
		batch.members[i]->end = BUD_DELIVERY_END_BLOCKED;
		batch.members[i]->wait_ms = wait_ms;
		batch.members[i]->on_end(batch.members[i]);
	}
	bud_gate_give_back(receiver->gate, &slot, bud_clock_mono_ms());
}

static void end_blocked(struct bud_pusher *pusher, struct bud_delivery *delivery,
	struct bud_receiver *receiver, const char *why)
{
	int64_t mono_ms = bud_clock_mono_ms();

	bud_metrics_add(pusher->desk->metrics, BUD_COUNTER_ATTEMPTS_BLOCKED, 1);
	if (mono_ms >= pusher->blocked_log_ms) {
		pusher->blocked_log_ms = mono_ms + BLOCKED_LOG_EACH_MS;
		bud_log_error("attempts wait until this node can make them", "error", why);
	}
	end_unused(
		delivery, receiver, BLOCKED_WAIT_MS + (int64_t)bud_random_below(BLOCKED_WAIT_MS));
}

/* Which members of a batch the receiver says it did not take. */
static void read_answer(
	const struct bud_batch *batch, const struct bud_fetch_result *result, bool *failed)
{
	const struct bud_event *events[BUD_CLAIM_MAX];

	for (size_t i = 0; i < batch->n; i++)
		events[i] = batch->members[i]->event;
	(void)bud_batch_answer_read(result->body, result->body_is_cut, events, batch->n, failed);
}

/* Its outcome is of this delivery alone: a member of a batch may be refused, older, or at its last
 * attempt. The memory of the batch may go with the last on_end. */
static void end_members(struct bud_pusher *pusher, struct bud_batch batch,
	const struct bud_fetch_result *result, const bool *failed)
{
	int64_t wall_ms = bud_clock_wall_ms();

	for (size_t i = 0; i < batch.n; i++) {
		struct bud_delivery *member = batch.members[i];
		struct bud_outcome outcome = judge(pusher, member, result, batch.n > 1, failed[i]);
		bud_attempt_log_add(pusher->log, member, result, outcome.kind, wall_ms);
		apply(pusher, member, &outcome, result);
		member->on_end(member);
	}
}

/* Half of what was too large. One event goes whatever it weighs: so it comes to an end. */
static void lighten(struct bud_receiver *receiver, const struct bud_batch *batch)
{
	size_t bytes = 0;

	for (size_t i = 0; i < batch->n; i++)
		bytes += batch->members[i]->event->bytes.len;
	if (receiver->batch_bytes == 0 || bytes / 2 < receiver->batch_bytes)
		receiver->batch_bytes = bytes / 2;
}

static void end_attempt(struct bud_pusher *pusher, struct bud_delivery *delivery,
	struct bud_receiver *receiver, const struct bud_fetch_result *result)
{
	struct bud_delivery *alone;
	struct bud_batch batch = members_of(delivery, &alone);
	struct bud_outcome outcome = judge(pusher, delivery, result, batch.n > 1, false);
	struct bud_settlement settlement = {
		.share = delivery->share,
		.is_probe = delivery->is_probe,
		.verdict = outcome.verdict,
		.is_refused = outcome.kind != BUD_OUTCOME_DELIVERED,
		.pause_ms = outcome.pause_ms,
		.took_ms = result->time_us / 1000,
	};
	bool failed[BUD_CLAIM_MAX];

	memset(failed, 0, batch.n * sizeof(*failed));
	if (delivery->batch && outcome.kind == BUD_OUTCOME_DELIVERED)
		read_answer(&batch, result, failed);
	if (outcome.is_too_large)
		lighten(receiver, &batch);
	bud_reports_add(pusher->reports, receiver, result, &outcome);
	count(pusher, result, outcome.kind);
	end_members(pusher, batch, result, failed);
	bud_gate_on_pushed(receiver->gate, &settlement, bud_clock_mono_ms());
}

static void set_state(struct bud_delivery *delivery, enum bud_delivery_state state)
{
	struct bud_delivery *alone;
	struct bud_batch batch = members_of(delivery, &alone);

	for (size_t i = 0; i < batch.n; i++)
		batch.members[i]->state = state;
}

static void on_result(void *owner, const struct bud_fetch_result *result)
{
	struct attempt attempt = *(struct attempt *)owner;
	struct bud_pusher *pusher = attempt.pusher;
	struct bud_delivery *delivery = attempt.delivery;
	/* The delivery may be gone after on_end; its gate is needed behind it. */
	struct bud_receiver *receiver = bud_receiver_ref(delivery->receiver);
	struct bud_fetch_result shown = *result;

	/* What it says is kept and shown; the credential is not. An answer to a batch is read. */
	if ((result->status < 200 || result->status > 299) &&
		bud_target_is_quoted(receiver->target, result->body))
		shown.body = (struct bud_span){NULL, 0};
	free(owner);
	pusher->running--;
	bud_message_finish(delivery);
	set_state(delivery, BUD_DELIVERY_ENDED);
	if (result->kind == BUD_FETCH_CANCELLED)
		end_unused(delivery, receiver, 0);
	else if (result->kind == BUD_FETCH_BLOCKED)
		end_blocked(pusher, delivery, receiver, result->text);
	else
		end_attempt(pusher, delivery, receiver, &shown);
	bud_receiver_unref(receiver);
}

int bud_push_start(struct bud_pusher *pusher, struct bud_delivery *delivery, int64_t mono_ms,
	int64_t *out_wait_ms)
{
	struct bud_receiver *receiver = delivery->receiver;
	struct bud_fetch_request request = {
		.target = receiver->target,
		.timeout_ms = receiver->timeout_ms,
		.keep_body_bytes =
			delivery->batch ? BUD_RESPONSE_BODY_MAX : BUD_RESPONSE_KEPT_BYTES,
	};
	int64_t wall_ms = bud_clock_wall_ms();
	struct attempt *attempt;
	int r;

	if (!receiver->target)
		return -EINVAL;
	if (wall_ms >= receiver->credential_until_ms) {
		/* Whoever renews it makes the receiver anew. */
		delivery->reason = "credential_expired";
		*out_wait_ms = NO_CREDENTIAL_WAIT_MS;
		return -EACCES;
	}
	bud_message_write(delivery,
		&(struct bud_message_context){
			&pusher->desk->commands->shard->key, wall_ms / 1000, &pusher->scratch},
		&request);
	attempt = bud_new(struct attempt);
	*attempt = (struct attempt){pusher, delivery};
	r = bud_fetch_start(pusher->desk->fetch, &request, on_result, attempt, NULL);
	if (r < 0) {
		free(attempt);
		bud_message_finish(delivery);
		if (r == -EAGAIN) {
			bud_metrics_add(pusher->desk->metrics, BUD_COUNTER_FETCH_FULL, 1);
			*out_wait_ms += (int64_t)bud_random_below((uint64_t)*out_wait_ms + 1);
		}
		return r;
	}
	set_state(delivery, BUD_DELIVERY_RUNNING);
	delivery->started_mono_ms = mono_ms;
	pusher->running++;
	return 0;
}
