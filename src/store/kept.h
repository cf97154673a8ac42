/* The kept events: copies of what is parked or dead, which outlive their streams. */
#pragma once
#include "store/partition.h"
#include "store/store.h"

/* Some of them in no order, and where to go on: `cursor` 0 is the end. All are lent. */
typedef void (*bud_kept_page_fn)(
	void *owner, int err, uint64_t cursor, const struct bud_entry *entries, size_t n);
/* Begin with cursor 0. One may come twice; one that came meanwhile may be missing. */
BUD_MUST_CHECK int bud_kept_scan(
	struct bud_store *store, uint64_t cursor, bud_kept_page_fn fn, void *owner);
