/* The embedded redis-server: it comes up, comes back with its data after a kill, and a data
 * directory never has two of them, whoever was killed before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ftw.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>
#include "app/redis_child.h"
#include "core/alloc.h"
#include "core/error.h"
#include "core/log.h"

#define PATIENCE_MS 30000

struct seen {
	struct bud_redis_child *child;
	int readies, downs, stops;
	char url[200];
	char reason[600];
};

static uv_loop_t loop;
static char base[64];

static void on_ready(void *owner, const char *url)
{
	struct seen *seen = owner;
	seen->readies++;
	(void)snprintf(seen->url, sizeof(seen->url), "%s", url);
}

static void on_down(void *owner, const char *reason)
{
	struct seen *seen = owner;
	seen->downs++;
	(void)snprintf(seen->reason, sizeof(seen->reason), "%s", reason);
}

static void on_stopped(void *owner)
{
	((struct seen *)owner)->stops++;
}

static void on_patience_ends(uv_timer_t *timer)
{
	*(bool *)timer->data = true;
}

/* Runs the loop for at most `ms`, or until *number reaches `least`. */
static bool run_for(const int *number, int least, uint64_t ms)
{
	bool is_over = false;
	uv_timer_t timer;
	uv_timer_init(&loop, &timer);
	timer.data = &is_over;
	uv_timer_start(&timer, on_patience_ends, ms, 0);
	while (*number < least && !is_over)
		uv_run(&loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&timer, NULL);
	uv_run(&loop, UV_RUN_NOWAIT);
	return *number >= least;
}

static void run_until(const int *number, int least)
{
	assert_true(run_for(number, least, PATIENCE_MS));
}

static int start(struct seen *seen, const char *dir, const char *program, struct bud_error *error)
{
	*seen = (struct seen){0};
	struct bud_redis_child_options options = {
		.data_dir = dir,
		.maxmemory_bytes = 50u << 20,
		.program = program,
		.on_ready = on_ready,
		.on_down = on_down,
		.owner = seen,
	};
	seen->child = bud_redis_child_start(&loop, &options, error);
	return seen->child ? 0 : -1;
}

static void stop(struct seen *seen)
{
	bud_redis_child_stop(bud_move(seen->child), on_stopped);
	run_until(&seen->stops, 1);
	uv_run(&loop, UV_RUN_DEFAULT);
}

static const char *in_base(const char *name)
{
	static char path[128];
	(void)snprintf(path, sizeof(path), "%s/%s", base, name);
	return path;
}

static pid_t server_pid(const char *dir)
{
	char path[200];
	int pid = 0;
	(void)snprintf(path, sizeof(path), "%s/redis.lock", dir);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%d", &pid), 1);
	fclose(file);
	return pid;
}

/* Whether `pid` runs; a zombie does not. */
static bool is_running(pid_t pid)
{
	char path[64];
	char text[256] = "";
	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "r");
	if (!file)
		return false;
	char *line = fgets(text, sizeof(text), file);
	fclose(file);
	char *end = line ? strrchr(line, ')') : NULL;
	return end && end[2] != 'Z';
}

/* The reply as text; the command has no spaces within its words. */
static void ask(const char *url, const char *command, char out[64])
{
	redisContext *context = redisConnectUnix(url + strlen("unix:"));
	assert_true(context && !context->err);
	redisReply *reply = redisCommand(context, command);
	assert_non_null(reply);
	(void)snprintf(out, 64, "%s", reply->str ? reply->str : "");
	if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2)
		(void)snprintf(out, 64, "%s", reply->element[1]->str);
	freeReplyObject(reply);
	redisFree(context);
}

static void assert_answer(const char *url, const char *command, const char *expected)
{
	char text[64];
	ask(url, command, text);
	assert_string_equal(text, expected);
}

static void test_start_and_restart(void **state)
{
	(void)state;
	struct seen seen;
	struct bud_error error;
	const char *dir = in_base("first");
	assert_int_equal(start(&seen, dir, NULL, &error), 0);
	assert_int_equal(seen.readies, 0);
	run_until(&seen.readies, 1);
	assert_answer(seen.url, "SET kept yes", "OK");
	assert_answer(seen.url, "CONFIG GET appendfsync", "always");
	assert_answer(seen.url, "CONFIG GET maxmemory-policy", "noeviction");
	assert_answer(seen.url, "CONFIG GET maxmemory", "52428800");
	struct stat info;
	assert_int_equal(stat(dir, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0700);
	assert_int_equal(stat(in_base("first/redis.conf"), &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	dir = in_base("first");
	for (int i = 1; i <= 2; i++) {
		assert_int_equal(kill(server_pid(dir), SIGKILL), 0);
		run_until(&seen.downs, i);
		assert_string_equal(seen.reason, "redis-server was ended by signal 9");
		run_until(&seen.readies, 1 + i);
		assert_answer(seen.url, "GET kept", "yes");
	}
	pid_t pid = server_pid(dir);
	stop(&seen);
	assert_false(is_running(pid));
	assert_int_equal(seen.downs, 2);
}

static void test_second_is_refused(void **state)
{
	(void)state;
	struct seen seen;
	struct seen second;
	struct bud_error error;
	char expected[64];
	assert_int_equal(start(&seen, in_base("shared"), NULL, &error), 0);
	assert_int_equal(start(&second, in_base("shared"), NULL, &error), -1);
	(void)snprintf(expected, sizeof(expected), "is in use by process %d;", (int)getpid());
	assert_non_null(strstr(error.text, expected));
	run_until(&seen.readies, 1); /* and the first one has not been harmed */
	stop(&seen);
	assert_int_equal(start(&second, in_base("shared"), NULL, &error), 0);
	stop(&second); /* before it was started */
	assert_int_equal(second.readies, 0);
}

static void on_helper_ready(void *owner, const char *url)
{
	(void)url;
	(void)!write(*(int *)owner, "r", 1);
}

/* Another dispatcher, in a process of its own, that never ends by itself. */
static pid_t start_helper(const char *dir)
{
	int ready[2];
	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		uv_loop_t own;
		uv_loop_init(&own);
		struct bud_redis_child_options options = {
			.data_dir = dir, .on_ready = on_helper_ready, .owner = &ready[1]};
		if (!bud_redis_child_start(&own, &options, NULL))
			_exit(1);
		uv_run(&own, UV_RUN_DEFAULT);
		_exit(2);
	}
	close(ready[1]);
	char byte;
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void kill_helper(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* The old server ends by itself, or does not (it is stopped) until it may. */
static void test_killed_dispatcher(void **state)
{
	(void)state;
	char dir[128];
	char url[160];
	(void)snprintf(dir, sizeof(dir), "%s", in_base("orphan"));
	(void)snprintf(url, sizeof(url), "unix:%s/redis.sock", dir);
	for (int is_slow = 0; is_slow <= 1; is_slow++) {
		struct seen seen;
		struct bud_error error;
		pid_t helper = start_helper(dir);
		pid_t old = server_pid(dir);
		assert_answer(url, is_slow ? "SET slow 1" : "SET fast 1", "OK");
		if (is_slow)
			assert_int_equal(kill(old, SIGSTOP), 0);
		kill_helper(helper);
		assert_int_equal(start(&seen, dir, NULL, &error), 0);
		if (is_slow) {
			assert_false(run_for(&seen.readies, 1, 500));
			assert_int_equal(server_pid(dir), old);
			assert_int_equal(kill(old, SIGCONT), 0);
		}
		run_until(&seen.readies, 1);
		assert_false(is_running(old));
		assert_int_not_equal(server_pid(dir), old);
		assert_answer(url, "GET fast", "1");
		assert_answer(url, "GET slow", is_slow ? "1" : "");
		stop(&seen);
	}
}

/* What holds the lock and works in the directory, but is not the server of record: a rewrite of the
 * AOF whose server was killed. Nobody waits for it. */
static void test_orphaned_rewrite(void **state)
{
	(void)state;
	struct seen seen;
	struct bud_error error;
	const char *dir = in_base("rewrite");
	assert_int_equal(start(&seen, dir, NULL, &error), 0);
	run_until(&seen.readies, 1);
	assert_answer(seen.url, "CONFIG SET rdb-key-save-delay 10000000", "OK");
	assert_answer(seen.url, "SET a b", "OK");
	assert_answer(seen.url, "BGREWRITEAOF", "Background append only file rewriting started");
	assert_int_equal(kill(server_pid(dir), SIGKILL), 0);
	run_until(&seen.readies, 2);
	assert_answer(seen.url, "GET a", "b");
	stop(&seen);
}

static void test_errors(void **state)
{
	(void)state;
	struct seen seen;
	struct bud_error error;
	assert_int_equal(start(&seen, in_base("no/parent"), NULL, &error), -1);
	assert_non_null(strstr(error.text, "No such file or directory"));
	assert_int_equal(start(&seen, in_base("x"), "/nonexistent/redis-server", &error), -1);
	assert_string_equal(
		error.text, "cannot run /nonexistent/redis-server: No such file or directory");
	char *path = bud_strdup(getenv("PATH"));
	setenv("PATH", "/nonexistent", 1);
	assert_int_equal(start(&seen, in_base("x"), NULL, &error), -1);
	assert_non_null(strstr(error.text, "redis-server is not installed"));
	setenv("PATH", path, 1);
	free(path);
	assert_int_equal(start(&seen, in_base("x"), "/bin/false", &error), 0);
	run_until(&seen.downs, 2);
	assert_non_null(strstr(seen.reason, "redis-server ended with status 1"));
	stop(&seen);
	assert_int_equal(start(&seen, in_base("x"), base, &error), 0); /* a directory */
	run_until(&seen.downs, 1);
	assert_non_null(strstr(seen.reason, "Permission denied"));
	stop(&seen);
}

static void test_long_path(void **state)
{
	(void)state;
	struct seen seen;
	struct bud_error error;
	char dir[160];
	(void)snprintf(dir, sizeof(dir), "%s/%080d", base, 0);
	assert_int_equal(start(&seen, dir, NULL, &error), 0);
	run_until(&seen.readies, 1);
	assert_answer(seen.url, "SET a b", "OK");
	assert_non_null(strstr(seen.url, "unix:/proc/self/fd/"));
	stop(&seen);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *ftw)
{
	(void)info;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static int set_up(void **state)
{
	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	bud_log_init(BUD_LOG_ERROR, false);
	(void)snprintf(base, sizeof(base), "/tmp/bud-child-XXXXXX");
	if (!mkdtemp(base))
		return -1;
	return uv_loop_init(&loop);
}

static int tear_down(void **state)
{
	(void)state;
	(void)nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return uv_loop_close(&loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start_and_restart),
		cmocka_unit_test(test_second_is_refused),
		cmocka_unit_test(test_killed_dispatcher),
		cmocka_unit_test(test_orphaned_rewrite),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_long_path),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
