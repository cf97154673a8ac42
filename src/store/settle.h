/* Settling an event in hand: what is not delivered is parked, then the event is acked, in one
 * script. */
#pragma once
#include <stdbool.h>
#include "store/append.h"
#include "store/lane_name.h"
#include "store/member.h"
#include "store/store.h"

/* One delivery that is not done. */
struct bud_parking {
	struct bud_span lane; /* BUD_LANE_POISON with `dead` for an event nobody can match */
	bool dead;            /* straight to the dead letters; `lane` is the subscription's id */
	bool is_bare; /* with `dead`: no copy is kept for it, its stream may have the event */
	enum bud_claim_mode mode; /* how the lane is claimed */
	int64_t delay_ms; /* until its next attempt, or until the running one's lease ends; ORDERED:
			     not used; BATCH: how long it may wait for others */
	int64_t look_ms;  /* the lane is looked at no sooner (paused); most 10 min. 0: as is due */
	unsigned attempt; /* attempts made, the running one included */
	unsigned fill;    /* BATCH: so many waiting are claimed at once */
	struct bud_span why; /* with `dead`: JSON, kept until the dead letter goes; or empty */
	/* With `dead`, appended when and only when the dead letter is new; goes to the event's own
	 * partition whatever it says. `bytes` empty: none. */
	struct bud_note note;
};

struct bud_settle {
	struct bud_member id;
	const char *consumer;
	const struct bud_parking *parkings;
	size_t n;        /* at most BUD_BROADCAST_CHUNK */
	bool ack;        /* false: more chunks follow */
	uint64_t cursor; /* the last subscription serial of this chunk, when not acked */
};

/* `now_ms` is Redis' time, which leases count in: a parking's lease is
 * (now_ms + delay_ms) * 64 + attempt. 0: the event is not pending with this consumer, nothing was
 * written (also after a repeat of a call whose reply was lost). -1: its content is gone. */
typedef bud_store_number_fn bud_settle_fn;
BUD_MUST_CHECK int bud_settle(
	struct bud_store *store, const struct bud_settle *settle, bud_settle_fn fn, void *owner);
