/* A find: from an event's id to its position, for clients whose cursor is the id of the last event
 * they had. */
#pragma once
#include <stdint.h>
#include "core/alloc.h"
#include "core/text.h"

struct bud_index_key; /* store/index_key.h */
struct bud_store;     /* store/store.h */

#define BUD_FIND_ENTRIES_MAX 10000u

/* `position` is the event's, to be given as `after`; 0: there is none. -ERANGE: it is not among
 * those looked at, and there may be older ones. */
typedef void (*bud_find_fn)(void *owner, int err, uint64_t position);
/* Looks for an event with this id among the newest BUD_FIND_ENTRIES_MAX of a key; for the oldest,
 * since sources may share an id and nothing is to be skipped, but for a GUID, which takes no more
 * steps once it is found. Copies both; the store must stay until `fn`. */
BUD_MUST_CHECK int bud_find(struct bud_store *store, const struct bud_index_key *key,
	struct bud_span id, bud_find_fn fn, void *owner);
