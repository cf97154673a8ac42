/* The parked lane: looks who is due, claims what can start now, attempts, and resolves. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct bud_desk;      /* dispatch/desk.h */
struct bud_lanes;     /* opaque; one per worker */
struct bud_receivers; /* dispatch/receiver.h */
struct bud_resolves;  /* dispatch/resolve.h */

/* Borrows all; sends what is queued in `resolves`, whoever queued it. */
struct bud_lanes *bud_lanes_create(const struct bud_desk *desk, struct bud_receivers *receivers,
	struct bud_resolves *resolves);
/* No attempt is running and no command under way any more. */
void bud_lanes_destroy(struct bud_lanes *lanes);

/* Each few milliseconds. */
void bud_lanes_tick(struct bud_lanes *lanes, int64_t mono_ms);
/* At the end of each turn of the loop: goes on at once behind a claim that brought all it asked
 * for, so that a long lane does not wait for the tick. */
void bud_lanes_turn(struct bud_lanes *lanes);
/* Claims nothing new; what runs goes on. */
void bud_lanes_stop(struct bud_lanes *lanes);
/* No claim is under way and every result has been written. */
bool bud_lanes_is_idle(const struct bud_lanes *lanes);
