/* What owners have parked, in bytes: measured lane by lane by one node, and told to all. */
#pragma once
#include "auth/quota.h"
#include "store/store.h"

/* Most lanes of one page, and of one measurement. */
#define BUD_PARKED_LANES_MAX 256

/* Some lanes that are not empty, and where to go on: `cursor` 0 is the end. Lent. */
typedef void (*bud_parked_page_fn)(
	void *owner, int err, uint64_t cursor, const struct bud_span *lanes, size_t n);
/* Begin with cursor 0. A lane may come twice. */
BUD_MUST_CHECK int bud_parked_scan(
	struct bud_store *store, uint64_t cursor, bud_parked_page_fn fn, void *owner);

typedef void (*bud_parked_bytes_fn)(void *owner, int err, const int64_t *bytes, size_t n);
/* The bytes of each lane, of a long one by a sample. Each delivery counts its whole event, though
 * an event is kept once for all. */
BUD_MUST_CHECK int bud_parked_measure(struct bud_store *store, const struct bud_span *lanes,
	size_t n, bud_parked_bytes_fn fn, void *owner);

/* In place of what was there; by whatever names. */
BUD_MUST_CHECK int bud_parked_put(struct bud_store *store, const struct bud_quota_use *uses,
	size_t n, bud_store_number_fn fn, void *owner);

/* `uses` are the callee's to change. */
typedef void (*bud_parked_fn)(void *owner, int err, struct bud_quota_use *uses, size_t n);
/* What was put last. */
BUD_MUST_CHECK int bud_parked_get(struct bud_store *store, bud_parked_fn fn, void *owner);
