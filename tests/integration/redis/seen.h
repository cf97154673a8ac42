/* A connection under test, and what it has told us. */
#pragma once
#include <stdbool.h>
#include <uv.h>
#include "core/error.h"
#include "redis/client.h"
#include "redis/error.h"
#include "redis_server.h"

/* What a connection told us. */
struct seen {
	struct bud_redis *redis;
	int ups, downs;
	char reason[BUD_ERROR_TEXT_MAX];
	int answers, nulls, errors, order_breaks;
	long long last;
	char text[256];
	enum bud_redis_error kind;
	bool close_on_answer, send_on_null, close_on_down;
	int refused;
};

extern uv_loop_t seen_loop;
/* Of every connection here. */
#define SEEN_SCRIPTS 2
extern const struct bud_redis_script seen_scripts[SEEN_SCRIPTS];

/* bud_redis_options' callbacks. */
void seen_on_up(void *owner);
void seen_on_down(void *owner, const char *reason);
/* Opens without waiting; timeout_ms 0: the default. */
void seen_open_url(struct seen *seen, const char *text, int timeout_ms);
/* Opens and waits until it is up. */
void seen_open_server(struct seen *seen, struct redis_server *server);
void seen_on_answer(void *owner, const struct redisReply *reply);
/* Words separated by single spaces; the answer goes to seen_on_answer(). */
int seen_send_text(struct seen *seen, const char *text);
/* Runs the loop until *number reaches `least`. */
void seen_run_until(const int *number, int least);
void seen_close_client(struct seen *seen);
/* Closes; nothing may stay on the loop. */
void seen_close_all(struct seen *seen);
/* cmocka's set-up and tear-down: a server (*state) and the loop. */
int seen_set_up(void **state);
int seen_tear_down(void **state);
