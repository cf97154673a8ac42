/* A load: all records of the registry, read page by page, and parsed by the threads of the loop's
 * pool while further pages come in. */
#pragma once
#include "store/registry_follow.h"
#include "subscription/subscription.h"

struct bud_following; /* store/following.h */
struct bud_load;      /* opaque; a loop's own */
struct bud_pool;      /* subscription/pool.h */
struct uv_loop_s;

/* A record and what was made of it. */
struct bud_loaded {
	struct bud_registry_record record;
	struct bud_subscription *made; /* NULL: a tombstone, a grant, or `err` */
	int err;                       /* as bud_subscription_load() */
	char *why;                     /* a text for people, with `err` */
};

/* In any thread: fills in the rest beside the record, compact. `pool` is shared by all threads. */
void bud_loaded_parse(struct bud_loaded *loaded, const struct bud_subscription_defaults *defaults,
	struct bud_pool *pool);
/* What nobody has taken out of it. */
void bud_loaded_finish(struct bud_loaded *loaded);

/* In the order in which pages are parsed; `loaded` is lent, `made` may be taken (bud_move). */
typedef void (*bud_load_record_fn)(void *owner, struct bud_loaded *loaded);
/* 0: all have been told; negative: as of bud_registry_scan(). The load is over and gone. */
typedef void (*bud_load_end_fn)(void *owner, int err);

/* All borrowed until the end, the store not after a cancel; the sealer until the loop ends. */
struct bud_load_options {
	struct uv_loop_s *loop;
	struct bud_store *store;
	struct bud_subscription_defaults defaults;
	struct bud_pool *pool;           /* is held */
	struct bud_following *following; /* is told how far it is */
	uint64_t total;                  /* so many records are there, about; not 0 */
	bud_load_record_fn on_record;
	bud_load_end_fn on_end;
	void *owner;
};

/* NULL: not connected; then nothing is called. Logs how far it is each second. */
struct bud_load *bud_load_start(const struct bud_load_options *options);
/* Nothing is called any more. The memory goes when no thread works for it, from the loop. NULL is
 * fine. */
void bud_load_cancel(struct bud_load *load);
