/* The resealer: seals the secrets of subscriptions anew that are not sealed with the newest key, a
 * few a second, so that an old one may leave the configuration. */
#pragma once
#include <stdint.h>

struct bud_metrics;      /* core/metrics.h */
struct bud_resealer;     /* opaque; belongs to the control thread */
struct bud_store;        /* store/store.h */
struct bud_subscription; /* subscription/subscription.h */
struct uv_loop_s;

/* All borrowed until it is closed. */
struct bud_reseal_options {
	struct uv_loop_s *loop;
	struct bud_store *store;
	struct bud_metrics *metrics; /* tells how many are left */
	int64_t each_ms;             /* one of all nodes; 0: 100 */
};

struct bud_resealer *bud_resealer_open(const struct bud_reseal_options *options);
/* What the follower tells (lifecycle/follow.h). The subscription is lent. */
void bud_resealer_on_changed(
	struct bud_resealer *resealer, const struct bud_subscription *subscription);
void bud_resealer_on_deleted(struct bud_resealer *resealer, const char *id);
/* After the connection is closed. Asynchronous; NULL is fine. */
void bud_resealer_close(struct bud_resealer *resealer);
