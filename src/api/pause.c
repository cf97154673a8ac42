/* Pausing: subscription looked up -> body read -> its status swapped, if it may go there from where
 * it is -> answered. Saying the same twice is fine, so a lost answer is a 503 and no more. */
#include "api/pause.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "api/desk.h"
#include "api/etag.h"
#include "api/failure.h"
#include "api/json_body.h"
#include "api/lookup.h"
#include "auth/need.h"
#include "config/config.h"
#include "core/clock.h"
#include "core/limits.h"
#include "http/reply.h"
#include "http/request.h"
#include "store/status_change.h"
#include "subscription/body.h"
#include "subscription/consent.h"
#include "subscription/subscription.h"

struct change {
	struct bud_api_desk *desk;
	struct bud_request *request;
	bool is_pause;
	bool is_stale; /* If-Match names another state */
	char *detail;  /* what the owner said, or NULL */
};

static void handle_pause(void *context, struct bud_request *request);
static void handle_resume(void *context, struct bud_request *request);
static bool edit(void *owner, const struct bud_subscription *subscription,
	struct bud_subscription_status *status);
static void on_changed(void *owner, int err, enum bud_status_outcome outcome,
	const struct bud_subscription *subscription);

const struct bud_route bud_pause_routes[] = {
	{"POST", "/subscriptions/{id}/pause", handle_pause, BUD_API_BODY_BYTES_MAX,
		BUD_NEED_SUBSCRIBE},
	{"POST", "/subscriptions/{id}/resume", handle_resume, BUD_API_BODY_BYTES_MAX,
		BUD_NEED_SUBSCRIBE},
};
const size_t bud_pause_routes_n = sizeof(bud_pause_routes) / sizeof(bud_pause_routes[0]);

static void end(struct change *change)
{
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

#define FROM_PAUSE                                                                                 \
	(BUD_STATUS_IS(BUD_SUBSCRIPTION_ACTIVE) | BUD_STATUS_IS(BUD_SUBSCRIPTION_PENDING) |        \
		BUD_STATUS_IS(BUD_SUBSCRIPTION_PAUSED))
#define FROM_RESUME                                                                                \
	(BUD_STATUS_IS(BUD_SUBSCRIPTION_PAUSED) | BUD_STATUS_IS(BUD_SUBSCRIPTION_DISABLED) |       \
		BUD_STATUS_IS(BUD_SUBSCRIPTION_ACTIVE))

static void begin(struct bud_api_desk *desk, struct bud_request *request,
	struct bud_subscription *taken, bool is_pause)
{
	bud_auto(subscription) struct bud_subscription *subscription = taken;
	struct change *change = bud_new(struct change);
	struct bud_status_wish wish = {
		.from = is_pause ? FROM_PAUSE : FROM_RESUME,
		.to = is_pause ? BUD_SUBSCRIPTION_PAUSED : BUD_SUBSCRIPTION_ACTIVE,
		.reason = is_pause ? "owner" : NULL,
		.timeout_ms = (uint32_t)desk->config->delivery.timeout_ms,
		.edit = edit,
	};
	int r;

	*change = (struct change){.desk = desk, .request = request, .is_pause = is_pause};
	if (!read_body(change)) {
		end(change);
		return;
	}
	wish.detail = change->detail;
	r = bud_status_change(desk->store, subscription->id, &wish, on_changed, change);
	if (r == 0)
		return;
	bud_failure_reply(request, r);
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

static void answer(struct change *change, const struct bud_subscription *subscription)
{
	bud_auto(buffer) struct bud_buffer body = {0};

	bud_etag_reply(change->request, subscription->etag);
	bud_subscription_write_api(
		subscription, BUD_SUBSCRIPTION_SECRET_HIDDEN, bud_clock_wall_ms(), &body);
	bud_reply(change->request, 200, "application/json", bud_buffer_as_span(&body));
	end(change);
}

static bool is_there_already(
	const struct change *change, const struct bud_subscription *subscription)
{
	const struct bud_subscription_status *status = &subscription->status;

	if (!change->is_pause)
		return status->state == BUD_SUBSCRIPTION_ACTIVE;
	return status->state == BUD_SUBSCRIPTION_PAUSED &&
	       (!change->detail || (status->detail && strcmp(status->detail, change->detail) == 0));
}

/* Who resumes a receiver that has not agreed yet has it asked, or nobody by now. */
static bool edit(void *owner, const struct bud_subscription *subscription,
	struct bud_subscription_status *status)
{
	struct change *change = owner;

	change->is_stale = !bud_etag_permits_change(change->request, subscription->etag);
	if (change->is_stale || is_there_already(change, subscription))
		return false;
	if (change->is_pause || status->granted_ms != 0)
		return true;
	if (bud_consent_method(change->desk->config->delivery.verify, subscription) ==
		BUD_VERIFY_OFF)
		bud_consent_forget(status);
	else
		bud_consent_start(status, bud_clock_wall_ms());
	return true;
}

static const char *obstacle(enum bud_subscription_state state)
{
	return state == BUD_SUBSCRIPTION_PENDING
		       ? "the subscription is pending: its receiver has not agreed yet, and "
			 "nothing is pushed until it does; pause and resume it to have it asked "
			 "again now"
		       : "the subscription is disabled, so nothing is pushed; resume it first";
}

static void refuse_state(struct change *change, const struct bud_subscription_status *status)
{
	struct bud_error error;

	(void)bud_error_set(&error, "status.state", "%s%s%s", obstacle(status->state),
		status->detail ? ": " : "", status->detail ? status->detail : "");
	bud_reply_problem(change->request, 409, "wrong-state",
		change->is_pause ? "Cannot be paused now" : "Cannot be resumed now", &error);
	end(change);
}

static void refuse_etag(struct change *change, const struct bud_subscription *subscription)
{
	bud_etag_reply(change->request, subscription->etag);
	bud_reply_problem(change->request, 412, "precondition-failed",
		"The subscription was changed by somebody else", NULL);
	end(change);
}

static void refuse(struct change *change, int err)
{
	if (err == -EBUSY)
		bud_reply_problem(change->request, 409, "conflict",
			"Others change this subscription all the time", NULL);
	else
		bud_failure_reply(change->request, err);
	end(change);
}

static void on_changed(void *owner, int err, enum bud_status_outcome outcome,
	const struct bud_subscription *subscription)
{
	struct change *change = owner;

	if (err < 0) {
		refuse(change, err);
	} else if (outcome == BUD_STATUS_MISSING) {
		bud_failure_reply_unknown(change->request);
		end(change);
	} else if (outcome != BUD_STATUS_REFUSED) {
		answer(change, subscription);
	} else if (change->is_stale ||
		   !bud_etag_permits_change(change->request, subscription->etag)) {
		refuse_etag(change, subscription);
	} else if (is_there_already(change, subscription)) {
		answer(change, subscription);
	} else {
		refuse_state(change, &subscription->status);
	}
}
