/* Permits to subscribe. given, or: no -> behind the barrier again, for a grant may be on its way;
 * later -> the decision point is asked -> decided. */
#include "api/subscription_permit.h"

#include <stdlib.h>

#include "access/decision_point.h"
#include "access/refusal.h"
#include "api/barrier.h"
#include "api/failure.h"
#include "api/subscriptions.h"
#include "auth/authorize.h"
#include "auth/identity.h"
#include "core/clock.h"
#include "core/error.h"
#include "http/request.h"
#include "subscription/filter.h"
#include "subscription/subscription.h"

static struct bud_span needed(const struct bud_subscription *subscription, const char *attribute)
{
	return subscription->filter ? bud_filter_needs(subscription->filter, attribute)
				    : (struct bud_span){NULL, 0};
}

static struct bud_question question_of(
	const struct bud_subscription *subscription, const struct bud_identity *identity)
{
	struct bud_question question = {
		.action = BUD_ACTION_SUBSCRIBE,
		.who = bud_span(identity->name),
		.identity = identity,
		.resource = needed(subscription, "resource"),
		.type = needed(subscription, "type"),
		.subject = needed(subscription, "subject"),
		.now_ms = bud_clock_wall_ms(),
	};

	if (!question.type.at && subscription->n_types == 1)
		question.type = bud_span(subscription->types[0]);
	return question;
}

struct asking {
	struct bud_subscriptions_api *api;
	struct bud_request *request;
	const struct bud_subscription *subscription;
	bud_subscription_permit_fn fn;
	void *owner;
};

static void refuse(struct bud_request *request, const struct bud_question *question,
	const struct bud_ruling *ruling)
{
	struct bud_error error = {0};

	if (ruling->decision == BUD_DECISION_LATER) {
		bud_failure_reply_unavailable(request, ruling->rule);
		return;
	}
	bud_refusal_text(question, ruling, &error);
	bud_refusal_reply(request, ruling->scope, &error);
}

static void on_decided(void *owner)
{
	struct asking asking = *(struct asking *)owner;
	struct bud_question question =
		question_of(asking.subscription, bud_request_identity(asking.request));
	struct bud_ruling ruling;

	free(owner);
	(void)bud_authorize(asking.api->authority, &question, &ruling);
	if (ruling.decision != BUD_DECISION_PERMIT)
		refuse(asking.request, &question, &ruling);
	asking.fn(asking.owner, ruling.decision == BUD_DECISION_PERMIT);
}

/* True: on_decided() is called once. */
static bool ask_point(struct asking *asking, const struct bud_question *question)
{
	return asking->api->point &&
	       bud_decision_point_ask(asking->api->point, question, on_decided, asking) == 0;
}

/* A grant that was answered a moment ago is known by now. */
static void on_current(void *owner, int err)
{
	struct asking *asking = owner;
	struct bud_question question =
		question_of(asking->subscription, bud_request_identity(asking->request));

	if (err < 0) {
		bud_failure_reply(asking->request, err);
		asking->fn(asking->owner, false);
		free(asking);
	} else if (bud_authorize(asking->api->authority, &question, NULL) != BUD_DECISION_LATER ||
		   !ask_point(asking, &question)) {
		on_decided(asking);
	}
}

enum bud_permit_outcome bud_subscription_permit(struct bud_subscriptions_api *api,
	struct bud_request *request, const struct bud_subscription *subscription,
	bud_subscription_permit_fn fn, void *owner)
{
	struct bud_question question = question_of(subscription, bud_request_identity(request));
	struct bud_ruling ruling;
	struct asking *asking;

	if (bud_authority_is_open(api->authority) ||
		bud_authorize(api->authority, &question, &ruling) == BUD_DECISION_PERMIT)
		return BUD_PERMIT_GIVEN;
	asking = bud_new(struct asking);
	*asking = (struct asking){api, request, subscription, fn, owner};
	if (ruling.decision == BUD_DECISION_LATER ? ask_point(asking, &question)
						  : bud_barrier_wait(api, on_current, asking) == 0)
		return BUD_PERMIT_ASKED;
	free(asking);
	refuse(request, &question, &ruling);
	return BUD_PERMIT_REFUSED;
}
