/* Resuming: what waited for a subscription goes on as soon as it is pushed to again. */
#pragma once
struct bud_store;        /* store/store.h */
struct bud_subscription; /* subscription/subscription.h */

/* What the follower tells (lifecycle/follow.h): when it has become active, or has a token at last,
 * its lanes are looked at now; with another state it has not failed yet. Every node does so, and
 * each time after the first is without effect. Nothing depends on it: a lane is looked at by itself
 * within ten minutes. Copies what it needs; `store` must stay until its connection is closed. */
void bud_resume_on_changed(struct bud_store *store, const struct bud_subscription *before,
	const struct bud_subscription *subscription);
