/* Upkeep of the pull index: what is not readable any more goes, in small steps. */
#pragma once
#include "store/store.h"

/* Most index keys of one trim, and entries looked at of each. */
#define BUD_INDEX_TRIM_KEYS    32
#define BUD_INDEX_TRIM_ENTRIES 100

/* `events` is how many the streams have, `oldest_ms` when the first of them was stored; 0: none. */
typedef void (*bud_index_floor_fn)(void *owner, int err, size_t events, int64_t oldest_ms);
/* Finds out how far back events can be read, and says so in Redis. */
BUD_MUST_CHECK int bud_index_floor(
	struct bud_store *store, int64_t retention_ms, bud_index_floor_fn fn, void *owner);

/* `names` are some index keys as they are called in Redis, lent; `cursor` 0 is the end. */
typedef void (*bud_index_names_fn)(
	void *owner, int err, uint64_t cursor, const struct bud_span *names, size_t n);
/* Walks all index keys: begin with cursor 0. One may come twice, and any number at a time. */
BUD_MUST_CHECK int bud_index_scan(
	struct bud_store *store, uint64_t cursor, bud_index_names_fn fn, void *owner);

/* `more` are the places, among those given, of the keys that may have more to give; lent. */
typedef void (*bud_index_trimmed_fn)(
	void *owner, int err, size_t removed, const size_t *more, size_t more_n);
/* Takes out of n keys what is not readable any more, some at a time; copies the names. */
BUD_MUST_CHECK int bud_index_trim(struct bud_store *store, const struct bud_span *names, size_t n,
	bud_index_trimmed_fn fn, void *owner);
