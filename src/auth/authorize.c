/* The one question of authorization. */
#include "auth/authorize.h"

enum bud_decision bud_authorize_delivery(
	struct bud_span event_owner, struct bud_span subscription_owner)
{
	return bud_span_equals(event_owner, subscription_owner) ? BUD_DECISION_PERMIT
								: BUD_DECISION_DENY;
}
