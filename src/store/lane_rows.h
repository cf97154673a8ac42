/* What lies in lanes and among the dead letters, for people and for the one who clears up. */
#pragma once
#include <stdbool.h>
#include "store/lane.h"
#include "store/store.h"

/* One line of a list. */
struct bud_lane_row {
	struct bud_member id;
	unsigned attempt;
	int64_t at_ms;         /* due (0: waits for its turn), or died */
	struct bud_span owner; /* who published it; like `bytes` */
	struct bud_span bytes; /* the event; at == NULL: its content is gone */
	struct bud_span why;   /* of a dead letter, as it was given; at == NULL: none */
};

enum bud_lane_list {
	BUD_LANE_LIST_PARKED, /* the next due first */
	BUD_LANE_LIST_DEAD,   /* the last to die first */
};

/* `total` counts all rows of the lane. There may be fewer rows than were asked for where their
 * events are large, never none while there are any. */
typedef void (*bud_lane_rows_fn)(
	void *owner, int err, const struct bud_lane_row *rows, size_t n, size_t total);
/* At most BUD_CLAIM_MAX rows from `offset` on. */
struct bud_lane_page {
	struct bud_span lane; /* with DEAD: the subscription */
	enum bud_lane_list list;
	size_t offset;
	size_t limit;
	/* DEAD: only those that died from here on, and before there; 0: no bound. */
	int64_t from_ms;
	int64_t to_ms;
};
BUD_MUST_CHECK int bud_lane_rows(struct bud_store *store, const struct bud_lane_page *page,
	bud_lane_rows_fn fn, void *owner);

/* Lanes of an ordered subscription's keys, from a part of all lanes there are; what `cursor` to go
 * on with, 0: that was all. `lanes` are lent; one may come twice. */
typedef void (*bud_lane_keys_fn)(
	void *owner, int err, uint64_t cursor, const struct bud_span *lanes, size_t n);
BUD_MUST_CHECK int bud_lane_keys(struct bud_store *store, struct bud_span subscription,
	uint64_t cursor, bud_lane_keys_fn fn, void *owner);

/* Dead letters between two times, the first to die first. `total` counts the whole range. */
struct bud_lane_dead_range {
	struct bud_span subscription;
	int64_t from_ms;
	int64_t to_ms; /* included */
	const struct bud_lane_row
		*after; /* the last row of the page before; NULL: from the first */
	size_t limit;
};
BUD_MUST_CHECK int bud_lane_dead_range(struct bud_store *store,
	const struct bud_lane_dead_range *range, bud_lane_rows_fn fn, void *owner);

typedef void (*bud_members_fn)(void *owner, int err, const struct bud_member *ids, size_t n);
/* Up to BUD_CLAIM_MAX of what is parked in a lane, leased or not. */
BUD_MUST_CHECK int bud_lane_parked(
	struct bud_store *store, struct bud_span lane, bud_members_fn fn, void *owner);
/* Up to BUD_CLAIM_MAX dead letters of a subscription that died before `cutoff_ms`. */
BUD_MUST_CHECK int bud_lane_dead_before(struct bud_store *store, struct bud_span subscription,
	int64_t cutoff_ms, bud_members_fn fn, void *owner);
