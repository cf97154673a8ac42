/* The pusher: one attempt: the event's bytes signed and sent, and its result taken to the delivery.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "core/alloc.h"

struct bud_attempt_log; /* dispatch/attempt_log.h */
struct bud_delivery;    /* dispatch/delivery.h */
struct bud_desk;        /* dispatch/desk.h */
struct bud_pusher;      /* opaque; one per worker */
struct bud_reports;     /* dispatch/reports.h */

/* Borrows all. */
struct bud_pusher *bud_pusher_create(
	const struct bud_desk *desk, struct bud_attempt_log *log, struct bud_reports *reports);
/* No attempt is running. */
void bud_pusher_destroy(struct bud_pusher *pusher);
/* Starts the attempt; the caller holds a slot of its endpoint. 0: the delivery's on_end will be
 * called, and the slot be given back. Negative: neither; *out_wait_ms may be set. */
BUD_MUST_CHECK int bud_push_start(struct bud_pusher *pusher, struct bud_delivery *delivery,
	int64_t mono_ms, int64_t *out_wait_ms);
