/* The pull index: for each value of an attribute, the events that have it in the order in which
 * they were stored. Written by bud_append() in the step that stores an event, so that one can be
 * read exactly when it is stored. A position is a place in that order, the same in all index keys;
 * 0 is before the first. */
#pragma once
#include "store/index_key.h"
#include "store/partition.h"

/* Most rows of one read or find, and most waits of one call. */
#define BUD_INDEX_ROWS_MAX  64
#define BUD_INDEX_WAITS_MAX 256

struct bud_index_row {
	uint64_t position;
	struct bud_entry entry;
};

/* All lent. */
struct bud_index_rows {
	const struct bud_index_row *rows;
	size_t n;
	uint64_t position; /* to go on from */
	bool is_end;       /* there is nothing beyond it, for now */
	size_t gone_n;     /* entries passed over whose event is there no more */
};

/* `rows` is NULL when err is negative. */
typedef void (*bud_index_rows_fn)(void *owner, int err, const struct bud_index_rows *rows);

struct bud_index_read {
	struct bud_index_key key;
	uint64_t after; /* a position that a read gave, or 0 */
	uint64_t begin; /* microseconds since 1970; what was stored before is passed over */
	size_t count;   /* at most BUD_INDEX_ROWS_MAX entries are looked at */
	size_t bytes;   /* of events; one comes whatever its size */
};
/* Reads on from a position. At the end its `position` lies above all that is stored, in any key, so
 * that what comes later is found behind it. */
BUD_MUST_CHECK int bud_index_read(struct bud_store *store, const struct bud_index_read *read,
	bud_index_rows_fn fn, void *owner);

struct bud_index_find {
	struct bud_index_key key;
	uint64_t below; /* a position; UINT64_MAX: from the newest */
	size_t count;
	struct bud_span id;
};
/* Looks for an event by its id, from the newest back. The rows are those that may be it: the caller
 * reads their ids. */
BUD_MUST_CHECK int bud_index_find(struct bud_store *store, const struct bud_index_find *find,
	bud_index_rows_fn fn, void *owner);

/* One who waits at the end of an index key. */
struct bud_index_wait {
	struct bud_index_key key;
	uint64_t position; /* that a read gave at its end */
	bool has_news;     /* out: there is something behind it */
};
/* `last` is to be given to the next call for the same waits. */
typedef void (*bud_index_news_fn)(void *owner, int err, uint64_t last);
/* Sets `has_news` of n waits, at most BUD_INDEX_WAITS_MAX, which must stay until `fn`. `last` is
 * the least of what earlier calls or, for new ones, their reads said. */
BUD_MUST_CHECK int bud_index_news(struct bud_store *store, struct bud_index_wait *waits, size_t n,
	uint64_t last, bud_index_news_fn fn, void *owner);
