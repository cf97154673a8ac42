/* The pusher: one attempt: the event's bytes signed and sent, and its result taken to the delivery.
 */
#pragma once
#include <stddef.h>
#include "core/alloc.h"

struct bud_attempt_log; /* dispatch/attempt_log.h */
struct bud_delivery;    /* dispatch/delivery.h */
struct bud_desk;        /* dispatch/desk.h */
struct bud_pusher;      /* opaque; one per worker */

/* Borrows both. */
struct bud_pusher *bud_pusher_create(const struct bud_desk *desk, struct bud_attempt_log *log);
/* No attempt is running. */
void bud_pusher_destroy(struct bud_pusher *pusher);
/* Starts the attempt; the caller holds a slot of its endpoint. 0: the delivery's on_end will be
 * called with DELIVERED or FAILED, and the slot be given back. Negative: neither. */
BUD_MUST_CHECK int bud_push_start(struct bud_pusher *pusher, struct bud_delivery *delivery);
