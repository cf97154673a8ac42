/* A connection to Redis that reconnects by itself: commands, scripts, one deadline for all of them.
 * A loop's own: an object never changes threads. The process ignores SIGPIPE. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>
#include "core/alloc.h"

struct bud_redis;     /* opaque */
struct bud_redis_url; /* config/redis_url.h */
struct redisReply;    /* hiredis/hiredis.h */

#define BUD_REDIS_COMMAND_TIMEOUT_MS 5000
#define BUD_REDIS_CONNECT_TIMEOUT_MS 2000
/* Commands sent and not answered, per connection. */
#define BUD_REDIS_PENDING_MAX 100000u

/* `reply` is lent until the call returns; it may be an error reply (redis/error.h tells what it
 * means). NULL: the connection is gone or the deadline passed, and nobody knows whether the command
 * was applied. Sending from here is fine, with a NULL reply it answers -ENOTCONN. */
typedef void (*bud_redis_fn)(void *owner, const struct redisReply *reply);
/* Connected and checked: commands may be sent, also from here. */
typedef void (*bud_redis_up_fn)(void *owner);
/* Down, for the reason in words; pending commands got their NULL before. Called when a connection
 * that was up is lost and whenever the reason of failing to come up changes, not at each try. */
typedef void (*bud_redis_down_fn)(void *owner, const char *reason);

struct bud_redis_script {
	const char *name; /* for people */
	const char *source;
};

struct bud_redis_options {
	const struct bud_redis_url *url; /* copied; not the embedded one */
	/* Borrowed for good (a static table); loaded at each connect, before `on_up`. */
	const struct bud_redis_script *scripts;
	size_t scripts_n;
	/* How long the oldest unanswered command may wait; 0: BUD_REDIS_COMMAND_TIMEOUT_MS.
	 * Blocking reads have a connection of their own, with BLOCK + 2 s here. */
	int command_timeout_ms;
	bud_redis_up_fn on_up;     /* may be NULL */
	bud_redis_down_fn on_down; /* may be NULL */
	void *owner;
};

/* Starts connecting; never fails, never calls back before it returns. Before it is up, a connection
 * is checked: Redis >= 7.0 (Valkey >= 7.2), a master, not loading, and no eviction of keys. A check
 * that fails is the reason of `on_down` and is repeated after a back-off (50 ms to 5 s). */
struct bud_redis *bud_redis_open(uv_loop_t *loop, const struct bud_redis_options *options);

/* Pending commands get their NULL from the loop, later; no other callback comes any more. The
 * memory goes with the last uv_close callback. May be called from any callback. NULL is fine. */
void bud_redis_close(struct bud_redis *redis);

/* Sends one command (all that is sent in one turn of the loop goes out in one write); replies come
 * in the order of commands. `argv` and what it points to may go when this returns. `fn` may be
 * NULL. 0: `fn` is called exactly once, never before this returns. Negative, `fn` is never called:
 * -ENOTCONN while down, -ENOBUFS with BUD_REDIS_PENDING_MAX commands pending. */
BUD_MUST_CHECK int bud_redis_command(struct bud_redis *redis, bud_redis_fn fn, void *owner,
	int argc, const char *const *argv, const size_t *lens);

/* The arguments of a script: `argv` holds the keys, then the rest. */
struct bud_redis_args {
	int keys_n;
	int argc; /* of both together */
	const char *const *argv;
	const size_t *lens;
};

/* Like bud_redis_command, for an element of options.scripts. When Redis has forgotten the script,
 * it is loaded and sent again. Order is kept even then: with other commands sent behind it, the
 * connection is dropped instead (NULL to all of them) and comes back with the scripts loaded. */
BUD_MUST_CHECK int bud_redis_script(struct bud_redis *redis, const struct bud_redis_script *script,
	bud_redis_fn fn, void *owner, const struct bud_redis_args *args);

bool bud_redis_is_up(const struct bud_redis *redis);
/* Commands sent and not answered. */
size_t bud_redis_pending(const struct bud_redis *redis);
