#include "seen.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>
#include "config/redis_url.h"
#include "core/text.h"

#define PATIENCE_MS 30000

uv_loop_t seen_loop;

const struct bud_redis_script seen_scripts[SEEN_SCRIPTS] = {
	{"echo", "return {KEYS[1], ARGV[1], #KEYS, #ARGV}"},
	{"write", "#!lua flags=allow-oom\nreturn redis.call('INCR', KEYS[1])"},
};

void seen_on_up(void *owner)
{
	((struct seen *)owner)->ups++;
}

void seen_close_client(struct seen *seen)
{
	bud_redis_close(bud_move(seen->redis));
}

void seen_on_down(void *owner, const char *reason)
{
	struct seen *seen = owner;
	seen->downs++;
	(void)snprintf(seen->reason, sizeof(seen->reason), "%s", reason);
	if (seen->close_on_down)
		seen_close_client(seen);
}

void seen_on_answer(void *owner, const redisReply *reply)
{
	struct seen *seen = owner;
	seen->answers++;
	seen->nulls += !reply;
	seen->kind = bud_redis_classify(reply);
	seen->errors += reply && reply->type == REDIS_REPLY_ERROR;
	if (reply && reply->type == REDIS_REPLY_INTEGER) {
		seen->order_breaks += reply->integer != seen->last + 1;
		seen->last = reply->integer;
	}
	if (reply && reply->str)
		(void)snprintf(seen->text, sizeof(seen->text), "%s", reply->str);
	if (!reply && seen->send_on_null)
		seen->refused += seen_send_text(seen, "PING") == -ENOTCONN;
	if (seen->close_on_answer && seen->redis)
		seen_close_client(seen);
}

/* Words separated by single spaces. */
int seen_send_text(struct seen *seen, const char *text)
{
	char copy[200];
	const char *argv[16];
	int argc = 0;
	(void)snprintf(copy, sizeof(copy), "%s", text);
	for (char *word = strtok(copy, " "); word && argc < 16; word = strtok(NULL, " "))
		argv[argc++] = word;
	return bud_redis_command(seen->redis, seen_on_answer, seen, argc, argv, NULL);
}

static void on_patience_ends(uv_timer_t *timer)
{
	*(bool *)timer->data = true;
}

/* Runs the seen_loop until *number reaches `least`. */
void seen_run_until(const int *number, int least)
{
	bool is_over = false;
	uv_timer_t timer;
	uv_timer_init(&seen_loop, &timer);
	timer.data = &is_over;
	uv_timer_start(&timer, on_patience_ends, PATIENCE_MS, 0);
	while (*number < least && !is_over)
		uv_run(&seen_loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&timer, NULL);
	uv_run(&seen_loop, UV_RUN_NOWAIT);
	assert_true(*number >= least);
}

void seen_open_url(struct seen *seen, const char *text, int timeout_ms)
{
	struct bud_redis_url url;
	struct bud_error error;
	*seen = (struct seen){0};
	assert_int_equal(bud_redis_url_parse(bud_span(text), &url, &error), 0);
	struct bud_redis_options options = {
		.url = &url,
		.scripts = seen_scripts,
		.scripts_n = SEEN_SCRIPTS,
		.command_timeout_ms = timeout_ms,
		.on_up = seen_on_up,
		.on_down = seen_on_down,
		.owner = seen,
	};
	seen->redis = bud_redis_open(&seen_loop, &options);
	assert_int_equal(seen->ups + seen->downs, 0);
}

void seen_open_server(struct seen *seen, struct redis_server *server)
{
	seen_open_url(seen, server->url, 0);
	assert_int_equal(seen_send_text(seen, "PING"), -ENOTCONN);
	seen_run_until(&seen->ups, 1);
	assert_true(bud_redis_is_up(seen->redis));
}

/* Nothing may stay on the seen_loop. */
void seen_close_all(struct seen *seen)
{
	if (seen->redis)
		seen_close_client(seen);
	uv_run(&seen_loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_alive(&seen_loop), 0);
}

int seen_set_up(void **state)
{
	static struct redis_server server;
	redis_server_start(&server, NULL);
	uv_loop_init(&seen_loop);
	*state = &server;
	return 0;
}

int seen_tear_down(void **state)
{
	redis_server_finish(*state);
	return uv_loop_close(&seen_loop);
}
