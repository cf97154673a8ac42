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
#include "core/error.h"
#include "redis/client.h"
#include "redis/error.h"
#include "redis/url.h"
#include "redis_server.h"

#define PATIENCE_MS 8000

static const struct bud_redis_script scripts[] = {
	{"echo", "return {KEYS[1], ARGV[1], #KEYS, #ARGV}"},
	{"write", "#!lua flags=allow-oom\nreturn redis.call('INCR', KEYS[1])"},
};

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

static uv_loop_t loop;

static void on_up(void *owner)
{
	((struct seen *)owner)->ups++;
}

static void close_client(struct seen *seen)
{
	bud_redis_close(bud_move(seen->redis));
}

static void on_down(void *owner, const char *reason)
{
	struct seen *seen = owner;
	seen->downs++;
	(void)snprintf(seen->reason, sizeof(seen->reason), "%s", reason);
	if (seen->close_on_down)
		close_client(seen);
}

static int send_text(struct seen *seen, const char *text);

static void on_answer(void *owner, const redisReply *reply)
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
		seen->refused += send_text(seen, "PING") == -ENOTCONN;
	if (seen->close_on_answer && seen->redis)
		close_client(seen);
}

/* Words separated by single spaces. */
static int send_text(struct seen *seen, const char *text)
{
	char copy[200];
	const char *argv[16];
	int argc = 0;
	(void)snprintf(copy, sizeof(copy), "%s", text);
	for (char *word = strtok(copy, " "); word && argc < 16; word = strtok(NULL, " "))
		argv[argc++] = word;
	return bud_redis_command(seen->redis, on_answer, seen, argc, argv, NULL);
}

static void on_patience_ends(uv_timer_t *timer)
{
	*(bool *)timer->data = true;
}

/* Runs the loop until *number reaches `least`. */
static void run_until(const int *number, int least)
{
	bool is_over = false;
	uv_timer_t timer;
	uv_timer_init(&loop, &timer);
	timer.data = &is_over;
	uv_timer_start(&timer, on_patience_ends, PATIENCE_MS, 0);
	while (*number < least && !is_over)
		uv_run(&loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&timer, NULL);
	uv_run(&loop, UV_RUN_NOWAIT);
	assert_true(*number >= least);
}

static void open_url(struct seen *seen, const char *text, int timeout_ms)
{
	struct bud_redis_url url;
	struct bud_error error;
	*seen = (struct seen){0};
	assert_int_equal(bud_redis_url_parse(text, &url, &error), 0);
	struct bud_redis_options options = {
		.url = &url,
		.scripts = scripts,
		.scripts_n = 2,
		.command_timeout_ms = timeout_ms,
		.on_up = on_up,
		.on_down = on_down,
		.owner = seen,
	};
	seen->redis = bud_redis_open(&loop, &options);
	bud_redis_url_finish(&url);
	assert_int_equal(seen->ups + seen->downs, 0);
}

static void open_server(struct seen *seen, struct redis_server *server)
{
	open_url(seen, server->url, 0);
	assert_int_equal(send_text(seen, "PING"), -ENOTCONN);
	run_until(&seen->ups, 1);
	assert_true(bud_redis_is_up(seen->redis));
}

/* Nothing may stay on the loop. */
static void close_all(struct seen *seen)
{
	if (seen->redis)
		close_client(seen);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_alive(&loop), 0);
}

static void test_commands(void **state)
{
	struct seen seen;
	open_server(&seen, *state);
	assert_int_equal(send_text(&seen, "SET text hello"), 0);
	assert_int_equal(send_text(&seen, "GET text"), 0);
	assert_int_equal(seen.answers, 0);
	run_until(&seen.answers, 2);
	assert_string_equal(seen.text, "hello");
	assert_int_equal(send_text(&seen, "INCR text"), 0);
	run_until(&seen.answers, 3);
	assert_int_equal(seen.kind, BUD_REDIS_ERROR_BUG);
	/* Binary arguments, and nobody who wants the reply. */
	const char *argv[] = {"SET", "b\0in", "x\r\ny"};
	const size_t lens[] = {3, 4, 4};
	assert_int_equal(bud_redis_command(seen.redis, NULL, NULL, 3, argv, lens), 0);
	redisReply *reply = redis_server_ask(*state, "GET %b", "b\0in", (size_t)4);
	freeReplyObject(reply);
	assert_int_equal(send_text(&seen, "PING"), 0);
	run_until(&seen.answers, 4);
	reply = redis_server_ask(*state, "GET %b", "b\0in", (size_t)4);
	assert_int_equal(reply->len, 4);
	freeReplyObject(reply);
	close_all(&seen);
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
	open_server(&seen, *state);
	long long reads = stat_of(*state, "total_reads_processed");
	for (int i = 0; i < 1000; i++)
		assert_int_equal(send_text(&seen, "INCR counter"), 0);
	assert_int_equal(bud_redis_pending(seen.redis), 1000);
	run_until(&seen.answers, 1000);
	assert_int_equal(seen.last, 1000);
	assert_int_equal(seen.order_breaks, 0);
	/* Written together: 29 KB, which Redis reads 16 KB at a time. */
	assert_in_range(stat_of(*state, "total_reads_processed") - reads, 1, 8);
	close_all(&seen);
}

static void test_bound(void **state)
{
	struct seen seen;
	open_server(&seen, *state);
	for (unsigned i = 0; i < BUD_REDIS_PENDING_MAX; i++)
		assert_int_equal(send_text(&seen, "PING"), 0);
	assert_int_equal(send_text(&seen, "PING"), -ENOBUFS);
	run_until(&seen.answers, (int)BUD_REDIS_PENDING_MAX);
	assert_int_equal(send_text(&seen, "PING"), 0);
	close_all(&seen);
	assert_int_equal(seen.nulls, 1);
}

static void test_kill(void **state)
{
	struct redis_server *server = *state;
	struct seen seen;
	open_server(&seen, server);
	seen.send_on_null = true;
	redis_server_pause(server); /* so that nothing is answered before the kill */
	for (int i = 0; i < 50; i++)
		assert_int_equal(send_text(&seen, "INCR kills"), 0);
	uv_run(&loop, UV_RUN_NOWAIT);
	redis_server_kill(server);
	run_until(&seen.downs, 1);
	assert_int_equal(seen.answers, 50);
	assert_int_equal(seen.nulls, 50);
	assert_int_equal(seen.refused, 50);
	assert_int_equal(seen.kind, BUD_REDIS_ERROR_LOST);
	assert_false(bud_redis_is_up(seen.redis));
	run_until(&seen.downs, 2);
	assert_non_null(strstr(seen.reason, "cannot connect"));
	redis_server_restart(server, NULL, true);
	run_until(&seen.ups, 2);
	assert_int_equal(send_text(&seen, "PING"), 0);
	run_until(&seen.answers, 51);
	assert_int_equal(seen.nulls, 50);
	close_all(&seen);
}

static void test_deadline(void **state)
{
	struct redis_server *server = *state;
	struct seen seen;
	open_url(&seen, server->url, 200);
	run_until(&seen.ups, 1);
	redis_server_pause(server);
	int64_t start_ms = bud_clock_mono_ms();
	assert_int_equal(send_text(&seen, "PING"), 0);
	assert_int_equal(send_text(&seen, "PING"), 0);
	run_until(&seen.nulls, 2);
	assert_in_range(bud_clock_mono_ms() - start_ms, 195, 1500);
	assert_string_equal(seen.reason, "Redis does not answer");
	redis_server_resume(server);
	run_until(&seen.ups, 2);
	close_all(&seen);
	assert_int_equal(seen.answers, 2);
}

/* If we slept and Redis has answered meanwhile, nothing is lost. */
static void test_own_sleep(void **state)
{
	struct seen seen;
	open_url(&seen, ((struct redis_server *)*state)->url, 50);
	run_until(&seen.ups, 1);
	assert_int_equal(send_text(&seen, "PING"), 0);
	uv_run(&loop, UV_RUN_NOWAIT);
	usleep(100000);
	run_until(&seen.answers, 1);
	assert_int_equal(seen.nulls, 0);
	close_all(&seen);
}

static void test_refused(void **state)
{
	(void)state;
	struct seen seen;
	open_url(&seen, "unix:/nonexistent/socket", 0);
	run_until(&seen.downs, 1);
	assert_string_equal(seen.reason, "cannot connect: No such file or directory");
	close_all(&seen);
	/* A port that was free a moment ago, by name: resolved without blocking. */
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	char url[64];
	(void)snprintf(url, sizeof(url), "redis://localhost:%d", ntohs(address.sin_port));
	open_url(&seen, url, 0);
	run_until(&seen.downs, 1);
	assert_string_equal(seen.reason, "cannot connect: Connection refused");
	close_all(&seen);
	close(fd);
	open_url(&seen, "redis://name.invalid", 0);
	close_all(&seen); /* while it is being resolved */
	assert_int_equal(seen.downs, 0);
}

static void test_scripts(void **state)
{
	struct seen seen;
	open_server(&seen, *state);
	const char *argv[] = {"scripted"};
	struct bud_redis_args args = {1, 1, argv, NULL};
	assert_int_equal(bud_redis_script(seen.redis, &scripts[1], on_answer, &seen, &args), 0);
	run_until(&seen.answers, 1);
	assert_int_equal(seen.last, 1);
	/* Forgotten: the only command is sent again. */
	redis_server_do(*state, "SCRIPT FLUSH");
	assert_int_equal(bud_redis_script(seen.redis, &scripts[1], on_answer, &seen, &args), 0);
	run_until(&seen.answers, 2);
	assert_int_equal(seen.last, 2);
	assert_int_equal(seen.errors + seen.nulls + seen.downs, 0);
	/* Forgotten with others behind it: all are lost rather than carried out in another order.
	 */
	redis_server_do(*state, "SCRIPT FLUSH");
	assert_int_equal(bud_redis_script(seen.redis, &scripts[1], on_answer, &seen, &args), 0);
	assert_int_equal(send_text(&seen, "PING"), 0);
	run_until(&seen.nulls, 2);
	run_until(&seen.ups, 2);
	assert_int_equal(bud_redis_script(seen.redis, &scripts[1], on_answer, &seen, &args), 0);
	run_until(&seen.answers, 5);
	assert_int_equal(seen.last, 3);
	assert_int_equal(seen.errors, 0);
	close_all(&seen);
}

static void test_close_in_callback(void **state)
{
	struct seen seen;
	open_server(&seen, *state);
	seen.close_on_answer = true;
	for (int i = 0; i < 10; i++)
		assert_int_equal(send_text(&seen, "PING"), 0);
	run_until(&seen.answers, 1);
	close_all(&seen);
	assert_int_equal(seen.answers, 10);
	assert_int_equal(seen.nulls, 9);
	assert_int_equal(seen.downs, 0);
	/* While pending commands are told of a loss; then in on_down, which comes after them. */
	for (int i = 0; i < 2; i++) {
		open_server(&seen, *state);
		redis_server_do(*state, "CLIENT KILL TYPE normal SKIPME yes");
		seen.close_on_answer = i == 0;
		seen.close_on_down = i == 1;
		assert_int_equal(send_text(&seen, "PING"), 0);
		assert_int_equal(send_text(&seen, "PING"), 0);
		uv_run(&loop, UV_RUN_DEFAULT);
		assert_int_equal(seen.nulls, 2);
		assert_int_equal(seen.downs, i);
		assert_null(seen.redis);
		close_all(&seen);
	}
}

static void test_role_change(void **state)
{
	struct redis_server *server = *state;
	struct seen seen;
	open_server(&seen, server);
	redis_server_do(server, "REPLICAOF 127.0.0.1 1");
	/* Redis also closes blocked clients then; we find out by being refused. */
	assert_int_equal(send_text(&seen, "SET a b"), 0);
	assert_int_equal(send_text(&seen, "PING"), 0);
	run_until(&seen.answers, 2);
	assert_int_equal(seen.errors, 1);
	assert_int_equal(seen.nulls, 1);
	run_until(&seen.downs, 2);
	assert_string_equal(seen.reason, "Redis is a replica; its master is needed");
	redis_server_do(server, "REPLICAOF NO ONE");
	run_until(&seen.ups, 2);
	close_all(&seen);
}

static void test_policy(void **state)
{
	struct redis_server *server = *state;
	struct seen seen;
	redis_server_do(server, "CONFIG SET maxmemory 100mb maxmemory-policy allkeys-lru");
	open_url(&seen, server->url, 0);
	run_until(&seen.downs, 1);
	assert_string_equal(seen.reason, "maxmemory-policy is allkeys-lru, which lets Redis "
					 "delete events; set it to noeviction");
	redis_server_do(server, "CONFIG SET maxmemory-policy noeviction");
	run_until(&seen.ups, 1);
	assert_int_equal(seen.downs, 1); /* told once, though tried more often */
	close_all(&seen);
	redis_server_do(server, "CONFIG SET maxmemory 0");
}

static void test_password_and_database(void **state)
{
	struct redis_server *server = *state;
	redis_server_do(server, "ACL SETUSER carrier on >a@b:c ~* +@all");
	redis_server_do(server, "CONFIG SET requirepass secret");
	struct seen seen;
	open_url(&seen, server->url, 0);
	run_until(&seen.downs, 1);
	assert_non_null(strstr(seen.reason, "NOAUTH"));
	close_all(&seen);
	struct bud_redis_url url = {
		.unix_path = server->socket, .user = "carrier", .password = "a@b:c", .db = 3};
	struct bud_redis_options options = {
		.url = &url, .on_up = on_up, .on_down = on_down, .owner = &seen};
	seen = (struct seen){.redis = bud_redis_open(&loop, &options)};
	run_until(&seen.ups, 1);
	assert_int_equal(send_text(&seen, "CLIENT INFO"), 0);
	run_until(&seen.answers, 1);
	assert_non_null(strstr(seen.text, " db=3 "));
	close_all(&seen);
	url.password = "wrong";
	seen = (struct seen){.redis = bud_redis_open(&loop, &options)};
	run_until(&seen.downs, 1);
	assert_non_null(strstr(seen.reason, "Redis refused AUTH: WRONGPASS"));
	close_all(&seen);
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
	open_url(&seen, server.url, 0);
	run_until(&seen.ups, 1);
	assert_string_equal(seen.reason, "Redis is loading its data");
	close_all(&seen);
	redis_server_finish(&server);
}

static int set_up(void **state)
{
	static struct redis_server server;
	redis_server_start(&server, NULL);
	uv_loop_init(&loop);
	*state = &server;
	return 0;
}

static int tear_down(void **state)
{
	redis_server_finish(*state);
	return uv_loop_close(&loop);
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
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_scripts),
		cmocka_unit_test(test_close_in_callback),
		cmocka_unit_test(test_role_change),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_password_and_database),
		cmocka_unit_test(test_loading),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
