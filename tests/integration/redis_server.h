/* A private redis-server on a unix socket in a folder of its own under /tmp, for one test program.
 */
#pragma once
#include <stdbool.h>
#include <sys/types.h>
#include "core/alloc.h"

struct redisReply; /* hiredis/hiredis.h */

struct redis_server {
	char dir[64];
	char socket[96];
	char url[104]; /* unix:... */
	pid_t pid;
};

/* Makes the folder and starts the server: port 0, AOF with appendfsync always, no snapshots.
 * `extra` (may be NULL) is a list of further arguments ending with NULL, e.g. "--maxmemory",
 * "10mb", NULL. Waits until it answers PING. It dies with the test program, at the latest. */
void redis_server_start(struct redis_server *server, const char *const *extra);
/* Starts it again on the same folder, after a kill; with wait = false it may still be loading. */
void redis_server_restart(struct redis_server *server, const char *const *extra, bool wait);
/* kill -9, and gone when this returns. */
void redis_server_kill(struct redis_server *server);
/* SIGSTOP and SIGCONT. */
void redis_server_pause(struct redis_server *server);
void redis_server_resume(struct redis_server *server);
/* Ends it, however it is, and removes the folder. */
void redis_server_finish(struct redis_server *server);
/* One command, in the formats of hiredis (%s, %b), on a blocking connection of its own; the caller
 * frees the reply, never NULL. */
struct redisReply *redis_server_ask(struct redis_server *server, const char *format, ...);
/* The same for its effect only; the reply must not be an error. */
void redis_server_do(struct redis_server *server, const char *format, ...);
