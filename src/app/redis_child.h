/* The embedded redis-server: started, watched and restarted in the data directory, which it and we
 * hold locked. The main thread's: the child ends with the thread that started it. */
#pragma once
#include <stdint.h>
#include <uv.h>

struct bud_redis_child; /* opaque */
struct bud_error;       /* core/error.h */

/* Up and checked, at start and after each restart; `url` is for bud_redis_url_parse(), always the
 * same text, and lives as long as the child. */
typedef void (*bud_redis_child_ready_fn)(void *owner, const char *url);
/* Gone, or not coming up, for the reason in words; restarted by itself. */
typedef void (*bud_redis_child_down_fn)(void *owner, const char *reason);
typedef void (*bud_redis_child_stopped_fn)(void *owner);

struct bud_redis_child_options {
	const char *data_dir;     /* made when missing (its parent must exist); becomes 0700 */
	uint64_t maxmemory_bytes; /* 0: no limit */
	/* An absolute path; NULL: redis-server, else valkey-server, from PATH. */
	const char *program;
	bud_redis_child_ready_fn on_ready;
	bud_redis_child_down_fn on_down; /* may be NULL */
	void *owner;
};

/* Takes the data directory and starts the server from the loop; a server left behind by a killed
 * dispatcher is first ended and waited for. NULL with `error` filled: the directory is in use by
 * another process or not usable, or there is no redis-server. Only from the main thread. */
struct bud_redis_child *bud_redis_child_start(
	uv_loop_t *loop, const struct bud_redis_child_options *options, struct bud_error *error);
/* SIGTERM; SIGKILL only after 30 s. `on_stopped` (may be NULL) comes last, from the loop, when the
 * server and the memory are gone. No other callback comes any more. NULL is not fine. */
void bud_redis_child_stop(struct bud_redis_child *child, bud_redis_child_stopped_fn on_stopped);
