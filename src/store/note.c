/* Notices on their way to the bus. */
#include "store/note.h"

#include <assert.h>

#include "event/envelope.h"
#include "event/notice.h"

void bud_note_prepare(const struct bud_shard *shard, const struct bud_notice *notice,
	struct bud_buffer *bytes, struct bud_append_event *out_event)
{
	struct bud_envelope envelope;
	int r;

	bud_buffer_clear(bytes);
	bud_notice_write(notice, bytes);
	bud_envelope_init(&envelope);
	r = bud_envelope_scan_stored(&envelope, bud_buffer_as_span(bytes));
	assert(r == 0);
	bud_append_prepare(shard,
		&(struct bud_append_key){envelope.source, envelope.id, envelope.subject},
		bud_span(notice->owner), bud_buffer_as_span(bytes), out_event);
	bud_envelope_finish(&envelope);
}

void bud_note_make(const struct bud_shard *shard, const struct bud_notice *notice,
	struct bud_buffer *bytes, struct bud_note *out_note)
{
	struct bud_append_event event;

	bud_note_prepare(shard, notice, bytes, &event);
	*out_note = (struct bud_note){event.partition, event.owner, event.bytes};
}
