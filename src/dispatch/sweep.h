/* The sweep: what is pending with this node and not in hand is taken up. One sweep serves start,
 * reconnect, lost replies and take-over. */
#pragma once
#include <stdbool.h>
#include "core/alloc.h"

struct bud_desk;  /* dispatch/desk.h */
struct bud_hands; /* dispatch/hand.h */
struct bud_sweep; /* opaque; one per reader */

/* One step is over; `has_events`: some were taken in hand and wait for the barrier. Negative `err`:
 * the store did not do it, wait a little; the sweep is still wanted. */
typedef void (*bud_sweep_fn)(void *owner, int err, bool has_events);

/* Borrows all. */
struct bud_sweep *bud_sweep_create(
	const struct bud_desk *desk, struct bud_hands *hands, bud_sweep_fn fn, void *owner);
void bud_sweep_destroy(struct bud_sweep *sweep);
/* Begins, or begins again behind the step that is under way. */
void bud_sweep_want(struct bud_sweep *sweep);
bool bud_sweep_is_wanted(const struct bud_sweep *sweep);
/* Some were left, because there was no room or because suspects go one at a time: want it again,
 * but not without reading in between. */
bool bud_sweep_has_left(const struct bud_sweep *sweep);
/* One page of one partition, on the reading connection. 0: fn will be called; negative: not. */
BUD_MUST_CHECK int bud_sweep_next(struct bud_sweep *sweep);
