/* A dead letter's papers. */
#include "dispatch/dead_letter.h"

#include "core/clock.h"
#include "dispatch/delivery.h"
#include "dispatch/receiver.h"
#include "event/event.h"
#include "event/notice.h"
#include "store/note.h"
#include "store/store.h"

void bud_dead_letter_write(const struct bud_shard *shard, const struct bud_delivery *delivery,
	struct bud_buffer *text, struct bud_span *out_why, struct bud_note *out_note)
{
	const struct bud_event *event = delivery->event;
	bud_auto(buffer) struct bud_buffer told = {0};
	struct bud_notice notice = {
		.kind = BUD_NOTICE_DEAD,
		.subscription = delivery->receiver->id,
		.owner = delivery->receiver->owner,
		.reason = delivery->reason,
		.now_ms = bud_clock_wall_ms(),
		.event_id = event->id,
		.event_source = event->source,
		.event_type = event->type,
		.attempts = delivery->attempt,
		.status = delivery->status,
	};
	size_t why_len;

	*out_note = (struct bud_note){0};
	bud_delivery_write_why(delivery, text);
	why_len = text->len;
	/* The letter itself is written however little memory there is, and can be asked for. */
	if (!delivery->is_untold && !bud_notice_is_ours(event->type) && !bud_shard_is_full(shard)) {
		bud_note_make(shard, &notice, &told, out_note);
		bud_buffer_span(text, out_note->bytes);
		out_note->bytes = (struct bud_span){text->at + why_len, text->len - why_len};
	}
	*out_why = (struct bud_span){text->at, why_len};
}
