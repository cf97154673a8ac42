/* Appending events to their partitions, each once in the window: the store's half of publishing. */
#pragma once
#include "store/store.h"

struct bud_append_event {
	struct bud_span owner;
	struct bud_span source;
	struct bud_span id;
	/* What its order is kept by: partitionkey, else subject, else empty: source and id. */
	struct bud_span order_key;
	struct bud_span bytes; /* the structured JSON */
};

enum bud_append_result {
	BUD_APPEND_CONFLICT = -1, /* same source and id, other content */
	BUD_APPEND_DUPLICATE = 0,
	BUD_APPEND_STORED = 1,
};

/* Events of one call: bounds how long one script holds Redis. */
#define BUD_APPEND_EVENTS_MAX 128

/* `results` has one element per event, lent; NULL when err is negative. After -ENOTCONN a part may
 * be stored: the same events again complete it. */
typedef void (*bud_append_fn)(void *owner, int err, const signed char *results, size_t n);

/* Stores 1 to BUD_APPEND_EVENTS_MAX events; borrows them until it returns. */
BUD_MUST_CHECK int bud_append(struct bud_store *store, int64_t window_ms,
	const struct bud_append_event *events, size_t n, bud_append_fn fn, void *owner);
