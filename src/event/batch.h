/* A batch: the events of a JSON array, checked one after the other. */
#pragma once
#include <stdbool.h>
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"

struct bud_envelope;

struct bud_batch {
	struct bud_span rest; /* not read yet */
	size_t n;             /* events read so far */
	bool is_done;
};

/* Borrows `body`, the whole of application/cloudevents-batch+json. */
void bud_batch_init(struct bud_batch *batch, struct bud_span body);
/* Scans the next event (bud_envelope_scan(): all checks) into `envelope`, whose `json` then holds
 * the event's exact bytes. 1: an event; 0: the end, and nothing stands behind the array.
 * -EINVAL: `error` names the index too ("events[3].subject"). -E2BIG (answer 413): more than
 * BUD_BATCH_EVENTS_MAX events, BUD_BATCH_BYTES_MAX bytes, or an event that is too long alone. */
BUD_MUST_CHECK int bud_batch_next(
	struct bud_batch *batch, struct bud_envelope *envelope, struct bud_error *error);
