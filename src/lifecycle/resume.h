/* The resumer: what waited for a subscription goes on as soon as it is pushed to again. */
#pragma once
#include <stdint.h>

struct bud_resumer;      /* opaque; belongs to the control thread */
struct bud_store;        /* store/store.h */
struct bud_subscription; /* subscription/subscription.h */
struct bud_table;        /* subscription/table.h */
struct uv_loop_s;

/* All borrowed until it is closed. */
struct bud_resume_options {
	struct uv_loop_s *loop;
	struct bud_store *store;
	const struct bud_table *table; /* of the thread that writes it */
	int64_t tick_ms;               /* 0: 50 */
	int64_t again_ms;              /* 0: 5 s */
};

struct bud_resumer *bud_resumer_open(const struct bud_resume_options *options);
/* What the follower tells (lifecycle/follow.h): when it has become active, or has a token at last,
 * its lanes are looked at as soon as the table says so, and once more some seconds later: a worker
 * may have put one off meanwhile by what it knew before. With another state it has not failed yet.
 * Every node does so. Nothing depends on it: a lane is looked at by itself within ten minutes. */
void bud_resumer_on_changed(struct bud_resumer *resumer, const struct bud_subscription *before,
	const struct bud_subscription *subscription);
/* After the connection is closed. Asynchronous; NULL is fine. */
void bud_resumer_close(struct bud_resumer *resumer);
