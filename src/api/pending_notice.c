/* Notices of pending subscriptions. */
#include "api/pending_notice.h"

#include "core/clock.h"
#include "event/notice.h"
#include "store/note.h"
#include "subscription/subscription.h"

void bud_pending_notice_make(const struct bud_subscription *subscription,
	const struct bud_shard *shard, struct bud_buffer *bytes, struct bud_note *out_note)
{
	const struct bud_notice notice = {
		.kind = BUD_NOTICE_PENDING,
		.subscription = subscription->id,
		.owner = subscription->owner,
		.name = subscription->name,
		.reason = subscription->status.reason,
		.detail = subscription->status.detail,
		.since_ms = subscription->status.since_ms,
		.now_ms = bud_clock_wall_ms(),
	};

	bud_note_make(shard, &notice, bytes, out_note);
}
