/* The reader: takes events from this worker's partitions into hand, new ones by reading, pending
 * ones by the sweep, none before the table is new enough. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct bud_desk;   /* dispatch/desk.h */
struct bud_hands;  /* dispatch/hand.h */
struct bud_reader; /* opaque; one per worker */

/* Borrows both. Starts with bud_reader_on_up(). */
struct bud_reader *bud_reader_open(const struct bud_desk *desk, struct bud_hands *hands);
/* The desk's `reading` connection is closed. Asynchronous; NULL is fine. */
void bud_reader_close(struct bud_reader *reader);

/* The reading connection is up, for the first time or again: sweep, then read. */
void bud_reader_on_up(struct bud_reader *reader);
/* There is room in hand. */
void bud_reader_on_room(struct bud_reader *reader);
/* Take up what is pending with this node and not in hand. */
void bud_reader_sweep(struct bud_reader *reader);
/* Reads nothing more. */
void bud_reader_stop(struct bud_reader *reader);
/* No command is under way. */
bool bud_reader_is_idle(const struct bud_reader *reader);
