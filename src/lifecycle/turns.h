/* Turns: who of many is asked next, when it is due. A bound on how many are asked at once; half of
 * it for those that were asked before, since they may hang each time; and a quarter of each for one
 * owner, so that nobody's receivers keep the others waiting. Pure: no loop, no clock. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "core/list.h"
#include "core/map.h"

#define BUD_TURNS_SLOTS 512

struct bud_turn_owner; /* opaque */

/* Embedded in what takes turns. */
struct bud_turn {
	struct bud_list link; /* a slot, or its owner's list of those that are due */
	struct bud_turn_owner *owner;
	int64_t due_ms;
	bool is_repeat;
	bool is_running;
};

struct bud_turns {
	unsigned running_max;
	unsigned running;
	int64_t tick_ms;
	int64_t looked; /* the last tick that was looked at */
	struct bud_map owners;
	struct bud_list slots[BUD_TURNS_SLOTS]; /* by the tick in which they are due */
	struct bud_list rings[2];               /* owners of those that are due; 1: repeats */
};

/* Times are in any clock that never goes back; `tick_ms` is about how often bud_turns_next() is
 * called. */
void bud_turns_init(struct bud_turns *turns, unsigned running_max, int64_t tick_ms, int64_t now_ms);
/* All have left. */
void bud_turns_finish(struct bud_turns *turns);

/* Due at once, for the first time. Copies `owner`. */
void bud_turn_join(struct bud_turns *turns, struct bud_turn *turn, const char *owner);
/* Whatever it does now. */
void bud_turn_leave(struct bud_turns *turns, struct bud_turn *turn);
/* Due at `due_ms`, whether it runs, which is over then, or waits. INT64_MAX is never. */
void bud_turn_wait(struct bud_turns *turns, struct bud_turn *turn, int64_t due_ms, bool is_repeat);
/* Whose turn it is: from now on it runs. Owners take turns, and those asked for the first time go
 * first. NULL: nobody now. */
struct bud_turn *bud_turns_next(struct bud_turns *turns, int64_t now_ms);
