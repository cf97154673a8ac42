/* Consent: the key is compared, and what was granted is written, in one change of the status. A key
 * grants once; the same again is answered alike, and may lower the rate, nothing else. Who bears it
 * needs nothing else, so nothing is told about the subscription: a wrong key, one that is too old
 * and no such subscription are the same answer. */
#include "api/consent.h"

#include <stdlib.h>

#include "api/desk.h"
#include "api/failure.h"
#include "auth/need.h"
#include "core/alloc.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/limits.h"
#include "http/reply.h"
#include "http/request.h"
#include "store/grants.h"
#include "store/status_change.h"
#include "subscription/consent.h"
#include "subscription/subscription.h"

struct call {
	struct bud_request *request;
	struct bud_buffer key;
	uint32_t rate_per_min;
	bool has_rate;
	uint32_t asked_rate_per_min;
};

static void handle_look(void *context, struct bud_request *request);
static void handle_consent(void *context, struct bud_request *request);

/* A receiver may send a body; nobody reads it. Who only looks with HEAD does not agree. */
const struct bud_route bud_consent_routes[] = {
	{"HEAD", "/subscriptions/{id}/consent", handle_look, 0, BUD_NEED_NOTHING},
	{"GET", "/subscriptions/{id}/consent", handle_consent, 0, BUD_NEED_NOTHING},
	{"POST", "/subscriptions/{id}/consent", handle_consent, BUD_API_BODY_BYTES_MAX,
		BUD_NEED_NOTHING},
};
const size_t bud_consent_routes_n = sizeof(bud_consent_routes) / sizeof(bud_consent_routes[0]);

static void end(struct call *call)
{
	if (call->key.at)
		explicit_bzero(call->key.at, call->key.len);
	bud_buffer_finish(&call->key);
	free(call);
}

static void refuse(struct bud_request *request)
{
	struct bud_error error;

	(void)bud_error_set(&error, "key",
		"this key is not in force: it is too old, or it never was; a receiver is given "
		"one when it is asked");
	bud_reply_problem(request, 404, "unknown-key", "No such question", &error);
}

/* Missing when a browser follows the address: then what was asked for is granted. */
static bool read_rate(struct call *call)
{
	struct bud_span rate = bud_request_header(call->request, "WebHook-Allowed-Rate");
	struct bud_error error;

	if (!rate.at)
		return true;
	call->has_rate = true;
	if (bud_consent_read_rate(rate, &call->rate_per_min))
		return true;
	(void)bud_error_set(&error, "WebHook-Allowed-Rate",
		"WebHook-Allowed-Rate must be * or a positive number of requests per minute");
	bud_reply_problem(call->request, 400, "bad-request", "Not a valid request", &error);
	return false;
}

/* A receiver that wants less gets less, whoever came first. */
static void lower_rate(struct bud_subscription_status *status, uint32_t rate_per_min)
{
	if (rate_per_min != 0 && (status->rate_per_min == 0 || rate_per_min < status->rate_per_min))
		status->rate_per_min = rate_per_min;
}

static bool grant(void *owner, const struct bud_subscription *subscription,
	struct bud_subscription_status *status)
{
	const struct call *call = owner;
	int64_t now_ms = bud_clock_wall_ms();

	if (!bud_consent_key_is(subscription, bud_buffer_as_span(&call->key), now_ms))
		return false;
	if (status->granted_ms != 0) {
		lower_rate(status, call->rate_per_min);
		return true;
	}
	bud_consent_grant(
		status, call->has_rate ? call->rate_per_min : call->asked_rate_per_min, now_ms);
	return true;
}

static void on_changed(void *owner, int err, enum bud_status_outcome outcome,
	const struct bud_subscription *subscription)
{
	static const char text[] = "Thank you: events will be sent.\n";
	struct call *call = owner;

	(void)subscription;
	if (err < 0) {
		bud_failure_reply(call->request, err);
	} else if (outcome == BUD_STATUS_DONE || outcome == BUD_STATUS_ALREADY) {
		bud_reply_header(call->request, "Cache-Control", "no-store");
		bud_reply(call->request, 200, "text/plain; charset=utf-8", bud_span(text));
	} else {
		refuse(call->request);
	}
	end(call);
}

static void change(struct bud_api_desk *desk, struct call *call)
{
	static const struct bud_status_wish wish = {
		.from = ~0u, .keeps_state = true, .edit = grant};
	char id[BUD_SUBSCRIPTION_ID_MAX + 1];
	struct bud_span parameter = call->request->parameters[0];
	int r;

	if (parameter.len > BUD_SUBSCRIPTION_ID_MAX || bud_grant_key_is(parameter)) {
		refuse(call->request);
		end(call);
		return;
	}
	memcpy(id, parameter.at, parameter.len);
	id[parameter.len] = '\0';
	r = bud_status_change(desk->store, id, &wish, on_changed, call);
	if (r == 0)
		return;
	bud_failure_reply(call->request, r);
	end(call);
}

static void handle_look(void *context, struct bud_request *request)
{
	struct bud_error error;

	(void)context;
	(void)bud_error_set(&error, NULL, "a receiver agrees by GET or POST");
	bud_reply_header(request, "Allow", "GET, POST, OPTIONS");
	bud_reply_problem(request, 405, "method-not-allowed", "Method Not Allowed", &error);
}

static void handle_consent(void *context, struct bud_request *request)
{
	struct bud_api_desk *desk = context;
	struct call *call = bud_new(struct call);

	call->request = request;
	call->asked_rate_per_min = (uint32_t)desk->config->delivery.request_rate;
	if (bud_request_query(request, "key", &call->key) != 1) {
		refuse(request);
		end(call);
	} else if (read_rate(call)) {
		change(desk, call);
	} else {
		end(call);
	}
}
