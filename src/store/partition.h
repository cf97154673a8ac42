/* A partition: events waiting to be dispatched, one Redis stream read through a consumer group. */
#pragma once
#include <stdbool.h>
#include "store/member.h"
#include "store/store.h"

struct bud_entry {
	struct bud_member id;
	struct bud_span owner;
	struct bud_span bytes; /* at == NULL: its content is gone */
};

/* `entries` is lent. -ENOENT: a stream or its group is gone. */
typedef void (*bud_entries_fn)(void *owner, int err, const struct bud_entry *entries, size_t n);

/* Most entries of one read or take. */
#define BUD_READ_MAX 1024

struct bud_read {
	const char *consumer; /* the node's id */
	unsigned first;       /* partitions first, first + step … */
	unsigned step;
	unsigned count; /* per partition, at most BUD_READ_MAX over all is the caller's care */
	unsigned block_ms;
};

/* Reads new events, waiting up to `block_ms`; blocks the whole connection. No events: n is 0. */
BUD_MUST_CHECK int bud_partition_read(
	struct bud_store *store, const struct bud_read *read, bud_entries_fn fn, void *owner);

struct bud_pending {
	struct bud_member id;
	unsigned deliveries;
};

typedef void (*bud_pendings_fn)(void *owner, int err, const struct bud_pending *pending, size_t n);

/* Up to BUD_READ_MAX events pending with `consumer`, behind `after` (NULL: from the first). */
BUD_MUST_CHECK int bud_partition_pending(struct bud_store *store, unsigned partition,
	const char *consumer, const struct bud_member *after, bud_pendings_fn fn, void *owner);

/* Takes pending events into hand again, at most BUD_READ_MAX of one partition; counts as a delivery
 * of each. What was trimmed is missing in the answer. */
BUD_MUST_CHECK int bud_partition_take(struct bud_store *store, const char *consumer,
	const struct bud_member *ids, size_t n, bud_entries_fn fn, void *owner);

/* A look at what is retained, read or not, the newest first; takes nothing. */
struct bud_read_back {
	unsigned partition;
	struct bud_member before; /* only older ones; `ms` is UINT64_MAX: from the newest */
	int64_t from_ms;          /* not older than this */
	size_t count;             /* at most BUD_READ_MAX */
	size_t bytes;             /* it ends behind so many */
};
/* No entries: there are no more. */
BUD_MUST_CHECK int bud_partition_read_back(
	struct bud_store *store, const struct bud_read_back *read, bud_entries_fn fn, void *owner);

/* The number is 1 when the event is still in its stream, read or not. */
int bud_partition_exists(
	struct bud_store *store, const struct bud_member *id, bud_store_number_fn fn, void *owner);

/* The number is 1 when the event is in somebody's hand: read, and neither delivered to all nor
 * parked. */
BUD_MUST_CHECK int bud_partition_is_pending(
	struct bud_store *store, const struct bud_member *id, bud_store_number_fn fn, void *owner);

/* Events that the stream still has, read or not, whose ids lie between two times. */
struct bud_partition_range {
	unsigned partition;
	bool is_reverse; /* the newest first */
	int64_t from_ms;
	int64_t to_ms;                  /* included */
	const struct bud_member *after; /* the last of the page before; NULL: from the first */
	size_t limit;                   /* at most BUD_READ_MAX */
};
BUD_MUST_CHECK int bud_partition_range(struct bud_store *store,
	const struct bud_partition_range *range, bud_entries_fn fn, void *owner);

/* Acks settled events of one partition. Safe to repeat. The number is how many were pending. */
BUD_MUST_CHECK int bud_partition_ack(struct bud_store *store, const struct bud_member *ids,
	size_t n, bud_store_number_fn fn, void *owner);

typedef void (*bud_take_over_fn)(void *owner, int err, size_t asked, size_t moved);

/* Moves up to BUD_READ_MAX pending events of a dead node to `heir`, whose sweep finds them. */
BUD_MUST_CHECK int bud_partition_take_over(struct bud_store *store, unsigned partition,
	const char *dead, const char *heir, bud_take_over_fn fn, void *owner);

/* Trims settled events older than `cutoff_ms`, at most about `most` (0: no bound). */
BUD_MUST_CHECK int bud_partition_trim(struct bud_store *store, unsigned partition,
	int64_t cutoff_ms, unsigned most, bud_store_number_fn fn, void *owner);

/* Events read by some consumer of the partition and not acked. */
BUD_MUST_CHECK int bud_partition_pending_count(
	struct bud_store *store, unsigned partition, bud_store_number_fn fn, void *owner);

/* Names of all consumers with pending events in a partition; lent. */
typedef void (*bud_names_fn)(void *owner, int err, const struct bud_span *names, size_t n);
BUD_MUST_CHECK int bud_partition_consumers(
	struct bud_store *store, unsigned partition, bud_names_fn fn, void *owner);

/* `serials` has n elements: the last subscription serial that a broadcast was parked for, 0 where
 * none is under way. */
typedef void (*bud_cursors_fn)(void *owner, int err, const uint64_t *serials, size_t n);
BUD_MUST_CHECK int bud_partition_cursors(struct bud_store *store, const struct bud_member *ids,
	size_t n, bud_cursors_fn fn, void *owner);
