/* The registry as all nodes read it: loading all records, and following the changes. */
#pragma once
#include "store/registry.h"

/* How many records there are, tombstones and grants included. */
BUD_MUST_CHECK int bud_registry_size(struct bud_store *store, bud_store_number_fn fn, void *owner);

struct bud_registry_record {
	struct bud_span id;
	struct bud_registry_value value;
};

/* Some records and where to go on: `cursor` 0 is the end. All are lent. */
typedef void (*bud_registry_page_fn)(
	void *owner, int err, uint64_t cursor, const struct bud_registry_record *records, size_t n);
/* Begin with cursor 0. A record may come twice; one written meanwhile may be missing: follow the
 * changes from the version that was read before. */
BUD_MUST_CHECK int bud_registry_scan(
	struct bud_store *store, uint64_t cursor, bud_registry_page_fn fn, void *owner);

struct bud_registry_change {
	struct bud_member version;
	struct bud_member before; /* the version it follows on; another one than ours is a gap */
	struct bud_span id;       /* of the subscription: get its record */
};

#define BUD_CHANGES_MAX 256
typedef void (*bud_changes_fn)(
	void *owner, int err, const struct bud_registry_change *changes, size_t n);
/* Changes behind `version`, waiting up to `block_ms` for one; blocks the connection. */
BUD_MUST_CHECK int bud_registry_follow(struct bud_store *store, const struct bud_member *version,
	unsigned block_ms, bud_changes_fn fn, void *owner);

/* The records of up to BUD_CHANGES_MAX ids; those that do not exist are left out. */
BUD_MUST_CHECK int bud_registry_get_many(struct bud_store *store, const struct bud_span *ids,
	size_t n, bud_registry_page_fn fn, void *owner);
