/* Stats: what attempts for one subscription added up to. Nothing depends on them: what Redis does
 * not take is lost. */
#pragma once
#include "store/store.h"

/* The sums are of all time; the last ones 0 while there was none. Starts as {0}. */
struct bud_stats {
	uint64_t delivered;
	uint64_t failed;    /* attempts that did not deliver */
	uint64_t time_us;   /* of all attempts */
	int64_t last_ok_ms; /* wall clock */
	int64_t last_failure_ms;
	int last_status; /* of the last response */
};

/* Adds the sums, and sets the last ones that are not 0. */
int bud_stats_add(
	struct bud_store *store, struct bud_span subscription, const struct bud_stats *stats);

/* All 0 when there were no attempts; NULL with a negative err. */
typedef void (*bud_stats_fn)(void *owner, int err, const struct bud_stats *stats);
BUD_MUST_CHECK int bud_stats_get(
	struct bud_store *store, struct bud_span subscription, bud_stats_fn fn, void *owner);
/* Of a deleted subscription. */
int bud_stats_drop(struct bud_store *store, struct bud_span subscription);
