/* The notice that a subscription waits for its receiver's consent. Within api/ only. */
#pragma once

struct bud_buffer;       /* core/text.h */
struct bud_note;         /* store/note.h */
struct bud_shard;        /* store/store.h */
struct bud_subscription; /* subscription/subscription.h */

/* Makes it ready for the step that writes the subscription; `bytes` and the subscription are
 * borrowed by the note. */
void bud_pending_notice_make(const struct bud_subscription *subscription,
	const struct bud_shard *shard, struct bud_buffer *bytes, struct bud_note *out_note);
