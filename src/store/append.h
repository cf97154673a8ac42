/* Appending events to their partitions, each once in the window: the store's half of publishing. */
#pragma once
#include "store/index_key.h"
#include "store/store.h"

/* One event made ready: `bytes` and `owner` are borrowed until bud_append() returns. */
struct bud_append_event {
	unsigned char partition;
	char seen[16];  /* keyed hash of owner, source and id */
	char digest[8]; /* keyed hash of the bytes */
	struct bud_span owner;
	struct bud_span bytes; /* the structured JSON */
	size_t index_n;        /* of `index`: where it can be read back */
	struct bud_index_key index[BUD_INDEX_KINDS];
};

/* What makes an event itself and keeps its order. */
struct bud_append_key {
	struct bud_span source;
	struct bud_span id;
	/* partitionkey, else subject, else empty: then source and id spread it. */
	struct bud_span order;
};

/* In no index; add to that what bud_index_keys_of() says. */
void bud_append_prepare(const struct bud_shard *shard, const struct bud_append_key *key,
	struct bud_span owner, struct bud_span bytes, struct bud_append_event *out_event);

/* An event of ours that another script appends in its own step, so that nothing comes between what
 * happened and the word of it. Borrowed. */
struct bud_note {
	unsigned partition;
	struct bud_span owner;
	struct bud_span bytes; /* a structured CloudEvent */
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
