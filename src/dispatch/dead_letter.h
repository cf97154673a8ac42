/* A dead letter's papers: why it died, and the event of ours that tells of it. */
#pragma once
#include "core/text.h"

struct bud_delivery; /* dispatch/delivery.h */
struct bud_note;     /* store/append.h */
struct bud_shard;    /* store/store.h */

/* Writes both into `text`, which they borrow. No event is told of the death of an event of ours:
 * else a receiver of those that is down would make them without end. */
void bud_dead_letter_write(const struct bud_shard *shard, const struct bud_delivery *delivery,
	struct bud_buffer *text, struct bud_span *out_why, struct bud_note *out_note);
