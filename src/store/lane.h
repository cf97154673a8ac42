/* Lanes: the parked deliveries of one subscription each, sorted by when they are due. */
#pragma once
#include <stdbool.h>
#include "store/member.h"
#include "store/store.h"

/* Most lanes of one look at `due`, and most deliveries of one claim. */
#define BUD_LANES_MAX 256
#define BUD_CLAIM_MAX 256

/* `now_ms` is our wall clock: good enough to look, a claim decides by Redis' own. */
typedef void (*bud_lanes_fn)(void *owner, int err, const struct bud_span *lanes, size_t n);
BUD_MUST_CHECK int bud_lane_due(
	struct bud_store *store, int64_t now_ms, size_t limit, bud_lanes_fn fn, void *owner);
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
};

struct bud_resolution {
	struct bud_member id;
	enum bud_resolve verb;
	int64_t lease;
	int64_t delay_ms;
	unsigned attempt;
};

/* The number is how many of them changed something. Safe to repeat. */
BUD_MUST_CHECK int bud_lane_resolve(struct bud_store *store, struct bud_span lane,
	const struct bud_resolution *resolutions, size_t n, bud_store_number_fn fn, void *owner);

/* One line of a list for people. */
struct bud_lane_row {
	struct bud_member id;
	unsigned attempt;
	int64_t at_ms;         /* due, or died */
	struct bud_span bytes; /* the event; at == NULL: its content is gone */
};

enum bud_lane_list {
	BUD_LANE_LIST_PARKED, /* the next due first */
	BUD_LANE_LIST_DEAD,   /* the last to die first */
};

/* `total` counts all rows of the lane. */
typedef void (*bud_lane_rows_fn)(
	void *owner, int err, const struct bud_lane_row *rows, size_t n, size_t total);
/* At most BUD_CLAIM_MAX rows from `offset` on. */
struct bud_lane_page {
	struct bud_span lane;
	enum bud_lane_list list;
	size_t offset;
	size_t limit;
};
BUD_MUST_CHECK int bud_lane_rows(struct bud_store *store, const struct bud_lane_page *page,
	bud_lane_rows_fn fn, void *owner);

/* Up to BUD_CLAIM_MAX dead letters of a lane that died before `cutoff_ms`. */
typedef void (*bud_members_fn)(void *owner, int err, const struct bud_member *ids, size_t n);
BUD_MUST_CHECK int bud_lane_dead_before(struct bud_store *store, struct bud_span lane,
	int64_t cutoff_ms, bud_members_fn fn, void *owner);
