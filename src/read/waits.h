/* Waits: readers at the end of what there is. One poll asks Redis for all of them together, so that
 * a waiting reader costs next to nothing. Within read/ only. */
#pragma once
#include <stdbool.h>
#include "core/list.h"
#include "store/index.h"

struct bud_store; /* store/store.h */
struct bud_waits; /* opaque; one per worker */
struct uv_loop_s;

/* Embedded in its owner, who fills what stands above `link`. */
struct bud_wait {
	struct bud_index_key key;
	uint64_t position;   /* at the end, as a read said */
	int64_t end_mono_ms; /* how long it lasts */
	bool is_pause;       /* only the time counts */
	/* News, or its time is over: it is no wait any more. Never before bud_waits_add() returns.
	 */
	void (*wake)(struct bud_wait *wait);
	bool (*is_over)(const struct bud_wait *wait); /* before its time: nobody waits for it */
	struct bud_list link;
	uint64_t checked;      /* by:last, when it was looked at */
	struct bud_poll *poll; /* under way, with it at `place` */
	size_t place;
};

struct bud_waits *bud_waits_open(struct uv_loop_s *loop, struct bud_store *store);
size_t bud_waits_count(const struct bud_waits *waits);
/* Borrows it until it wakes. False: too many wait, it is none. */
bool bud_waits_add(struct bud_waits *waits, struct bud_wait *wait);
/* Wakes all. */
void bud_waits_wake(struct bud_waits *waits);
/* Nobody waits; after the store's connection is closed. Asynchronous; NULL is fine. */
void bud_waits_close(struct bud_waits *waits);
