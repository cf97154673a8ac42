/* A Redis that must not be used is refused in clear words, and taken as soon as that is mended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>
#include "config/redis_url.h"
#include "seen.h"

static void test_role_change(void **state)
{
	struct redis_server *server = *state;
	struct seen seen;
	seen_open_server(&seen, server);
	redis_server_do(server, "REPLICAOF 127.0.0.1 1");
	/* Redis also closes blocked clients then; we find out by being refused. */
	assert_int_equal(seen_send_text(&seen, "SET a b"), 0);
	assert_int_equal(seen_send_text(&seen, "PING"), 0);
	seen_run_until(&seen.answers, 2);
	assert_int_equal(seen.errors, 1);
	assert_int_equal(seen.nulls, 1);
	seen_run_until(&seen.downs, 2);
	assert_string_equal(seen.reason, "Redis is a replica; its master is needed");
	redis_server_do(server, "REPLICAOF NO ONE");
	seen_run_until(&seen.ups, 2);
	seen_close_all(&seen);
}

static void test_policy(void **state)
{
	struct redis_server *server = *state;
	struct seen seen;
	redis_server_do(server, "CONFIG SET maxmemory 100mb maxmemory-policy allkeys-lru");
	seen_open_url(&seen, server->url, 0);
	seen_run_until(&seen.downs, 1);
	assert_string_equal(seen.reason, "maxmemory-policy is allkeys-lru, which lets Redis "
					 "delete events; set it to noeviction");
	redis_server_do(server, "CONFIG SET maxmemory-policy noeviction");
	seen_run_until(&seen.ups, 1);
	assert_int_equal(seen.downs, 1); /* told once, though tried more often */
	seen_close_all(&seen);
	redis_server_do(server, "CONFIG SET maxmemory 0");
}

static void test_password_and_database(void **state)
{
	struct redis_server *server = *state;
	redis_server_do(server, "ACL SETUSER carrier on >a@b:c ~* +@all");
	redis_server_do(server, "CONFIG SET requirepass secret");
	struct seen seen;
	seen_open_url(&seen, server->url, 0);
	seen_run_until(&seen.downs, 1);
	assert_non_null(strstr(seen.reason, "NOAUTH"));
	seen_close_all(&seen);
	struct bud_redis_url url = {.user = "carrier", .password = "a@b:c", .database = 3};
	(void)snprintf(url.path, sizeof(url.path), "%s", server->socket);
	struct bud_redis_options options = {
		.url = &url, .on_up = seen_on_up, .on_down = seen_on_down, .owner = &seen};
	seen = (struct seen){.redis = bud_redis_open(&seen_loop, &options)};
	seen_run_until(&seen.ups, 1);
	assert_int_equal(seen_send_text(&seen, "CLIENT INFO"), 0);
	seen_run_until(&seen.answers, 1);
	assert_non_null(strstr(seen.text, " db=3 "));
	seen_close_all(&seen);
	(void)snprintf(url.password, sizeof(url.password), "wrong");
	seen = (struct seen){.redis = bud_redis_open(&seen_loop, &options)};
	seen_run_until(&seen.downs, 1);
	assert_non_null(strstr(seen.reason, "Redis refused AUTH: WRONGPASS"));
	seen_close_all(&seen);
	redisReply *reply = redis_server_ask(server, "AUTH secret");
	freeReplyObject(reply);
}

/* Last: the server needs a while to load, and says so. */
static void test_loading(void **state)
{
	(void)state;
	struct redis_server server;
	redis_server_start(&server, (const char *[]){"--enable-debug-command", "yes", NULL});
	redis_server_do(&server, "DEBUG POPULATE 2000 key 100");
	redis_server_do(&server, "BGREWRITEAOF");
	struct seen seen;
	long long is_busy = 1;
	while (is_busy) {
		redisReply *reply = redis_server_ask(&server, "INFO persistence");
		is_busy = atoll(strstr(reply->str, "aof_rewrite_in_progress:") + 24) +
			  atoll(strstr(reply->str, "aof_rewrite_scheduled:") + 22);
		freeReplyObject(reply);
	}
	redis_server_kill(&server);
	const char *slow[] = {
		"--key-load-delay", "300", "--loading-process-events-interval-bytes", "1024", NULL};
	redis_server_restart(&server, slow, false);
	seen_open_url(&seen, server.url, 0);
	seen_run_until(&seen.ups, 1);
	assert_string_equal(seen.reason, "Redis is loading its data");
	seen_close_all(&seen);
	redis_server_finish(&server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_role_change),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_password_and_database),
		cmocka_unit_test(test_loading),
	};
	return cmocka_run_group_tests(tests, seen_set_up, seen_tear_down);
}
