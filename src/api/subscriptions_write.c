/* Writing subscriptions: POST, PUT, PATCH, DELETE.
 *
 * A creation: parsed -> put -> answered. A change: looked up -> applied -> put, or dropped ->
 * answered; when somebody else was faster, applied again to what is there now. When the answer to a
 * put is lost, nobody knows whether it was stored, so the same is sent again until its deadline. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "api/etag.h"
#include "api/failure.h"
#include "api/json_body.h"
#include "api/lookup.h"
#include "api/pending_notice.h"
#include "api/secret.h"
#include "api/subscription_check.h"
#include "api/subscription_permit.h"
#include "api/subscription_quota.h"
#include "api/subscriptions.h"
#include "api/subscriptions_wait.h"
#include "auth/identity.h"
#include "config/config.h"
#include "core/clock.h"
#include "core/random.h"
#include "http/reply.h"
#include "http/request.h"
#include "store/note.h"
#include "store/registry.h"
#include "store/replay_job.h"
#include "store/store.h"
#include "subscription/consent.h"
#include "subscription/subscription.h"

#define LOST_WAIT_MS 3000
#define TRIES_MAX    4
#define ETAG_BYTES   8

enum kind {
	KIND_CREATE,
	KIND_REPLACE,
	KIND_PATCH,
	KIND_DELETE,
	KIND_ROTATE, /* of the secret */
};

struct call {
	struct bud_subscriptions_wait wait;
	struct bud_subscriptions_api *api;
	struct bud_request *request;
	enum kind kind;
	struct bud_subscription *old;  /* NULL for a creation */
	struct bud_subscription *made; /* NULL for a deletion */
	char tombstone[2 * ETAG_BYTES + 1];
	struct bud_buffer record; /* the stored form of `made` */
	struct bud_buffer status; /* the same of its status; only when it changes */
	struct bud_buffer was_status;
	bool has_status;
	bool is_announced;     /* it becomes pending */
	struct bud_buffer job; /* of a replay, for `from`; empty: none */
	struct bud_buffer notice;
	unsigned tries;
	int64_t deadline_ms; /* 0 until an answer is lost */
};

static void on_found(void *owner, struct bud_request *request, struct bud_subscription *taken);
static void apply(struct call *call);
static void permit(struct call *call);
static void start_put(struct call *call);
static void on_put(void *owner, int err, const struct bud_put_result *result);
static void send_again(struct bud_subscriptions_wait *wait, int64_t mono_ms);

static uint32_t timeout_of(const struct bud_subscriptions_api *api)
{
	return (uint32_t)api->config->delivery.timeout_ms;
}

static struct call *begin(struct bud_subscriptions_api *api, struct bud_request *request)
{
	struct call *call = bud_new(struct call);

	call->wait.again = send_again;
	bud_list_init(&call->wait.link);
	call->api = api;
	call->request = request;
	bud_random_hex(call->tombstone, ETAG_BYTES);
	return call;
}

/* The request was answered. */
static void end(struct call *call)
{
	bud_list_remove(&call->wait.link);
	bud_subscription_destroy(call->old);
	bud_subscription_destroy(call->made);
	bud_buffer_finish_secret(&call->record);
	bud_buffer_finish_secret(&call->status);
	bud_buffer_finish_secret(&call->was_status);
	bud_buffer_finish(&call->job);
	bud_buffer_finish(&call->notice);
	free(call);
}

static void fail(struct call *call, int err)
{
	bud_failure_reply(call->request, err);
	end(call);
}

static enum kind kind_of(const struct bud_request *request)
{
	if (bud_span_is(request->method, "PUT"))
		return KIND_REPLACE;
	if (bud_span_is(request->method, "PATCH"))
		return KIND_PATCH;
	if (bud_span_is(request->method, "POST"))
		return KIND_ROTATE;
	assert(bud_span_is(request->method, "DELETE"));
	return KIND_DELETE;
}

/* Sets `made` from the body. */
static int parse(struct call *call, struct bud_error *error)
{
	struct bud_span body = call->request->body;
	struct bud_subscription_defaults defaults = {
		.owner = bud_request_identity(call->request)->name,
		.now_ms = bud_clock_wall_ms(),
		.timeout_ms = timeout_of(call->api),
		.sealer = bud_store_sealer(call->api->store)};

	switch (call->kind) {
	case KIND_CREATE:
		return bud_subscription_parse(body, &defaults, &call->made, error);
	case KIND_REPLACE:
		return bud_subscription_replace(call->old, body, &defaults, &call->made, error);
	case KIND_PATCH:
		return bud_subscription_patch(call->old, body, &defaults, &call->made, error);
	case KIND_ROTATE:
		return bud_secret_rotate(call->old, body, &defaults, &call->made, error);
	case KIND_DELETE:
		break;
	}
	return 0;
}

/* What is granted to one sink is not to another, and tokens go with their credential. */
static void prepare_status(struct call *call)
{
	const struct bud_subscription *old = call->old;
	struct bud_subscription_status *status = &call->made->status;

	call->has_status = old && bud_status_has_forgotten(&old->status, status);
	if (bud_consent_is_needed(call->api->config->delivery.verify, old, call->made)) {
		bud_consent_start(status, bud_clock_wall_ms());
		call->has_status = true;
	} else if (old && strcmp(old->sink, call->made->sink) != 0) {
		call->has_status |= status->granted_ms != 0 || status->rate_per_min != 0 ||
				    status->callback_key;
		bud_consent_forget(status);
	}
	bud_buffer_clear(&call->status);
	bud_buffer_clear(&call->was_status);
	bud_buffer_reserve(&call->status, 0); /* the empty text is one, too */
	bud_buffer_reserve(&call->was_status, 0);
	bud_status_write(status, &call->status);
	if (old)
		bud_status_write(&old->status, &call->was_status);
	call->is_announced = status->state == BUD_SUBSCRIPTION_PENDING &&
			     (!old || old->status.state != BUD_SUBSCRIPTION_PENDING);
}

/* Fills `made` and its stored form. False: the body is refused, and that was answered. */
static bool prepare(struct call *call)
{
	struct bud_error error = {0};
	int r = parse(call, &error);

	if (r == 0 && call->made)
		r = bud_subscription_check(
			call->made, call->api->config, call->api->own_ports, &error);
	if (r == 0 && call->made)
		r = bud_subscription_quota_check_filter(call->api, call->made, call->old, &error);
	if (r < 0) {
		bud_reply_problem(
			call->request, 400, "bad-subscription", "Not a valid subscription", &error);
		return false;
	}
	bud_buffer_clear(&call->record);
	if (!call->made)
		return true;
	bud_subscription_write_record(call->made, &call->record);
	if (call->kind != KIND_ROTATE)
		prepare_status(call);
	return true;
}

/* What it missed before it was made; it ends where the record begins (registry_put.lua), for the
 * rest comes to it anyway. */
static void write_job(struct call *call)
{
	int64_t now_ms = bud_clock_wall_ms();
	const struct bud_replay_job job = {.source = BUD_REPLAY_EVENTS,
		.from_ms = call->made->from_ms,
		.to_ms = now_ms,
		.created_ms = now_ms};

	if (call->made->from)
		bud_replay_job_write(&job, &call->job);
}

void bud_subscriptions_handle_create(void *context, struct bud_request *request)
{
	struct call *call;

	if (!bud_json_body_check_type(request))
		return;
	call = begin(context, request);
	call->kind = KIND_CREATE;
	if (prepare(call)) {
		write_job(call);
		permit(call);
	} else {
		end(call);
	}
}

void bud_subscriptions_handle_change(void *context, struct bud_request *request)
{
	struct bud_subscriptions_api *api = context;
	struct bud_lookup lookup = {api->store, timeout_of(api), on_found, api};

	if (kind_of(request) == KIND_DELETE || bud_json_body_check_type(request))
		bud_lookup(&lookup, request);
}

static void on_found(void *owner, struct bud_request *request, struct bud_subscription *taken)
{
	struct call *call = begin(owner, request);

	call->kind = kind_of(request);
	call->old = taken;
	apply(call);
}

static void refuse_etag(struct call *call)
{
	bud_etag_reply(call->request, call->old->etag);
	bud_reply_problem(call->request, 412, "precondition-failed",
		"The subscription was changed by somebody else", NULL);
	end(call);
}

/* To what is in `old`. */
static void apply(struct call *call)
{
	bud_subscription_destroy(bud_move(call->made));
	if (!bud_etag_permits_change(call->request, call->old->etag))
		refuse_etag(call);
	else if (prepare(call))
		permit(call);
	else
		end(call);
}

static int drop(struct call *call, const struct bud_subscription *old, bud_put_fn fn)
{
	const struct bud_drop drop = {old->id, old->etag, call->tombstone, old->owner};

	return bud_registry_drop(call->api->store, &drop, fn, call);
}

static int send_put(struct call *call)
{
	const struct bud_subscription *made = call->made;
	char fingerprint[BUD_FINGERPRINT_TEXT_BYTES];
	struct bud_put put = {
		.id = made->id,
		.if_etag = call->old ? call->old->etag : "",
		.etag = made->etag,
		.fingerprint = fingerprint,
		.record = bud_buffer_as_span(&call->record),
		.owner = made->owner,
		.owner_max = bud_subscription_quota_of(call->api, made->owner),
		.replay = bud_buffer_as_span(&call->job),
	};
	struct bud_note note;

	if (call->has_status)
		put.status = bud_buffer_as_span(&call->status);
	/* A token may have been renewed meanwhile. The last time it is written in any case. */
	if (call->has_status && call->old && call->tries + 1 < TRIES_MAX)
		put.was_status = bud_buffer_as_span(&call->was_status);
	if (call->is_announced) {
		bud_pending_notice_make(made, call->api->store->shard, &call->notice, &note);
		put.note = &note;
	}
	bud_subscription_fingerprint(made, fingerprint);
	return bud_registry_put(call->api->store, &put, on_put, call);
}

static int put_or_drop(struct call *call)
{
	return call->made ? send_put(call) : drop(call, call->old, on_put);
}

static void on_permit(void *owner, bool is_permitted)
{
	(is_permitted ? start_put : end)(owner);
}

static void permit(struct call *call)
{
	enum bud_permit_outcome outcome = BUD_PERMIT_GIVEN;

	if (call->made && call->kind != KIND_ROTATE)
		outcome = bud_subscription_permit(
			call->api, call->request, call->made, on_permit, call);
	if (outcome != BUD_PERMIT_ASKED)
		on_permit(call, outcome == BUD_PERMIT_GIVEN);
}

static void start_put(struct call *call)
{
	int r = put_or_drop(call);

	if (r < 0)
		fail(call, r);
}

/* After a lost answer. */

static void give_up(struct call *call)
{
	bud_failure_reply_unavailable(call->request,
		"The connection to Redis was lost: the change may or may not have been stored; GET "
		"to see, or send the same again");
	end(call);
}

static void on_failure(struct call *call, int err)
{
	int64_t now_ms = bud_clock_mono_ms();

	if (err != -ENOTCONN && call->deadline_ms == 0) {
		fail(call, err);
		return;
	}
	if (call->deadline_ms == 0)
		call->deadline_ms = now_ms + LOST_WAIT_MS;
	if (call->api->is_stopped || now_ms >= call->deadline_ms)
		give_up(call);
	else
		bud_subscriptions_wait(call->api, &call->wait);
}

static void send_again(struct bud_subscriptions_wait *wait, int64_t mono_ms)
{
	struct call *call = bud_container(wait, struct call, wait);

	if (mono_ms >= call->deadline_ms)
		give_up(call);
	else if (put_or_drop(call) == 0)
		bud_list_remove(&wait->link);
}

/* What the put came to. */

static void answer_with(struct call *call, const struct bud_subscription *subscription)
{
	bud_auto(buffer) struct bud_buffer body = {0};

	if (call->kind != KIND_DELETE)
		bud_etag_reply(call->request, subscription->etag);
	bud_subscription_write_api(
		subscription, BUD_SUBSCRIPTION_SECRET_HIDDEN, bud_clock_wall_ms(), &body);
	bud_reply(call->request, 200, "application/json", bud_buffer_as_span(&body));
	end(call);
}

static void answer_done(struct call *call)
{
	if (call->kind == KIND_CREATE || call->kind == KIND_ROTATE) {
		bud_secret_answer(call->request, call->made, call->kind == KIND_CREATE);
		end(call);
	} else {
		answer_with(call, call->made ? call->made : call->old);
	}
}

static void on_cleared(void *owner, int err, const struct bud_put_result *result)
{
	(void)result; /* gone, or changed by somebody else: the creation tells */
	if (err < 0)
		fail(owner, err);
	else
		start_put(owner);
}

/* A twin that has expired gets no events, so it must not stand in the way of a new one. */
static void clear(struct call *call, const struct bud_subscription *twin)
{
	int r = drop(call, twin, on_cleared);

	if (r < 0)
		fail(call, r);
}

static int load(struct call *call, const struct bud_registry_value *value,
	struct bud_subscription **out_subscription)
{
	struct bud_lookup_loading loading = {
		call->api->store, timeout_of(call->api), bud_request_identity(call->request)->name};

	return bud_lookup_load(&loading, value, out_subscription);
}

static void on_same(struct call *call, const struct bud_put_result *result)
{
	bud_auto(subscription) struct bud_subscription *twin = NULL;
	bud_auto(buffer) struct bud_buffer location = {0};
	int r = load(call, &result->value, &twin);

	if (r < 0) {
		fail(call, r);
		return;
	}
	if (bud_subscription_has_expired(twin, bud_clock_wall_ms()) && ++call->tries < TRIES_MAX) {
		clear(call, twin);
		return;
	}
	bud_buffer_format(&location, "/subscriptions/%s", twin->id);
	bud_reply_header(call->request, "Location", location.at);
	answer_with(call, twin);
}

static void on_changed(struct call *call, const struct bud_registry_value *value)
{
	struct bud_subscription *fresh = NULL;
	int r;

	/* Ours may have been stored before: then "412, nothing was changed" would be a lie. */
	if (bud_etag_is_demanded(call->request) && call->deadline_ms != 0) {
		give_up(call);
		return;
	}
	r = load(call, value, &fresh);
	if (r == 0 && ++call->tries < TRIES_MAX) {
		bud_subscription_destroy(call->old);
		call->old = fresh;
		apply(call);
		return;
	}
	bud_subscription_destroy(fresh);
	if (r == 0)
		bud_reply_problem(call->request, 409, "conflict",
			"Others change this subscription all the time", NULL);
	else
		bud_failure_reply(call->request, r);
	end(call);
}

static void on_put(void *owner, int err, const struct bud_put_result *result)
{
	struct call *call = owner;

	if (err < 0) {
		on_failure(call, err);
		return;
	}
	switch (result->outcome) {
	case BUD_PUT_OK:
		answer_done(call);
		return;
	case BUD_PUT_SAME:
		on_same(call, result);
		return;
	case BUD_PUT_CHANGED:
		on_changed(call, &result->value);
		return;
	case BUD_PUT_EXISTS: /* ours was stored, and somebody has changed or deleted it since */
		give_up(call);
		return;
	case BUD_PUT_MISSING:
		bud_failure_reply_unknown(call->request);
		end(call);
		return;
	case BUD_PUT_FULL:
		bud_subscription_quota_refuse(call->api, call->request, result->used);
		end(call);
	}
}
