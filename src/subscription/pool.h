/* A pool: what many subscriptions have in common, kept once and counted: texts (owners, types) and
 * push configs. Any thread may take from it and give back. */
#pragma once
#include "core/text.h"

struct bud_pool;        /* opaque */
struct bud_push_config; /* subscription/push_config.h */
struct bud_shared;      /* opaque: one thing of a pool */

/* The caller's to give back. */
struct bud_pool *bud_pool_create(void);
/* One more who gives it back. */
void bud_pool_ref(struct bud_pool *pool);
/* What is held of it lives on, and the last of it takes the pool along. NULL is fine. */
void bud_pool_unref(struct bud_pool *pool);

/* NUL-terminated, to be given back with bud_pool_return_text(). */
const char *bud_pool_take_text(struct bud_pool *pool, struct bud_span text);
/* `text` is one that was taken; NULL is fine. */
void bud_pool_return_text(const char *text);

/* The config that was added under this key, one more time held; NULL when there is none. It is
 * given back with bud_push_config_destroy(). */
const struct bud_push_config *bud_pool_take_config(struct bud_pool *pool, struct bud_span key);
/* Takes over a config without secrets of one subscription; gives it, or the one that another thread
 * has added under the key meanwhile, held once. */
const struct bud_push_config *bud_pool_add_config(
	struct bud_pool *pool, struct bud_span key, struct bud_push_config *taken);
/* Called by bud_push_config_destroy(). */
void bud_pool_return_config(const struct bud_push_config *config);
