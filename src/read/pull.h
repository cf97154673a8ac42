/* Pull: stored events in pages, from a position on, in the order in which they were stored; at the
 * end a reader may wait for what comes. A page always tells where to go on, also when everything in
 * it was filtered or denied. */
#pragma once
#include "auth/authorize.h"
#include "core/alloc.h"
#include "read/filter.h"
#include "store/index_key.h"

struct bud_metrics; /* core/metrics.h */
struct bud_pull;    /* opaque; one per worker */
struct bud_store;   /* store/store.h */
struct bud_table;   /* subscription/table.h */
struct uv_loop_s;

/* All borrowed until it is closed. */
struct bud_pull_options {
	struct uv_loop_s *loop;
	struct bud_store *store; /* not one that blocks */
	struct bud_metrics *metrics;
	unsigned kinds; /* 1u << enum bud_index_kind: what is indexed */
	/* Which changes of the registry, and so which grants, are known here; NULL: none matter. */
	struct bud_table *table;
	size_t table_reader;
};

struct bud_pull *bud_pull_open(const struct bud_pull_options *options);
/* All that waits ends now, and nothing waits from now on. */
void bud_pull_stop(struct bud_pull *pull);
/* After the listener and the store's connection are closed. Asynchronous; NULL is fine. */
void bud_pull_close(struct bud_pull *pull);

/* What is indexed, as in the options; nothing for NULL. */
unsigned bud_pull_kinds(const struct bud_pull *pull);

/* May the reader have this event? LATER: it is not known yet, to be asked again soon: the page ends
 * before the event, or, if it would be empty, waits for up to five seconds. All events of one step
 * are asked about even so, that one look-up can serve them all. */
typedef enum bud_decision (*bud_pull_may_fn)(void *owner, const struct bud_event *event);

/* Copied, but what it points to is borrowed until the answer. */
struct bud_pull_query {
	struct bud_index_key key;
	uint64_t after; /* a position from before, or 0 */
	size_t size;    /* 1 to BUD_PAGE_MAX events */
	int64_t wait_ms;
	struct bud_read_filter filter;
	bud_pull_may_fn may_read;
	bool (*has_left)(void *may_owner); /* the reader waits no more; NULL: it always does */
	void *may_owner;
};

/* All lent (take references). */
struct bud_pull_page {
	struct bud_event *const *events;
	const uint64_t *positions; /* of each */
	size_t n;
	uint64_t position; /* to go on behind */
	bool has_more;     /* there may be more at once */
};

/* `page` is NULL when err is negative: as in store/store.h; -EBUSY: too many read or wait;
 * -ETIMEDOUT: nobody can say whether the next event may be read. */
typedef void (*bud_pull_fn)(void *owner, int err, const struct bud_pull_page *page);
/* Reads a page. Negative: not begun, and `fn` is not called. */
BUD_MUST_CHECK int bud_pull_read(
	struct bud_pull *pull, const struct bud_pull_query *query, bud_pull_fn fn, void *owner);
