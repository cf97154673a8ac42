/* One worker's dispatch: events out of the store, to their receivers. */
#pragma once
#include <stdbool.h>
#include "dispatch/desk.h"

struct bud_dispatch; /* opaque; belongs to the loop's thread */

/* Copies the desk; borrows what it points to until it is closed. */
struct bud_dispatch *bud_dispatch_open(const struct bud_desk *desk);

/* The desk's reading connection is up, for the first time or again. */
void bud_dispatch_on_reading_up(struct bud_dispatch *dispatch);
/* Take up what is pending with this node: after a take-over, or when replies may be lost. */
void bud_dispatch_sweep(struct bud_dispatch *dispatch);

/* Reads and claims nothing new; what is in hand goes on. */
void bud_dispatch_stop(struct bud_dispatch *dispatch);
/* The end of a drain: no attempt starts any more and what is not delivered is parked. Always before
 * the desk's fetch is closed. */
void bud_dispatch_park_all(struct bud_dispatch *dispatch);
/* No read is under way, nothing is in hand and every result is written. */
bool bud_dispatch_is_idle(const struct bud_dispatch *dispatch);

/* After the desk's connections and its fetch are closed: no callback comes any more; stores are
 * detached as soon as their connection is being closed, for the tick goes on until here.
 * Asynchronous. */
void bud_dispatch_close(struct bud_dispatch *dispatch);
