/* Lanes: the parked deliveries of one subscription each, sorted by when they are due. */
#pragma once
#include <stdbool.h>
#include "store/lane_name.h"
#include "store/member.h"
#include "store/settle.h"
#include "store/store.h"

/* Most lanes of one look at `due`, and most deliveries of one claim. */
#define BUD_LANES_MAX 1024
#define BUD_CLAIM_MAX 256

/* Those that are due within `ahead_ms` from now, by Redis' clock, which is the one that they were
 * written by: ours may be another. */
typedef void (*bud_lanes_fn)(void *owner, int err, const struct bud_span *lanes, size_t n);
BUD_MUST_CHECK int bud_lane_due(
	struct bud_store *store, int64_t ahead_ms, size_t limit, bud_lanes_fn fn, void *owner);
/* How many lanes hold parked deliveries. */
BUD_MUST_CHECK int bud_lane_count(struct bud_store *store, bud_store_number_fn fn, void *owner);

struct bud_claimed {
	struct bud_member id;
	unsigned attempt; /* this one's number, from 1 */
	int64_t lease;    /* the token that bud_lane_resolve() asks for */
	struct bud_span owner;
	struct bud_span bytes; /* at == NULL: its content is gone */
};

struct bud_claim {
	struct bud_span lane;
	size_t limit;          /* 0: take nothing, only move the lane on */
	int64_t lease_ms;      /* at least the attempt's time-out and something to spare */
	int64_t look_again_ms; /* with limit 0 */
	enum bud_claim_mode mode;
	/* All but PLAIN: refused (n is 0) while the lane is held; otherwise what is taken holds it.
	 */
	struct bud_span token; /* unique to this claim; no spaces, and not "-" */
	int64_t hold_ms;       /* at least lease_ms */
	unsigned partition;    /* ORDERED, which takes one: bud_lane_partition() of the lane, or,
				* of a replay, any */
	unsigned fill;         /* BATCH: as in the settles of this lane */
	int64_t wait_ms;       /* BATCH: the same, there delay_ms */
	size_t bytes_max;      /* BATCH: of all events together, but one is always taken */
};

/* `now_ms` is Redis' time; everything is lent. */
typedef void (*bud_claimed_fn)(
	void *owner, int err, int64_t now_ms, const struct bud_claimed *claimed, size_t n);
BUD_MUST_CHECK int bud_lane_claim(
	struct bud_store *store, const struct bud_claim *claim, bud_claimed_fn fn, void *owner);

enum bud_resolve {
	BUD_RESOLVE_DONE,   /* delivered; needs no lease */
	BUD_RESOLVE_AGAIN,  /* next attempt after delay_ms */
	BUD_RESOLVE_DEAD,   /* given up: to the dead letters */
	BUD_RESOLVE_FORGET, /* its subscription is deleted, or past retention */
	BUD_RESOLVE_LATER,  /* AGAIN without an attempt, and a batch need not wait for it */
};

struct bud_resolution {
	struct bud_member id;
	enum bud_resolve verb;
	int64_t lease;
	int64_t delay_ms;
	unsigned attempt;     /* made; "again" with one less when none was */
	struct bud_span why;  /* DEAD: JSON, kept until the dead letter goes; or empty */
	struct bud_note note; /* DEAD, when the dead letter is new; `partition` as the call's */
};

struct bud_lane_resolve {
	struct bud_span lane;
	struct bud_span subscription; /* whose dead letters */
	enum bud_claim_mode mode;     /* of the claim */
	struct bud_span last; /* the claim's token when these are its last; empty: more follow */
	int64_t rest_ms;      /* with `last`: no lane of the subscription is claimed so long */
	unsigned fill;        /* BATCH: as in the claim */
	int64_t wait_ms;
	unsigned note_partition; /* where notes go, if there are any */
	const struct bud_resolution *resolutions;
	size_t n;
};

/* The number is how many of them changed something. Safe to repeat. */
BUD_MUST_CHECK int bud_lane_resolve(struct bud_store *store, const struct bud_lane_resolve *resolve,
	bud_store_number_fn fn, void *owner);

/* Of a deleted subscription: nobody holds the lane, and it rests no more. */
int bud_lane_drop_hold(struct bud_store *store, struct bud_span lane);
/* Within store/: the field of `held` for the rest of the lane's subscription. */
void bud_lane_add_rest(struct bud_args *args, struct bud_span lane);

/* Has this lane looked at now, if it is not empty. The number is 1 when that is earlier. */
BUD_MUST_CHECK int bud_lane_pull(struct bud_store *store, struct bud_span lane, int64_t now_ms,
	bud_store_number_fn fn, void *owner);
/* The same for all lanes of a subscription, a bounded part of them per call. The number is the
 * cursor of the next call: 0 first, and 0 again when that was all. */
BUD_MUST_CHECK int bud_lane_pull_subscription(struct bud_store *store, struct bud_span subscription,
	uint64_t cursor, bud_store_number_fn fn, void *owner);
