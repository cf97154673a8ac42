/* One worker's dispatch on a private Redis, with a table filled by hand and a receiver that answers
 * as told. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>
#include "config/config.h"
#include "core/clock.h"
#include "core/metrics.h"
#include "dispatch/dispatch.h"
#include "redis/client.h"
#include "redis_server.h"
#include "sink.h"
#include "store/following.h"
#include "store/store.h"

struct bud_authority;    /* auth/authorize.h */
struct bud_quota;        /* auth/quota.h */
struct bud_subscription; /* subscription/subscription.h */

#define RIG_NODE "n1"

struct rig {
	struct redis_server *server;
	uv_loop_t loop;
	struct bud_redis *commands;
	struct bud_redis *reading;
	struct bud_store commands_store;
	struct bud_store reading_store;
	struct bud_shard shard;
	struct bud_config config;
	struct bud_metrics metrics;
	struct bud_table *table;
	struct bud_endpoints *endpoints;
	struct bud_keyring *keyring;     /* empty */
	struct bud_authority *authority; /* an open one; a test may put another before it starts */
	struct bud_quota *quota;         /* a test's own; NULL: nothing is bounded */
	struct bud_following following;
	struct bud_fetch *fetch;
	struct bud_dispatch *dispatch; /* NULL until rig_start() */
	uv_timer_t confirm;
	bool is_confirmed; /* the timer confirms the table */
	bool is_set_up;
	bool is_fetch_closed;
	char point_url[64]; /* of a decision point; "": there is none */
	struct bud_decision_point *point;
	uint64_t serial;
	const char *subscriber; /* owner of the subscriptions made from now on; NULL: local */
	void (*on_made)(struct bud_subscription *subscription); /* may change it; NULL is fine */
	const char *event_members; /* further ones of what is published, behind a comma; or NULL */
	unsigned connections_max;  /* of the HTTP client; 0: as the server has it */
	int appended;              /* events under way to the store */
	struct sink sink;
};

/* The server of all tests of a program, emptied for each: cmocka's group and test fixtures. */
int rig_group_set_up(void **state);
int rig_group_tear_down(void **state);
int rig_set_up(void **state);    /* *state becomes a struct rig, set up, dispatch not started */
int rig_tear_down(void **state); /* nothing may stay on the loop */

/* Opens the dispatch: with what is in rig->config by now. */
void rig_start(struct rig *rig);
/* Retries after so many seconds each. */
void rig_set_schedule(struct rig *rig, size_t n, const uint32_t *steps);

/* How much slower this build is: BUD_TEST_SLOW, or 1. */
int rig_patience(void);
/* Turns the loop until `condition` holds; fails after so many ms, times the patience. */
#define rig_wait_ms(rig, condition, ms)                                                            \
	do {                                                                                       \
		int64_t rig_end_ = bud_clock_mono_ms() + (ms)*rig_patience();                      \
		while (!(condition)) {                                                             \
			if (bud_clock_mono_ms() > rig_end_)                                        \
				fail_msg("not in %d ms: %s", (int)(ms), #condition);               \
			uv_run(&(rig)->loop, UV_RUN_ONCE);                                         \
		}                                                                                  \
	} while (0)
#define rig_wait(rig, condition) rig_wait_ms(rig, condition, 20000)
/* Turns the loop so long. */
void rig_pass_ms(struct rig *rig, int64_t ms);

/* A subscription to all events of `type`, pushed to http://127.0.0.1:<sink><path>. */
void rig_subscribe(struct rig *rig, const char *id, const char *type, const char *path);
/* With further members: ",'config':…" */
void rig_subscribe_as(
	struct rig *rig, const char *id, const char *type, const char *path, const char *members);
/* To events of type "t", with members of its `config` and further ones, each behind a comma. */
void rig_subscribe_wishing(
	struct rig *rig, const char *id, const char *path, const char *config, const char *members);
/* Events <prefix>0 … of a type, stored when this returns. */
void rig_publish(struct rig *rig, const char *type, const char *prefix, int n);

/* Of Redis, asked on a connection of its own. */
long long rig_number(struct rig *rig, const char *format, const char *name);
/* Events read by somebody and not settled. */
long long rig_pending(struct rig *rig);
/* Events in all streams. */
long long rig_events(struct rig *rig);
/* Nothing is pending, parked, kept, referred to or under way as a broadcast. */
bool rig_is_clean(struct rig *rig);
uint64_t rig_count(struct rig *rig, enum bud_counter counter);
/* What Redis shows may be a moment ahead of the answer that tells us. */
#define rig_wait_count(rig, counter, number)                                                       \
	do {                                                                                       \
		rig_wait(rig, rig_count(rig, counter) >= (uint64_t)(number));                      \
		assert_int_equal(rig_count(rig, counter), number);                                 \
	} while (0)
