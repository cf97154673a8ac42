/* A look back: the retained events of all partitions, the newest first, within bounds that are
 * told: it runs beside the dispatcher and must not become its burden. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/alloc.h"

struct bud_entry; /* store/partition.h */
struct bud_store; /* store/store.h */

#define BUD_LOOK_BACK_EVENTS_MAX 10000u
#define BUD_LOOK_BACK_BYTES_MAX  (16u << 20)

/* What was looked at. */
struct bud_look_back_result {
	size_t events;
	int64_t oldest_ms; /* of them; 0: none */
	bool is_whole;     /* everything that there is in that time */
};

/* `entry` is lent. False: enough. */
typedef bool (*bud_look_back_visit_fn)(void *owner, const struct bud_entry *entry);
/* `result` is NULL when err is negative. */
typedef void (*bud_look_back_end_fn)(
	void *owner, int err, const struct bud_look_back_result *result);

struct bud_look_back {
	struct bud_store *store;
	int64_t from_ms; /* inclusive */
	int64_t to_ms;   /* exclusive; 0: now */
	size_t events_max;
	bud_look_back_visit_fn visit;
	bud_look_back_end_fn end;
	void *owner;
};

/* 0: `end` is called once, never before this returns. Copies `look_back`. */
BUD_MUST_CHECK int bud_look_back(const struct bud_look_back *look_back);
