/* The permit to subscribe: may there be an event that this subscription gets? Each delivery is
 * asked for again, with the event. */
#pragma once
#include <stdbool.h>

struct bud_request;           /* http/request.h */
struct bud_subscription;      /* subscription/subscription.h */
struct bud_subscriptions_api; /* api/subscriptions.h */

enum bud_permit_outcome {
	BUD_PERMIT_GIVEN,
	BUD_PERMIT_REFUSED, /* and the request is answered */
	BUD_PERMIT_ASKED,   /* others have to be asked first: `fn` is called once */
};

/* `is_permitted` false: the request is answered. */
typedef void (*bud_subscription_permit_fn)(void *owner, bool is_permitted);
/* The resource, type and subject are known where the subscription's filters name exactly one.
 * Borrows request and subscription, until `fn` if that is called. */
enum bud_permit_outcome bud_subscription_permit(struct bud_subscriptions_api *api,
	struct bud_request *request, const struct bud_subscription *subscription,
	bud_subscription_permit_fn fn, void *owner);
