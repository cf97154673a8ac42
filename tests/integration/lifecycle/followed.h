/* A control thread for tests: life with a follower that tells of changes, a client that may go to
 * loopback, and a scripted receiver at http://127.0.0.1:<server.port>/. */
#pragma once
#include "../fetch/scripted_server.h"
#include "config/config.h"
#include "fetch/fetch.h"
#include "life.h"
#include "lifecycle/follow.h"
#include "store/following.h"
#include "subscription/subscription.h"
#include "subscription/table.h"

#define FOLLOWED_ONES_MAX 4

/* What each node has one of, and is told of changes. */
struct followed_kind {
	void (*on_changed)(void *one, const struct bud_subscription *subscription);
	void (*on_deleted)(void *one, const char *id); /* may be NULL */
	void (*close)(void *one);
};

struct followed {
	struct life *life;
	struct bud_config config; /* the defaults, with http allowed */
	struct bud_table *table;
	struct bud_following following;
	struct bud_follower *follower;
	struct bud_fetch *fetch;
	struct scripted_server server;
	/* The test's, set before followed_start(). */
	struct bud_authority *authority; /* gets the grants; NULL: nobody does */
	bud_follow_changed_fn on_changed;
	bud_follow_deleted_fn on_deleted;
	void *owner;
	struct {
		const struct followed_kind *kind;
		void *one;
	} ones[FOLLOWED_ONES_MAX]; /* which followed_join() adds */
	size_t ones_n;
	bool is_closed;
};

/* cmocka's fixtures; *state is a struct followed. */
int followed_set_up(void **state);
int followed_tear_down(void **state);

/* Begins to follow; waits until the table is fresh. */
void followed_start(struct followed *followed);
/* Tells this one, too, of changes, and closes it at the end: then followed_end() is the test's
 * tear-down. */
void followed_join(struct followed *followed, const struct followed_kind *kind, void *one);
int followed_end(void **state);
/* Closes connection, client and follower; then the test closes its own, and tear_down does the
 * rest.
 */
void followed_stop(struct followed *followed);

/* A subscription whose sink is the receiver; `status` as for life_put_json(). */
void followed_put(struct followed *followed, const char *id, const char *path, const char *status);
/* What the receiver answers from now on. */
void followed_answer(struct followed *followed, const char *text);
