/* The data directory of the embedded Redis: its two locks, its configuration, its log.
 *
 * `lock` is the dispatcher's and says whose the directory is. `redis.lock` is inherited by
 * redis-server: as long as one lives, whoever started it, the directory never gets a second one. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "core/alloc.h"

struct bud_error; /* core/error.h */

struct bud_redis_home {
	char *path;
	char *url; /* of its socket, for bud_redis_url_parse() */
	int dir_fd;
	int lock_fd;
};

/* Makes the directory if missing, makes it 0700 and takes `lock`. Negative: `error` is filled and
 * nothing is held. */
BUD_MUST_CHECK int bud_redis_home_open(
	struct bud_redis_home *home, const char *path, struct bud_error *error);
void bud_redis_home_close(struct bud_redis_home *home);
/* redis.conf, 0600. */
BUD_MUST_CHECK int bud_redis_home_write_conf(
	const struct bud_redis_home *home, uint64_t maxmemory_bytes, struct bud_error *error);
/* Takes `redis.lock`: a descriptor for the new server, -EWOULDBLOCK while an old one lives. */
BUD_MUST_CHECK int bud_redis_home_lock_server(const struct bud_redis_home *home);
/* In the new server, before exec: only calls that are safe after fork(). */
void bud_redis_home_sign_lock(int fd);
/* Asks the server that holds `redis.lock` to end (SIGTERM; SIGKILL with `force`). With the server
 * gone, only a rewrite of its AOF can be left, whose result nobody waits for: it is killed. Returns
 * the server's pid, 0 when it is gone. */
pid_t bud_redis_home_end_server(const struct bud_redis_home *home, bool force);
/* Removes an old socket and puts a long log aside. */
void bud_redis_home_tidy(const struct bud_redis_home *home);
/* Why the server may have ended: its last line in the log, and a full disk. "" when unknown. */
void bud_redis_home_last_words(const struct bud_redis_home *home, char *out, size_t room);
