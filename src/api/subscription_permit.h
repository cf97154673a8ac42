/* The permit to subscribe: may there be an event that this subscription gets? Each delivery is
 * asked for again, with the event. */
#pragma once
#include <stdbool.h>

struct bud_authority;    /* auth/authorize.h */
struct bud_request;      /* http/request.h */
struct bud_subscription; /* subscription/subscription.h */

/* The resource, type and subject are known where the subscription's filters name exactly one.
 * False: no, and the request is answered. */
bool bud_subscription_permit(struct bud_authority *authority, struct bud_request *request,
	const struct bud_subscription *subscription);
