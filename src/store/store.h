/* The shard as one thread sees it: a connection, what `meta` says, and room to build commands. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "core/alloc.h"
#include "core/hash.h"
#include "core/text.h"
#include "redis/client.h"
#include "store/args.h"

struct bud_sealer; /* crypto/seal.h */

/* The same for all threads and nodes; read-only once set up. */
struct bud_shard {
	char server_id[33];
	struct bud_hash_key key; /* of the seen window and of webhook ids */
	unsigned partitions;
	const struct bud_sealer *sealer; /* of subscriptions' secrets; NULL: nothing is sealed */
	/* Redis has hardly any memory left: what may be left out is not written. Set by the
	 * cleaner; may be NULL. */
	atomic_bool *is_full;
};

/* One per connection; embedded in its owner; borrows all it points to. */
struct bud_store {
	struct bud_redis *redis;
	const struct bud_shard *shard;
	struct bud_args args; /* the command being built */
};

static inline const struct bud_sealer *bud_store_sealer(const struct bud_store *store)
{
	return store->shard ? store->shard->sealer : NULL;
}

static inline bool bud_shard_is_full(const struct bud_shard *shard)
{
	return shard->is_full && atomic_load_explicit(shard->is_full, memory_order_relaxed);
}

/* What to give bud_redis_open(): every script of src/store/scripts. */
extern const struct bud_redis_script bud_store_scripts[];
extern const size_t bud_store_scripts_n;

/* `err` is negative: -ENOTCONN nobody knows whether it was applied; -EAGAIN, -ENOSPC (no memory in
 * Redis) it was not; -ENOENT a part of the shard is gone; -EPROTO our mistake. */
typedef void (*bud_store_number_fn)(void *owner, int err, int64_t number);

/* Borrows both. `shard` may be NULL before set-up. */
void bud_store_init(
	struct bud_store *store, struct bud_redis *redis, const struct bud_shard *shard);
void bud_store_finish(struct bud_store *store);
/* Its connection is being closed: from now on every command answers -ENOTCONN. */
void bud_store_detach(struct bud_store *store);

/* Commands may be sent. */
bool bud_store_is_up(const struct bud_store *store);

/* `text` says what is wrong when `err` is negative; -EPROTONOSUPPORT: a newer format. */
typedef void (*bud_store_setup_fn)(void *owner, int err, const char *text);
/* Makes the shard on a fresh Redis or reads its meta into `out_shard`, which must stay until `fn`.
 * 0 or a negative errno: `fn` is not called. */
BUD_MUST_CHECK int bud_store_setup(
	struct bud_store *store, struct bud_shard *out_shard, bud_store_setup_fn fn, void *owner);

/* Redis' memory in bytes; limit 0: none. */
typedef void (*bud_store_memory_fn)(void *owner, int err, uint64_t used, uint64_t limit);
BUD_MUST_CHECK int bud_store_memory(struct bud_store *store, bud_store_memory_fn fn, void *owner);

/* Redis' now in ms: the clock that ids of events and times in lanes are of. Ours may be another. */
BUD_MUST_CHECK int bud_store_time(struct bud_store *store, bud_store_number_fn fn, void *owner);

/* What stands behind an answered write: "fsync", "os", "none" (no append-only file), or "unknown":
 * Redis does not let us see. Static. */
typedef void (*bud_store_durability_fn)(void *owner, int err, const char *durability);
BUD_MUST_CHECK int bud_store_durability(
	struct bud_store *store, bud_store_durability_fn fn, void *owner);
