/* A delivery in hand. */
#include "dispatch/delivery.h"

#include <assert.h>

#include "dispatch/receiver.h"
#include "event/event.h"

void bud_delivery_init(struct bud_delivery *delivery, struct bud_receiver *receiver,
	struct bud_event *event, unsigned attempt)
{
	*delivery = (struct bud_delivery){.attempt = attempt};
	bud_list_init(&delivery->link);
	delivery->receiver = bud_receiver_ref(receiver);
	delivery->event = bud_event_ref(event);
}

void bud_delivery_finish(struct bud_delivery *delivery)
{
	assert(delivery->state == BUD_DELIVERY_NEW || delivery->state == BUD_DELIVERY_ENDED);
	bud_receiver_unref(delivery->receiver);
	bud_event_unref(delivery->event);
	delivery->receiver = NULL;
	delivery->event = NULL;
}
