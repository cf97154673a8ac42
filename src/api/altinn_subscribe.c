/* POST of Altinn's subscriptions: read and checked -> (the alternative subject looked up) -> may
 * the caller subscribe (the decision point may be asked) -> put -> answered.
 *
 * A repeated POST finds its twin, which is what Altinn does, too; so after a lost answer of Redis
 * the client may send the same again, and nothing is repeated here. */
#include <errno.h>
#include <stdlib.h>

#include "access/decision_point.h"
#include "access/refusal.h"
#include "access/register.h"
#include "api/altinn.h"
#include "api/altinn_answer.h"
#include "api/altinn_handlers.h"
#include "api/altinn_wish.h"
#include "api/barrier.h"
#include "api/desk.h"
#include "api/failure.h"
#include "api/json_body.h"
#include "api/lookup.h"
#include "api/subscription_check.h"
#include "api/subscription_quota.h"
#include "api/subscriptions.h"
#include "auth/authorize.h"
#include "auth/identity.h"
#include "config/config.h"
#include "core/clock.h"
#include "core/random.h"
#include "http/reply.h"
#include "http/request.h"
#include "store/registry.h"
#include "store/status_change.h"
#include "store/store.h"
#include "subscription/consent.h"
#include "subscription/subscription.h"

#define DROPS_MAX  3
#define ETAG_BYTES 8

struct call {
	struct bud_altinn_api *api;
	struct bud_request *request;
	struct bud_altinn_wish wish;
	struct bud_altinn_rules rules;
	bool is_decided; /* by the decision point, as far as it can */
	bool is_current; /* what was granted before it came is known here */
	struct bud_subscription *made;
	struct bud_buffer record;
	struct bud_buffer status;
	unsigned drops_n; /* of twins that had expired */
};

static void look_up(struct call *call);
static void on_party(void *owner, enum bud_register_outcome outcome, const struct bud_party *party);
static void check_rest(struct call *call);
static void permit(struct call *call);
static void on_decided(void *owner);
static void on_current(void *owner, int err);
static void store(struct call *call);
static void on_put(void *owner, int err, const struct bud_put_result *result);
static void on_dropped(void *owner, int err, const struct bud_put_result *result);
static void on_asked_again(void *owner, int err, enum bud_status_outcome outcome,
	const struct bud_subscription *subscription);

static void end(struct call *call)
{
	bud_altinn_wish_finish(&call->wish);
	bud_subscription_destroy(call->made);
	bud_buffer_finish_secret(&call->record);
	bud_buffer_finish_secret(&call->status);
	free(call);
}

static void refuse(struct call *call, int status, const char *text)
{
	bud_altinn_answer_text(call->request, status, text);
	end(call);
}

static void fail(struct call *call, int err)
{
	if (err == -ENOTCONN)
		bud_failure_reply_unavailable(call->request,
			"The connection to Redis was lost: the subscription may or may not have "
			"been stored; send the same again");
	else
		bud_failure_reply(call->request, err);
	end(call);
}

bool bud_altinn_is_org(const struct bud_identity *identity)
{
	return identity == &bud_identity_local || identity->altinn.org ||
	       bud_span_starts(bud_span(identity->name), bud_span("/org/"));
}

void bud_altinn_handle_subscribe(void *context, struct bud_request *request)
{
	struct bud_altinn_api *api = context;
	const struct bud_identity *identity = bud_request_identity(request);
	const struct bud_config *config = api->desk->config;
	struct bud_error error = {0};
	struct call *call;
	int r;

	if (!bud_json_body_check_type(request))
		return;
	call = bud_new(struct call);
	call->api = api;
	call->request = request;
	call->rules = (struct bud_altinn_rules){
		.apps_domain = config->altinn.apps_domain,
		.allow_http = config->delivery.allow_http,
		.is_org = bud_altinn_is_org(identity),
		.has_scope = bud_identity_may(identity, BUD_NEED_SUBSCRIBE),
	};
	r = bud_altinn_wish_parse(&call->wish, request->body, &error);
	if (r < 0) {
		bud_reply_problem(
			request, 400, "bad-subscription", "Not a valid subscription", &error);
		end(call);
		return;
	}
	r = bud_altinn_wish_check(&call->wish, &call->rules, &error);
	if (r == -EACCES) {
		bud_altinn_answer_scope(request, config->auth.scope_subscribe);
		end(call);
	} else if (r < 0) {
		refuse(call, 400, error.text);
	} else {
		look_up(call);
	}
}

/* Of an app, when there is no subject. */
static void look_up(struct call *call)
{
	const struct bud_altinn_wish *wish = &call->wish;
	struct bud_register_question question = {.what = BUD_PARTY_WHO};
	enum bud_register_outcome outcome;
	struct bud_party party;

	if (!wish->alternative_subject || wish->alternative_subject[0] == '\0' ||
		(wish->subject && wish->subject[0] != '\0') ||
		!bud_altinn_wish_is_app(wish, call->rules.apps_domain)) {
		check_rest(call);
		return;
	}
	question.identifier = bud_span(wish->alternative_subject);
	outcome = bud_register_ask(call->api->desk->reg, &question, on_party, call, &party);
	if (outcome != BUD_REGISTER_ASKED)
		on_party(call, outcome, &party);
}

static void on_party(void *owner, enum bud_register_outcome outcome, const struct bud_party *party)
{
	struct call *call = owner;
	bud_auto(buffer) struct bud_buffer subject = {0};

	if (outcome == BUD_REGISTER_FAILED) {
		bud_failure_reply_unavailable(
			call->request, "the register of parties does not answer");
		end(call);
		return;
	}
	if (outcome == BUD_REGISTER_FOUND) {
		bud_buffer_format(&subject, "/party/%s", party->id);
		free(call->wish.subject);
		call->wish.subject = bud_strdup(subject.at);
	}
	check_rest(call);
}

static struct bud_question question_of(const struct call *call)
{
	const struct bud_identity *identity = bud_request_identity(call->request);
	const struct bud_altinn_wish *wish = &call->wish;
	struct bud_question question = {
		.action = BUD_ACTION_SUBSCRIBE,
		.who = bud_span(identity->name),
		.identity = identity,
		.resource = bud_span(wish->resource),
		.now_ms = bud_clock_wall_ms(),
	};

	if (wish->type)
		question.type = bud_span(wish->type);
	if (wish->subject)
		question.subject = bud_span(wish->subject);
	return question;
}

/* A grant that was answered a moment ago may not have come here yet. */
static void look_closer(struct call *call)
{
	int r = bud_barrier_wait(call->api->subscriptions, on_current, call);

	if (r < 0)
		fail(call, r);
}

static void on_current(void *owner, int err)
{
	struct call *call = owner;

	call->is_current = true;
	if (err == 0)
		permit(call);
	else
		fail(call, err);
}

static void deny(struct call *call, const struct bud_ruling *ruling)
{
	bud_auto(buffer) struct bud_buffer text = {0};

	bud_refusal_add_challenge(call->request, ruling->scope);
	bud_buffer_format(&text, "Not authorized to create a subscription for resource %s.",
		call->wish.resource);
	refuse(call, 403, text.at);
}

static void permit(struct call *call)
{
	struct bud_decision_point *point = call->api->desk->point;
	struct bud_question question = question_of(call);
	struct bud_ruling ruling;

	switch (bud_authorize(call->api->desk->authority, &question, &ruling)) {
	case BUD_DECISION_PERMIT:
		store(call);
		return;
	case BUD_DECISION_DENY:
		if (!call->is_current) {
			look_closer(call);
			return;
		}
		deny(call, &ruling);
		return;
	case BUD_DECISION_LATER:
		break;
	}
	if (point && !call->is_decided &&
		bud_decision_point_ask(point, &question, on_decided, call) == 0)
		return;
	bud_failure_reply_unavailable(
		call->request, "it is not known yet whether the caller may subscribe");
	end(call);
}

/* Or not: then it is not asked again. */
static void on_decided(void *owner)
{
	struct call *call = owner;

	call->is_decided = true;
	permit(call);
}

static int make(struct call *call, struct bud_error *error)
{
	const struct bud_config *config = call->api->desk->config;
	struct bud_store *store = call->api->desk->store;
	bud_auto(buffer) struct bud_buffer body = {0};
	struct bud_subscription_defaults defaults = {
		.owner = bud_request_identity(call->request)->name,
		.now_ms = bud_clock_wall_ms(),
		.timeout_ms = (uint32_t)config->delivery.timeout_ms,
		.sealer = bud_store_sealer(store)};
	int r;

	bud_altinn_wish_write(&call->wish, &body);
	r = bud_subscription_parse(bud_buffer_as_span(&body), &defaults, &call->made, error);
	if (r == 0)
		r = bud_subscription_check(
			call->made, config, call->api->subscriptions->own_ports, error);
	if (r == 0)
		r = bud_subscription_quota_check_filter(
			call->api->subscriptions, call->made, NULL, error);
	return r;
}

static int put(struct call *call)
{
	struct bud_subscription *made = call->made;
	char fingerprint[BUD_FINGERPRINT_TEXT_BYTES];
	struct bud_put put = {.id = made->id,
		.if_etag = "",
		.etag = made->etag,
		.fingerprint = fingerprint,
		.owner = made->owner,
		.owner_max = bud_subscription_quota_of(call->api->subscriptions, made->owner)};

	bud_consent_start(&made->status, bud_clock_wall_ms());
	bud_buffer_clear(&call->status);
	bud_buffer_clear(&call->record);
	bud_status_write(&made->status, &call->status);
	bud_subscription_write_record(made, &call->record);
	bud_subscription_fingerprint(made, fingerprint);
	put.record = bud_buffer_as_span(&call->record);
	put.status = bud_buffer_as_span(&call->status);
	return bud_registry_put(call->api->desk->store, &put, on_put, call);
}

static void check_rest(struct call *call)
{
	struct bud_error error = {0};

	if (bud_altinn_wish_complete(&call->wish, &call->rules, &error) < 0)
		refuse(call, 400, error.text);
	else
		permit(call);
}

/* The member that Altinn's clients know as endPoint is our sink, with which the text begins. */
static void refuse_made(struct call *call, const struct bud_error *error)
{
	static const char sink[] = "sink";
	bud_auto(buffer) struct bud_buffer text = {0};

	if (strcmp(error->member, sink) == 0 &&
		bud_span_starts(bud_span(error->text), bud_span(sink)))
		bud_buffer_format(&text, "endPoint%s", error->text + strlen(sink));
	else
		bud_buffer_text(&text, error->text);
	refuse(call, 400, text.at);
}

static void store(struct call *call)
{
	struct bud_error error = {0};
	int r;

	if (make(call, &error) < 0) {
		refuse_made(call, &error);
		return;
	}
	r = put(call);
	if (r < 0)
		fail(call, r);
}

static void answer(struct call *call, const struct bud_subscription *subscription)
{
	bud_auto(buffer) struct bud_buffer location = {0};
	bud_auto(buffer) struct bud_buffer body = {0};

	bud_buffer_format(&location, BUD_ALTINN_BASE "/subscriptions/%llu",
		(unsigned long long)subscription->serial);
	bud_reply_header(call->request, "Location", location.at);
	bud_altinn_write_subscription(subscription, call->wish.alternative_subject, &body);
	bud_reply(call->request, 201, "application/json", bud_buffer_as_span(&body));
	end(call);
}

/* Another time of pending is another question, which the verifier asks at once. */
static bool ask_again(void *owner, const struct bud_subscription *subscription,
	struct bud_subscription_status *status)
{
	int64_t now_ms = bud_clock_wall_ms();

	(void)owner;
	(void)subscription;
	bud_consent_start(status, now_ms > status->since_ms ? now_ms : status->since_ms + 1);
	return true;
}

/* A twin that has expired gets no events, so it must not stand in the way of a new one. */
static int drop(struct call *call, const struct bud_subscription *twin)
{
	char tombstone[2 * ETAG_BYTES + 1];
	const struct bud_drop drop = {twin->id, twin->etag, tombstone, twin->owner};

	bud_random_hex(tombstone, ETAG_BYTES);
	return bud_registry_drop(call->api->desk->store, &drop, on_dropped, call);
}

static void on_dropped(void *owner, int err, const struct bud_put_result *result)
{
	struct call *call = owner;

	(void)result; /* gone, or changed by somebody else: the put tells */
	if (err == 0)
		err = put(call);
	if (err < 0)
		fail(call, err);
}

/* It is there already. One that is pushed to stays so; any other is asked again. */
static void on_same(struct call *call, const struct bud_put_result *result)
{
	struct bud_lookup_loading loading = {call->api->desk->store,
		(uint32_t)call->api->desk->config->delivery.timeout_ms,
		bud_request_identity(call->request)->name};
	struct bud_status_wish wish = {
		.from = BUD_STATUS_IS(BUD_SUBSCRIPTION_PENDING) |
			BUD_STATUS_IS(BUD_SUBSCRIPTION_DISABLED),
		.to = BUD_SUBSCRIPTION_PENDING,
		.reason = "consent",
		.timeout_ms = loading.timeout_ms,
		.edit = ask_again,
	};
	struct bud_subscription *twin = NULL;
	int r = bud_lookup_load(&loading, &result->value, &twin);

	if (r == 0 && bud_subscription_has_expired(twin, bud_clock_wall_ms()) &&
		call->drops_n++ < DROPS_MAX) {
		r = drop(call, twin);
		bud_subscription_destroy(twin);
	} else if (r == 0) {
		bud_subscription_destroy(call->made);
		call->made = twin;
		if (twin->status.state == BUD_SUBSCRIPTION_ACTIVE ||
			twin->status.state == BUD_SUBSCRIPTION_PAUSED) {
			answer(call, twin);
			return;
		}
		r = bud_status_change(
			call->api->desk->store, twin->id, &wish, on_asked_again, call);
	}
	if (r < 0)
		fail(call, r);
}

static void on_asked_again(void *owner, int err, enum bud_status_outcome outcome,
	const struct bud_subscription *subscription)
{
	struct call *call = owner;

	(void)outcome;
	if (err < 0)
		fail(call, err);
	else
		answer(call, subscription ? subscription : call->made);
}

static void on_put(void *owner, int err, const struct bud_put_result *result)
{
	struct call *call = owner;

	if (err < 0) {
		fail(call, err);
		return;
	}
	if (result->outcome == BUD_PUT_SAME) {
		on_same(call, result);
		return;
	}
	if (result->outcome == BUD_PUT_FULL) {
		bud_subscription_quota_refuse(
			call->api->subscriptions, call->request, result->used);
		end(call);
		return;
	}
	if (result->outcome != BUD_PUT_OK) {
		fail(call, -EAGAIN);
		return;
	}
	call->made->serial = result->serial;
	answer(call, call->made);
}
