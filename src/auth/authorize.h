/* The one question of authorization: may this owner have this event? */
#pragma once
#include "core/text.h"

enum bud_decision {
	BUD_DECISION_PERMIT,
	BUD_DECISION_DENY,
	BUD_DECISION_LATER, /* not known yet: park the delivery and ask again */
};

/* The owner of everything where there is no authentication. */
#define BUD_OWNER_LOCAL "local"

/* Asked per delivery, after matching. Owners may have their own; somebody else's event needs a
 * policy to permit it, and none is configured: denied. */
enum bud_decision bud_authorize_delivery(
	struct bud_span event_owner, struct bud_span subscription_owner);
