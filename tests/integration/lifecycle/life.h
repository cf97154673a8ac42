/* The two connections of a control thread to a private Redis, for the tests of lifecycle/. */
#pragma once
#include <stdbool.h>
#include <uv.h>
#include "core/clock.h"
#include "core/metrics.h"
#include "redis/client.h"
#include "redis_server.h"
#include "store/store.h"

struct life {
	struct redis_server *server;
	uv_loop_t loop;
	struct bud_redis *redis;
	struct bud_store store;
	struct bud_shard shard;
	struct bud_metrics metrics;
	bool is_set_up;
	int ups;
	/* The test's: called at each connect after the first. */
	void (*on_up)(void *owner);
	void *owner;
	int puts;              /* under way to the registry */
	const char *put_owner; /* of new subscriptions; NULL: local */
};

/* cmocka's fixtures: one server per program, emptied for each test; *state is a struct life. */
int life_group_set_up(void **state);
int life_group_tear_down(void **state);
int life_set_up(void **state);
int life_tear_down(void **state); /* what the test opened is closed by then */

/* Closes the connection; then the test closes what uses it and calls life_turn_out(). */
void life_close_redis(struct life *life);
/* Runs the loop until nothing is left in it. */
void life_turn_out(struct life *life);

/* Writes a subscription to everything (or with `is_deleted` its tombstone) and waits. */
void life_put(struct life *life, const char *id, bool is_deleted);
/* A new one or a change; `status` is its stored form; NULL: the one it has. */
void life_put_json(struct life *life, const char *id, const char *json, const char *status);
/* Whether what is stored of it, its status included, has this text somewhere. */
bool life_stored_has(struct life *life, const char *id, const char *text);
/* Notices no.budstikke.<type>.v1 on all partitions. */
long long life_told(struct life *life, const char *type);
/* The integer that a command answers. */
long long life_number(struct life *life, const char *format, ...);

/* Turns the loop until `condition` holds; fails after so many ms. */
#define life_wait_ms(life, condition, ms)                                                          \
	do {                                                                                       \
		int64_t life_end_ = bud_clock_mono_ms() + (ms);                                    \
		while (!(condition)) {                                                             \
			if (bud_clock_mono_ms() > life_end_)                                       \
				fail_msg("not in %d ms: %s", (int)(ms), #condition);               \
			uv_run(&(life)->loop, UV_RUN_NOWAIT);                                      \
			uv_sleep(1);                                                               \
		}                                                                                  \
	} while (0)
#define life_wait(life, condition) life_wait_ms(life, condition, 20000)
/* Turns the loop for a time in which `condition` must hold. */
#define life_stays_ms(life, condition, ms)                                                         \
	do {                                                                                       \
		int64_t life_end_ = bud_clock_mono_ms() + (ms);                                    \
		while (bud_clock_mono_ms() < life_end_) {                                          \
			assert_true(condition);                                                    \
			uv_run(&(life)->loop, UV_RUN_NOWAIT);                                      \
			uv_sleep(1);                                                               \
		}                                                                                  \
	} while (0)
