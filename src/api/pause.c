/* Pausing: subscription looked up -> body read -> may it go there from where it is? -> its status
 * swapped -> answered. When somebody else was faster, asked again of what is there now. Saying the
 * same twice is fine, so a lost answer is a 503 and no more. */
#include "api/pause.h"

#include <jansson.h>
#include <stdlib.h>

#include "api/desk.h"
#include "api/etag.h"
#include "api/failure.h"
#include "api/json_body.h"
#include "api/lookup.h"
#include "config/config.h"
#include "core/clock.h"
#include "core/limits.h"
#include "core/random.h"
#include "http/reply.h"
#include "http/request.h"
#include "store/registry.h"
#include "subscription/body.h"
#include "subscription/subscription.h"

#define TRIES_MAX  4
#define ETAG_BYTES 8

struct change {
	struct bud_api_desk *desk;
	struct bud_request *request;
	bool is_pause;
	char *detail;                          /* what the owner said, or NULL */
	struct bud_subscription *subscription; /* as it is now */
	struct bud_buffer expected;            /* its status as it is stored */
	struct bud_buffer status;              /* the new one */
	char etag[2 * ETAG_BYTES + 1];
	unsigned tries;
};

static void handle_pause(void *context, struct bud_request *request);
static void handle_resume(void *context, struct bud_request *request);
static void apply(struct change *change);
static void on_put(void *owner, int err, const struct bud_put_result *result);

const struct bud_route bud_pause_routes[] = {
	{"POST", "/subscriptions/{id}/pause", handle_pause, BUD_API_BODY_BYTES_MAX},
	{"POST", "/subscriptions/{id}/resume", handle_resume, BUD_API_BODY_BYTES_MAX},
};
const size_t bud_pause_routes_n = sizeof(bud_pause_routes) / sizeof(bud_pause_routes[0]);

static void end(struct change *change)
{
	bud_subscription_destroy(change->subscription);
	bud_buffer_finish(&change->expected);
	bud_buffer_finish(&change->status);
	free(change->detail);
	free(change);
}

/* False: the body is refused, and that was answered. */
static bool read_body(struct change *change)
{
	static const char *const pause_members[] = {"reason", NULL};
	static const char *const resume_members[] = {NULL};
	const struct bud_body_text rule = {"reason", BUD_STATUS_TEXT_MAX};
	json_auto_t *body = bud_json_body_take(
		change->request, change->is_pause ? pause_members : resume_members);
	struct bud_error error = {0};

	if (!body)
		return false;
	if (bud_body_text(json_object_get(body, "reason"), &rule, &change->detail, &error) == 0)
		return true;
	bud_json_body_refuse(change->request, &error);
	return false;
}

static void begin(struct bud_api_desk *desk, struct bud_request *request,
	struct bud_subscription *taken, bool is_pause)
{
	struct change *change = bud_new(struct change);

	*change = (struct change){
		.desk = desk, .request = request, .is_pause = is_pause, .subscription = taken};
	bud_random_hex(change->etag, ETAG_BYTES);
	bud_status_write(&taken->status, &change->expected);
	if (read_body(change))
		apply(change);
	else
		end(change);
}

static void pause_it(void *owner, struct bud_request *request, struct bud_subscription *taken)
{
	begin(owner, request, taken, true);
}

static void resume_it(void *owner, struct bud_request *request, struct bud_subscription *taken)
{
	begin(owner, request, taken, false);
}

static void handle_pause(void *context, struct bud_request *request)
{
	bud_lookup_at(context, request, pause_it);
}

static void handle_resume(void *context, struct bud_request *request)
{
	bud_lookup_at(context, request, resume_it);
}

static void answer(struct change *change)
{
	const struct bud_subscription *subscription = change->subscription;
	bud_auto(buffer) struct bud_buffer body = {0};

	bud_etag_reply(change->request, subscription->etag);
	bud_subscription_write_api(subscription, BUD_SUBSCRIPTION_SECRET_HIDDEN, &body);
	bud_reply(change->request, 200, "application/json", bud_buffer_as_span(&body));
	end(change);
}

static bool is_there_already(const struct change *change)
{
	const struct bud_subscription_status *status = &change->subscription->status;

	if (!change->is_pause)
		return status->state == BUD_SUBSCRIPTION_ACTIVE;
	return status->state == BUD_SUBSCRIPTION_PAUSED &&
	       (!change->detail || (status->detail && strcmp(status->detail, change->detail) == 0));
}

/* Why it cannot go there from where it is; NULL when it can. */
static const char *obstacle(const struct change *change)
{
	switch (change->subscription->status.state) {
	case BUD_SUBSCRIPTION_PENDING:
		return "the subscription is pending: its receiver has not agreed yet, and nothing "
		       "is pushed until it does";
	case BUD_SUBSCRIPTION_DISABLED:
		return change->is_pause ? "the subscription is disabled, so nothing is pushed; "
					  "resume it first"
					: NULL;
	case BUD_SUBSCRIPTION_ACTIVE:
	case BUD_SUBSCRIPTION_PAUSED:
		break;
	}
	return NULL;
}

static void refuse_state(struct change *change, const char *text)
{
	const struct bud_subscription_status *status = &change->subscription->status;
	struct bud_error error;

	(void)bud_error_set(&error, "status.state", "%s%s%s", text, status->detail ? ": " : "",
		status->detail ? status->detail : "");
	bud_reply_problem(change->request, 409, "wrong-state",
		change->is_pause ? "Cannot be paused now" : "Cannot be resumed now", &error);
	end(change);
}

static void refuse_etag(struct change *change)
{
	bud_etag_reply(change->request, change->subscription->etag);
	bud_reply_problem(change->request, 412, "precondition-failed",
		"The subscription was changed by somebody else", NULL);
	end(change);
}

/* What the receiver granted and what its tokens are stays as it is. */
static void write_status(struct change *change)
{
	struct bud_subscription_status status = change->subscription->status;

	status.state = change->is_pause ? BUD_SUBSCRIPTION_PAUSED : BUD_SUBSCRIPTION_ACTIVE;
	status.since_ms = bud_clock_wall_ms();
	status.reason = change->is_pause ? "owner" : NULL;
	status.detail = change->detail;
	bud_buffer_clear(&change->status);
	bud_status_write(&status, &change->status);
}

static void put(struct change *change)
{
	struct bud_status_put wanted = {
		.id = change->subscription->id,
		.expected = bud_buffer_as_span(&change->expected),
		.status = bud_buffer_as_span(&change->status),
		.etag = change->etag,
	};
	int r = bud_registry_put_status(change->desk->store, &wanted, on_put, change);

	if (r == 0)
		return;
	bud_failure_reply(change->request, r);
	end(change);
}

static void apply(struct change *change)
{
	const char *text = obstacle(change);

	if (!bud_etag_permits_change(change->request, change->subscription->etag)) {
		refuse_etag(change);
	} else if (is_there_already(change)) {
		answer(change);
	} else if (text) {
		refuse_state(change, text);
	} else {
		write_status(change);
		put(change);
	}
}

static void on_changed(struct change *change, const struct bud_registry_value *value)
{
	struct bud_subscription *fresh = NULL;
	int r = bud_lookup_load(value, (uint32_t)change->desk->config->delivery.timeout_ms, &fresh);

	if (r == 0 && ++change->tries < TRIES_MAX) {
		bud_subscription_destroy(change->subscription);
		change->subscription = fresh;
		bud_buffer_clear(&change->expected);
		bud_buffer_span(&change->expected, value->status);
		apply(change);
		return;
	}
	bud_subscription_destroy(fresh);
	if (r == 0)
		bud_reply_problem(change->request, 409, "conflict",
			"Others change this subscription all the time", NULL);
	else
		bud_failure_reply(change->request, r);
	end(change);
}

static void on_done(struct change *change, const struct bud_put_result *result)
{
	const struct bud_subscription_beside beside = {
		.serial = result->serial,
		.etag = bud_span(change->etag),
		.status = bud_buffer_as_span(&change->status),
	};

	bud_subscription_set_beside(change->subscription, &beside);
	answer(change);
}

static void on_put(void *owner, int err, const struct bud_put_result *result)
{
	struct change *change = owner;

	if (err < 0) {
		bud_failure_reply(change->request, err);
		end(change);
		return;
	}
	switch (result->outcome) {
	case BUD_PUT_OK:
		on_done(change, result);
		return;
	case BUD_PUT_CHANGED:
		on_changed(change, &result->value);
		return;
	default: /* deleted meanwhile */
		bud_failure_reply_unknown(change->request);
		end(change);
		return;
	}
}
