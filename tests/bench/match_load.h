/* Work for a matcher, as the program has it: subscriptions read from their stored form, a table,
 * events. What is measured here is the program's own code; nothing is put together by hand. */
#pragma once
#include "match_work.h"

struct bud_event;
struct bud_match;
struct bud_subscription;
struct bud_table;

/* A time at which nothing has expired. */
#define LOAD_NOW_MS 1700000000000
/* As the dispatcher asks: BUD_BROADCAST_CHUNK at a time. */
#define LOAD_CHUNK 256

/* Number i has serial i + 1. */
struct bud_subscription *load_subscription(const struct work *work, size_t number);
/* All of them; the caller frees what is in the array, and the array. `out_ns` (may be NULL): the
 * time that reading them from their stored form took. */
struct bud_subscription **load_subscriptions(const struct work *work, int64_t *out_ns);
/* Takes the subscriptions, not the array. */
struct bud_table *load_table(struct bud_subscription **subscriptions, size_t n, size_t readers);
/* `out_ns` (may be NULL): the time that making them of their JSON took. */
struct bud_event **load_events(const struct work *work, int64_t *out_ns);
void load_events_destroy(struct bud_event **events, size_t n);

/* One event as reader `reader`, all chunks; returns how many match and, unless it is NULL, adds
 * their hashes to `checksum`. */
size_t load_match(struct bud_table *table, size_t reader, const struct bud_event *event,
	uint64_t number, uint64_t *checksum);

/* Bytes in use by malloc, and of the process in memory. */
size_t load_heap_bytes(void);
size_t load_resident_bytes(void);
int64_t load_thread_cpu_ns(void);
int64_t load_now_ns(void);
