/* Pauses: what must get no attempts for a while, on every node: an endpoint that asked for it or is
 * cut off, or what people stopped. A log of changes: followers ask what is newer than a number. */
#pragma once
#include "store/store.h"

/* What an id begins with; `all` has nothing behind. endpoint:<32 hex digits>, owner:<owner>,
 * host:<name as in the sink, lower case>:<port>. */
#define BUD_PAUSE_ALL      "all"
#define BUD_PAUSE_ENDPOINT "endpoint:"
#define BUD_PAUSE_OWNER    "owner:"
#define BUD_PAUSE_HOST     "host:"

enum bud_pause_kind {
	BUD_PAUSE_ENDED, /* only in a list: removed, or its time has passed */
	BUD_PAUSE_RETRY_AFTER,
	BUD_PAUSE_BREAKER,
	BUD_PAUSE_OPERATOR,
};

struct bud_pause {
	struct bud_span id; /* no line feed in it */
	enum bud_pause_kind kind;
	int64_t for_ms;       /* from now on; 0: until it is removed */
	int64_t until_ms;     /* in a list: by Redis' clock; 0: until it is removed */
	struct bud_span node; /* who wrote it; empty: people. No spaces */
	struct bud_span reason;
};

/* The number is 1. A pause with this id is replaced. */
BUD_MUST_CHECK int bud_pause_put(struct bud_store *store, const struct bud_pause *pause,
	bud_store_number_fn fn, void *owner);
/* The number is 0 when there was none. */
BUD_MUST_CHECK int bud_pause_remove(struct bud_store *store, struct bud_span id,
	struct bud_span node, bud_store_number_fn fn, void *owner);

/* Most of one list. */
#define BUD_PAUSES_MAX 256

/* Everything is lent. */
struct bud_pauses {
	const struct bud_pause *at;
	size_t n;
	int64_t after; /* for the next list; unchanged at the end */
	int64_t last;  /* number of the last change there is; below what was seen: begin from 0 */
};

typedef void (*bud_pauses_fn)(void *owner, int err, const struct bud_pauses *pauses);
/* What changed after number `after` (0: all there are), the oldest change first. When it is full
 * there may be more. NULL with a negative err. */
BUD_MUST_CHECK int bud_pauses_list(
	struct bud_store *store, int64_t after, bud_pauses_fn fn, void *owner);

/* "retry-after", "breaker", "operator", "ended". */
const char *bud_pause_kind_word(enum bud_pause_kind kind);
