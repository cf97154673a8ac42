/* A delivery in hand. */
#include "dispatch/delivery.h"

#include <assert.h>
#include <stdlib.h>

#include "dispatch/message.h"
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
	bud_message_finish(delivery);
	free(delivery->response);
	delivery->receiver = NULL;
	delivery->event = NULL;
	delivery->response = NULL;
}

bool bud_delivery_is_owed(const struct bud_delivery *delivery)
{
	return delivery->end == BUD_DELIVERY_END_BLOCKED ||
	       delivery->end == BUD_DELIVERY_END_AGAIN || delivery->end == BUD_DELIVERY_END_DEAD;
}

void bud_delivery_write_why(const struct bud_delivery *delivery, struct bud_buffer *out)
{
	bud_buffer_text(out, "{\"reason\":");
	bud_buffer_json(out, bud_span(delivery->reason));
	if (delivery->status != 0)
		bud_buffer_format(out, ",\"status\":%d", delivery->status);
	if (delivery->response) {
		bud_buffer_text(out, ",\"response\":");
		bud_buffer_json(out, bud_span(delivery->response));
	}
	bud_buffer_byte(out, '}');
}
