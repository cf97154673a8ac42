/* Replays. By name: one call per partition, all at once, the sum answered. By time: a job is put
 * and answered. Progress is what the job's value says. */
#include "api/replay.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

#include "api/desk.h"
#include "api/failure.h"
#include "api/json_body.h"
#include "api/lookup.h"
#include "api/quota.h"
#include "api/replay_body.h"
#include "auth/need.h"
#include "core/clock.h"
#include "core/limits.h"
#include "http/reply.h"
#include "http/request.h"
#include "store/replays.h"
#include "subscription/push_config.h"
#include "subscription/subscription.h"

struct replay {
	struct bud_request *request;
	char *subscription;
	bool is_ordered;         /* the subscription */
	struct bud_buffer value; /* of the job */
	/* By name. */
	unsigned n_waiting;
	int err; /* the first one */
	size_t asked;
	int64_t revived;
	bool is_single; /* named by the path: 404 when there is none */
};

static void handle_replay(void *context, struct bud_request *request);
static void handle_progress(void *context, struct bud_request *request);
static void handle_cancel(void *context, struct bud_request *request);
static void handle_one(void *context, struct bud_request *request);

const struct bud_route bud_replay_routes[] = {
	{"POST", "/subscriptions/{id}/replay", handle_replay, BUD_API_BODY_BYTES_MAX,
		BUD_NEED_SUBSCRIBE},
	{"GET", "/subscriptions/{id}/replay", handle_progress, 0, BUD_NEED_SUBSCRIBE},
	{"DELETE", "/subscriptions/{id}/replay", handle_cancel, 0, BUD_NEED_SUBSCRIBE},
	{"POST", "/subscriptions/{id}/dead/{delivery}/replay", handle_one, BUD_API_BODY_BYTES_MAX,
		BUD_NEED_SUBSCRIBE},
};
const size_t bud_replay_routes_n = sizeof(bud_replay_routes) / sizeof(bud_replay_routes[0]);

static struct replay *create(
	struct bud_request *request, const struct bud_subscription *subscription)
{
	struct replay *replay = bud_new(struct replay);

	replay->request = request;
	replay->subscription = bud_strdup(subscription->id);
	replay->is_ordered = subscription->config->is_ordered;
	return replay;
}

static void end(struct replay *replay)
{
	bud_buffer_finish(&replay->value);
	free(replay->subscription);
	free(replay);
}

/* By name */

static void answer_revived(struct replay *replay)
{
	bud_auto(buffer) struct bud_buffer body = {0};

	if (replay->err < 0) {
		bud_failure_reply(replay->request, replay->err);
	} else if (replay->is_single && replay->revived == 0) {
		bud_reply_problem(replay->request, 404, "not-found",
			"No such dead letter, or its event is not there any more", NULL);
	} else {
		bud_buffer_format(&body, "{\"revived\":%" PRId64 ",\"asked\":%zu}", replay->revived,
			replay->asked);
		bud_reply(replay->request, 202, "application/json", bud_buffer_as_span(&body));
	}
	end(replay);
}

static void on_revived(void *owner, int err, int64_t number)
{
	struct replay *replay = owner;

	if (err < 0 && replay->err == 0)
		replay->err = err;
	if (err == 0 && number > 0)
		replay->revived += number;
	if (--replay->n_waiting == 0)
		answer_revived(replay);
}

static size_t same_partition(const struct bud_revived *ids, size_t n)
{
	size_t end = 1;

	while (end < n && ids[end].id.partition == ids[0].id.partition)
		end++;
	return end;
}

static void revive(
	struct bud_api_desk *desk, struct replay *replay, const struct bud_revived *ids, size_t n)
{
	replay->asked = n;
	for (size_t i = 0; i < n && replay->err == 0;) {
		struct bud_revive call = {.subscription = bud_span(replay->subscription),
			.is_ordered = replay->is_ordered,
			.revived = &ids[i],
			.n = same_partition(&ids[i], n - i)};
		replay->err = bud_revive(desk->store, &call, on_revived, replay);
		if (replay->err == 0)
			replay->n_waiting++;
		i += call.n;
	}
	if (replay->n_waiting == 0)
		answer_revived(replay);
}

static void revive_one(void *owner, struct bud_request *request, struct bud_subscription *taken)
{
	static const char *const members[] = {NULL};
	bud_auto(subscription) struct bud_subscription *subscription = taken;
	struct bud_api_desk *desk = owner;
	struct bud_revived one = {.source = BUD_REVIVE_DEAD};
	json_t *body = bud_json_body_take(request, members);
	struct replay *replay;

	if (!body)
		return;
	json_decref(body);
	if (!bud_member_parse(request->parameters[1], &one.id) ||
		one.id.partition >= desk->store->shard->partitions) {
		bud_reply_problem(request, 404, "not-found", "No such dead letter", NULL);
		return;
	}
	replay = create(request, subscription);
	replay->is_single = true;
	revive(desk, replay, &one, 1);
}

static void handle_one(void *context, struct bud_request *request)
{
	bud_lookup_at(context, request, revive_one);
}

/* By time */

static void write_progress(struct bud_buffer *out, const struct bud_replay_job *job)
{
	char text[25];

	bud_buffer_format(out, "{\"state\":\"running\",\"source\":\"%s\"",
		bud_replay_source_word(job->source));
	bud_clock_write(job->created_ms, text);
	bud_buffer_format(out, ",\"created\":\"%s\"", text);
	if (job->from_ms > 0) {
		bud_clock_write(job->from_ms, text);
		bud_buffer_format(out, ",\"from\":\"%s\"", text);
	}
	bud_clock_write(job->to_ms, text);
	bud_buffer_format(out, ",\"to\":\"%s\"", text);
	if (job->filters.len > 0) {
		bud_buffer_text(out, ",\"filters\":");
		bud_buffer_span(out, job->filters);
	}
	bud_buffer_format(
		out, ",\"looked\":%" PRIu64 ",\"revived\":%" PRIu64 "}", job->looked, job->revived);
}

static void answer_progress(struct replay *replay, int status, struct bud_span value)
{
	bud_auto(buffer) struct bud_buffer body = {0};
	struct bud_replay_job job;

	if (bud_replay_job_parse(value, &job) < 0) {
		bud_failure_reply(replay->request, -EPROTO);
		return;
	}
	write_progress(&body, &job);
	bud_reply(replay->request, status, "application/json", bud_buffer_as_span(&body));
}

static void on_put(void *owner, int err, int64_t number)
{
	struct replay *replay = owner;
	bud_auto(buffer) struct bud_buffer location = {0};
	struct bud_error error;

	if (err < 0) {
		bud_failure_reply(replay->request, err);
	} else if (number == 0) {
		(void)bud_error_set(&error, NULL,
			"one is under way: GET /subscriptions/%s/replay tells how far it is",
			replay->subscription);
		bud_reply_problem(replay->request, 409, "replay-running",
			"One replay at a time for each subscription", &error);
	} else {
		bud_buffer_format(&location, "/subscriptions/%s/replay", replay->subscription);
		bud_reply_header(replay->request, "Location", location.at);
		answer_progress(replay, 202, bud_buffer_as_span(&replay->value));
	}
	end(replay);
}

static void put_job(
	struct bud_api_desk *desk, struct replay *replay, const struct bud_replay_job *job)
{
	struct bud_replay put = {.job = bud_span(replay->subscription)};
	int r;

	bud_replay_job_write(job, &replay->value);
	put.value = bud_buffer_as_span(&replay->value);
	r = bud_replays_put(desk->store, &put, on_put, replay);
	if (r == 0)
		return;
	bud_failure_reply(replay->request, r);
	end(replay);
}

static bool is_in_shard(const struct bud_replay_body *body, unsigned partitions)
{
	/* They are sorted. */
	return body->n == 0 || body->ids[body->n - 1].id.partition < partitions;
}

static void replay_it(void *owner, struct bud_request *request, struct bud_subscription *taken)
{
	bud_auto(subscription) struct bud_subscription *subscription = taken;
	struct bud_api_desk *desk = owner;
	struct bud_replay_body body;
	struct bud_error error = {0};

	if (!bud_json_body_check_type(request))
		return;
	if (bud_replay_body_parse(request->body, bud_clock_wall_ms(), &body, &error) < 0) {
		bud_json_body_refuse(request, &error);
		return;
	}
	if (!is_in_shard(&body, desk->store->shard->partitions)) {
		(void)bud_error_set(&error, "ids", "ids has a name that no delivery can have");
		bud_json_body_refuse(request, &error);
	} else if (body.n > 0) {
		revive(desk, create(request, subscription), body.ids, body.n);
	} else {
		put_job(desk, create(request, subscription), &body.job);
	}
	bud_replay_body_finish(&body);
}

static void handle_replay(void *context, struct bud_request *request)
{
	if (bud_quota_has_room(context, request))
		bud_lookup_at(context, request, replay_it);
}

/* Progress */

static void on_job(void *owner, int err, const struct bud_replay *replays, size_t n)
{
	struct replay *replay = owner;

	if (err < 0)
		bud_failure_reply(replay->request, err);
	else if (n == 0)
		bud_reply(
			replay->request, 200, "application/json", bud_span("{\"state\":\"none\"}"));
	else
		answer_progress(replay, 200, replays[0].value);
	end(replay);
}

static void ask_progress(void *owner, struct bud_request *request, struct bud_subscription *taken)
{
	struct bud_api_desk *desk = owner;
	struct replay *replay = create(request, taken);
	int r;

	bud_subscription_destroy(taken);
	r = bud_replays_get(desk->store, bud_span(replay->subscription), on_job, replay);
	if (r == 0)
		return;
	bud_failure_reply(request, r);
	end(replay);
}

static void handle_progress(void *context, struct bud_request *request)
{
	bud_lookup_at(context, request, ask_progress);
}

/* Cancelling: what it has revived by then is delivered. */

static void on_dropped(void *owner, int err, int64_t number)
{
	struct replay *replay = owner;

	if (err < 0)
		bud_failure_reply(replay->request, err);
	else
		bud_reply(replay->request, 200, "application/json",
			bud_span(number > 0 ? "{\"state\":\"none\",\"was_running\":true}"
					    : "{\"state\":\"none\",\"was_running\":false}"));
	end(replay);
}

static void cancel(void *owner, struct bud_request *request, struct bud_subscription *taken)
{
	struct bud_api_desk *desk = owner;
	struct replay *replay = create(request, taken);
	int r;

	bud_subscription_destroy(taken);
	r = bud_replays_drop(desk->store, bud_span(replay->subscription), on_dropped, replay);
	if (r == 0)
		return;
	bud_failure_reply(request, r);
	end(replay);
}

static void handle_cancel(void *context, struct bud_request *request)
{
	bud_lookup_at(context, request, cancel);
}
