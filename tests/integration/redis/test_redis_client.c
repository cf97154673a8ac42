/* A connection to a real Redis: every command is answered exactly once, in order, with NULL when it
 * is not known what became of it, whatever happens to the server; and the connection comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>
#include "core/clock.h"
#include "seen.h"

static void test_commands(void **state)
{
	struct seen seen;
	seen_open_server(&seen, *state);
	assert_int_equal(seen_send_text(&seen, "SET text hello"), 0);
	assert_int_equal(seen_send_text(&seen, "GET text"), 0);
	assert_int_equal(seen.answers, 0);
	seen_run_until(&seen.answers, 2);
	assert_string_equal(seen.text, "hello");
	assert_int_equal(seen_send_text(&seen, "INCR text"), 0);
	seen_run_until(&seen.answers, 3);
	assert_int_equal(seen.kind, BUD_REDIS_ERROR_BUG);
	/* Binary arguments, and nobody who wants the reply. */
	const char *argv[] = {"SET", "b\0in", "x\r\ny"};
	const size_t lens[] = {3, 4, 4};
	assert_int_equal(bud_redis_command(seen.redis, NULL, NULL, 3, argv, lens), 0);
	redisReply *reply = redis_server_ask(*state, "GET %b", "b\0in", (size_t)4);
	freeReplyObject(reply);
	assert_int_equal(seen_send_text(&seen, "PING"), 0);
	seen_run_until(&seen.answers, 4);
	reply = redis_server_ask(*state, "GET %b", "b\0in", (size_t)4);
	assert_int_equal(reply->len, 4);
	freeReplyObject(reply);
	seen_close_all(&seen);
	assert_int_equal(seen.downs, 0);
}

static long long stat_of(struct redis_server *server, const char *name)
{
	redisReply *reply = redis_server_ask(server, "INFO stats");
	const char *at = strstr(reply->str, name);
	assert_non_null(at);
	long long value = atoll(at + strlen(name) + 1);
	freeReplyObject(reply);
	return value;
}

static void test_pipeline(void **state)
{
	struct seen seen;
	seen_open_server(&seen, *state);
	long long reads = stat_of(*state, "total_reads_processed");
	for (int i = 0; i < 1000; i++)
		assert_int_equal(seen_send_text(&seen, "INCR counter"), 0);
	assert_int_equal(bud_redis_pending(seen.redis), 1000);
	seen_run_until(&seen.answers, 1000);
	assert_int_equal(seen.last, 1000);
	assert_int_equal(seen.order_breaks, 0);
	/* Written together: 29 KB, which Redis reads 16 KB at a time. */
	assert_in_range(stat_of(*state, "total_reads_processed") - reads, 1, 8);
	seen_close_all(&seen);
}

static void test_bound(void **state)
{
	struct seen seen;
	seen_open_server(&seen, *state);
	for (unsigned i = 0; i < BUD_REDIS_PENDING_MAX; i++)
		assert_int_equal(seen_send_text(&seen, "PING"), 0);
	assert_int_equal(seen_send_text(&seen, "PING"), -ENOBUFS);
	seen_run_until(&seen.answers, (int)BUD_REDIS_PENDING_MAX);
	assert_int_equal(seen_send_text(&seen, "PING"), 0);
	seen_close_all(&seen);
	assert_int_equal(seen.nulls, 1);
}

static void test_kill(void **state)
{
	struct redis_server *server = *state;
	struct seen seen;
	seen_open_server(&seen, server);
	seen.send_on_null = true;
	redis_server_pause(server); /* so that nothing is answered before the kill */
	for (int i = 0; i < 50; i++)
		assert_int_equal(seen_send_text(&seen, "INCR kills"), 0);
	uv_run(&seen_loop, UV_RUN_NOWAIT);
	redis_server_kill(server);
	seen_run_until(&seen.downs, 1);
	assert_int_equal(seen.answers, 50);
	assert_int_equal(seen.nulls, 50);
	assert_int_equal(seen.refused, 50);
	assert_int_equal(seen.kind, BUD_REDIS_ERROR_LOST);
	assert_false(bud_redis_is_up(seen.redis));
	seen_run_until(&seen.downs, 2);
	assert_non_null(strstr(seen.reason, "cannot connect"));
	redis_server_restart(server, NULL, true);
	seen_run_until(&seen.ups, 2);
	assert_int_equal(seen_send_text(&seen, "PING"), 0);
	seen_run_until(&seen.answers, 51);
	assert_int_equal(seen.nulls, 50);
	seen_close_all(&seen);
}

static void test_deadline(void **state)
{
	struct redis_server *server = *state;
	struct seen seen;
	seen_open_url(&seen, server->url, 1000);
	seen_run_until(&seen.ups, 1);
	redis_server_pause(server);
	int64_t start_ms = bud_clock_mono_ms();
	assert_int_equal(seen_send_text(&seen, "PING"), 0);
	assert_int_equal(seen_send_text(&seen, "PING"), 0);
	seen_run_until(&seen.nulls, 2);
	assert_in_range(bud_clock_mono_ms() - start_ms, 995, 10000);
	assert_string_equal(seen.reason, "Redis does not answer");
	redis_server_resume(server);
	seen_run_until(&seen.ups, 2);
	seen_close_all(&seen);
	assert_int_equal(seen.answers, 2);
}

/* If we slept and Redis has answered meanwhile, nothing is lost. */
static void test_own_sleep(void **state)
{
	struct seen seen;
	seen_open_url(&seen, ((struct redis_server *)*state)->url, 1000);
	seen_run_until(&seen.ups, 1);
	assert_int_equal(seen_send_text(&seen, "PING"), 0);
	uv_run(&seen_loop, UV_RUN_NOWAIT);
	redis_server_do(*state, "PING"); /* by now it has answered the first one, too */
	usleep(1100000);
	seen_run_until(&seen.answers, 1);
	assert_int_equal(seen.nulls, 0);
	seen_close_all(&seen);
}

/* A socket bound to a free port of 127.0.0.1: nobody listens there. */
static int take_port(int *out_port)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	*out_port = ntohs(address.sin_port);
	return fd;
}

/* By name, which may stand for an IPv6 address, too, where nobody listens. */
static void test_tcp(void **state)
{
	struct seen seen;
	int port;
	char url[64];
	close(take_port(&port));
	redis_server_do(*state, "CONFIG SET bind 127.0.0.1 port %d", port);
	(void)snprintf(url, sizeof(url), "redis://localhost:%d", port);
	seen_open_url(&seen, url, 0);
	seen_run_until(&seen.ups, 1);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(seen_send_text(&seen, "INCR tcp"), 0);
	seen_run_until(&seen.answers, 1000);
	assert_int_equal(seen.last, 1000);
	assert_int_equal(seen.order_breaks, 0);
	redis_server_do(*state, "CLIENT KILL TYPE normal");
	seen_run_until(&seen.ups, 2);
	seen_close_all(&seen);
}

static void test_refused(void **state)
{
	(void)state;
	struct seen seen;
	seen_open_url(&seen, "unix:/nonexistent/socket", 0);
	seen_run_until(&seen.downs, 1);
	assert_string_equal(seen.reason, "cannot connect: No such file or directory");
	seen_close_all(&seen);
	int port;
	int fd = take_port(&port);
	char url[64];
	(void)snprintf(url, sizeof(url), "redis://localhost:%d", port);
	seen_open_url(&seen, url, 0);
	seen_run_until(&seen.downs, 1);
	assert_string_equal(seen.reason, "cannot connect: Connection refused");
	seen_close_all(&seen);
	close(fd);
	seen_open_url(&seen, "redis://name.invalid", 0);
	seen_close_all(&seen); /* while it is being resolved */
	assert_int_equal(seen.downs, 0);
}

static void test_scripts(void **state)
{
	struct seen seen;
	seen_open_server(&seen, *state);
	const char *argv[] = {"scripted"};
	struct bud_redis_args args = {1, 1, argv, NULL};
	assert_int_equal(
		bud_redis_script(seen.redis, &seen_scripts[1], seen_on_answer, &seen, &args), 0);
	seen_run_until(&seen.answers, 1);
	assert_int_equal(seen.last, 1);
	/* Forgotten: the only command is sent again. */
	redis_server_do(*state, "SCRIPT FLUSH");
	assert_int_equal(
		bud_redis_script(seen.redis, &seen_scripts[1], seen_on_answer, &seen, &args), 0);
	seen_run_until(&seen.answers, 2);
	assert_int_equal(seen.last, 2);
	assert_int_equal(seen.errors + seen.nulls + seen.downs, 0);
	/* Forgotten with others behind it: all are lost rather than carried out in another order.
	 */
	redis_server_do(*state, "SCRIPT FLUSH");
	assert_int_equal(
		bud_redis_script(seen.redis, &seen_scripts[1], seen_on_answer, &seen, &args), 0);
	assert_int_equal(seen_send_text(&seen, "PING"), 0);
	seen_run_until(&seen.nulls, 2);
	seen_run_until(&seen.ups, 2);
	assert_int_equal(
		bud_redis_script(seen.redis, &seen_scripts[1], seen_on_answer, &seen, &args), 0);
	seen_run_until(&seen.answers, 5);
	assert_int_equal(seen.last, 3);
	assert_int_equal(seen.errors, 0);
	seen_close_all(&seen);
}

static void test_close_in_callback(void **state)
{
	struct seen seen;
	seen_open_server(&seen, *state);
	seen.close_on_answer = true;
	for (int i = 0; i < 10; i++)
		assert_int_equal(seen_send_text(&seen, "PING"), 0);
	seen_run_until(&seen.answers, 1);
	seen_close_all(&seen);
	assert_int_equal(seen.answers, 10);
	assert_int_equal(seen.nulls, 9);
	assert_int_equal(seen.downs, 0);
	/* While pending commands are told of a loss; then in seen_on_down, which comes after them.
	 */
	for (int i = 0; i < 2; i++) {
		seen_open_server(&seen, *state);
		redis_server_do(*state, "CLIENT KILL TYPE normal SKIPME yes");
		seen.close_on_answer = i == 0;
		seen.close_on_down = i == 1;
		assert_int_equal(seen_send_text(&seen, "PING"), 0);
		assert_int_equal(seen_send_text(&seen, "PING"), 0);
		uv_run(&seen_loop, UV_RUN_DEFAULT);
		assert_int_equal(seen.nulls, 2);
		assert_int_equal(seen.downs, i);
		assert_null(seen.redis);
		seen_close_all(&seen);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_pipeline),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_kill),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_own_sleep),
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_scripts),
		cmocka_unit_test(test_close_in_callback),
	};
	return cmocka_run_group_tests(tests, seen_set_up, seen_tear_down);
}
