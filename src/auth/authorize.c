/* The one question of authorization. */
#include "auth/authorize.h"

enum bud_decision bud_authorize_delivery(
	struct bud_span event_owner, struct bud_span subscription_owner)
{
	if (bud_span_is(event_owner, BUD_OWNER_LOCAL) &&
		bud_span_is(subscription_owner, BUD_OWNER_LOCAL))
		return BUD_DECISION_PERMIT;
	return BUD_DECISION_DENY;
}
