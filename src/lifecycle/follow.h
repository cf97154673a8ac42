/* The follower: loads all subscriptions into the table, then follows the registry's changes. */
#pragma once
#include <stdint.h>

struct bud_authority;    /* auth/authorize.h */
struct bud_follower;     /* opaque; belongs to the control thread */
struct bud_following;    /* store/following.h */
struct bud_metrics;      /* core/metrics.h */
struct bud_store;        /* store/store.h */
struct bud_subscription; /* subscription/subscription.h */
struct bud_table;        /* subscription/table.h */
struct uv_loop_s;

/* A subscription was deleted; `id` is lent. Also for each tombstone of a load. */
typedef void (*bud_follow_deleted_fn)(void *owner, const char *id);

/* A subscription is there, is new or has changed. Both are lent; `before` is what the table had,
 * NULL when it had none, as at the first load. The table gets the new one right after this, of a
 * load when it is done; workers act on what this starts in Redis only with a table that is at least
 * as new. */
typedef void (*bud_follow_changed_fn)(void *owner, const struct bud_subscription *before,
	const struct bud_subscription *subscription);

/* All borrowed until it is closed. */
struct bud_follow_options {
	struct uv_loop_s *loop;
	struct bud_store *store;         /* a connection of its own, for blocking reads */
	struct bud_table *table;         /* this thread is its one writer */
	struct bud_authority *authority; /* gets the grants; NULL: nobody does */
	struct bud_following *following;
	struct bud_metrics *metrics;
	uint32_t timeout_ms; /* of subscriptions that give none */
	/* How long one look at the changes waits, less than the connection's deadline; 0: 200. */
	unsigned block_ms;
	unsigned retry_ms; /* after a fault; 0: 500 */
	bud_follow_deleted_fn on_deleted;
	bud_follow_changed_fn on_changed; /* may be NULL */
	void *owner;
};

struct bud_follower *bud_follower_open(const struct bud_follow_options *options);
/* The connection is up, for the first time or again. */
void bud_follower_on_up(struct bud_follower *follower);
/* After the connection is closed. Asynchronous; NULL is fine. */
void bud_follower_close(struct bud_follower *follower);
