/* Permits to subscribe. */
#include "api/subscription_permit.h"

#include "access/refusal.h"
#include "api/failure.h"
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

bool bud_subscription_permit(struct bud_authority *authority, struct bud_request *request,
	const struct bud_subscription *subscription)
{
	struct bud_question question = question_of(subscription, bud_request_identity(request));
	struct bud_ruling ruling;
	struct bud_error error = {0};

	if (bud_authority_is_open(authority))
		return true;
	switch (bud_authorize(authority, &question, &ruling)) {
	case BUD_DECISION_PERMIT:
		return true;
	case BUD_DECISION_DENY:
		bud_refusal_text(&question, &ruling, &error);
		bud_refusal_reply(request, ruling.scope, &error);
		break;
	case BUD_DECISION_LATER:
		bud_failure_reply_unavailable(request, ruling.rule);
		break;
	}
	return false;
}
