/* The token keeper: fetches the tokens that subscriptions' credentials are for, ahead of their end,
 * and stores them in the statuses, where every node finds them. */
#pragma once
#include <stdint.h>

struct bud_config;       /* config/config.h */
struct bud_fetch;        /* fetch/fetch.h */
struct bud_keeper;       /* opaque; belongs to the control thread */
struct bud_store;        /* store/store.h */
struct bud_subscription; /* subscription/subscription.h */
struct uv_loop_s;

/* All borrowed until it is closed. */
struct bud_keeper_options {
	struct uv_loop_s *loop;
	struct bud_store *store;
	struct bud_fetch *fetch;
	const struct bud_config *config;
	int64_t tick_ms;  /* how often it looks who is due; 0: 500 */
	int64_t again_ms; /* after the first failure, doubled up to an hour; 0: a minute */
	int64_t pace_ms;  /* from one token to the next, however short its life; 0: 3 s */
};

struct bud_keeper *bud_keeper_open(const struct bud_keeper_options *options);
/* What the follower tells (lifecycle/follow.h). The subscription is lent. */
void bud_keeper_on_changed(struct bud_keeper *keeper, const struct bud_subscription *subscription);
void bud_keeper_on_deleted(struct bud_keeper *keeper, const char *id);
/* After the connection and the client are closed. Asynchronous; NULL is fine. */
void bud_keeper_close(struct bud_keeper *keeper);
