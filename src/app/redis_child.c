/* taking -> running -> waiting -> taking ...; stopping is possible from every state.
 *
 * Taking means: until `redis.lock` is ours, the server of an earlier start is asked to end (it has
 * SIGTERM already, from PR_SET_PDEATHSIG), so there are never two on one directory. A restart after
 * a crash takes the same way. What `appendfsync always` has answered survives even SIGKILL.
 * "Ready" is what a connection of ours says, checks and all: a slow load has no time limit. */
#include "app/redis_child.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "app/redis_home.h"
#include "config/redis_url.h"
#include "core/error.h"
#include "core/log.h"
#include "core/text.h"
#include "redis/client.h"

#define TAKE_EVERY_MS  100
#define TAKE_LOG_EVERY 50 /* rounds */
#define FORCE_AFTER_MS 30000
#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 5000
#define STEADY_MS      30000 /* lived so long: the next back-off starts from the beginning */
#define REASON_BYTES   600

enum state { CHILD_TAKING, CHILD_RUNNING, CHILD_WAITING, CHILD_STOPPING };

struct bud_redis_child {
	uv_loop_t *loop;
	struct bud_redis_child_options options;
	struct bud_redis_home home;
	char *program;
	enum state state;
	pid_t pid;               /* running; stopping until it has ended */
	struct bud_redis *probe; /* running */
	uv_timer_t timer;
	uv_signal_t sigchld;
	int handles_open;
	unsigned rounds; /* of taking */
	unsigned backoff_ms;
	uint64_t started_ms;
	bud_redis_child_stopped_fn on_stopped;
};

static void take(struct bud_redis_child *child);
static void launch(struct bud_redis_child *child, int lock_fd);
static void on_sigchld(uv_signal_t *signal, int number);
static void on_exit_status(struct bud_redis_child *child, int status);
static void on_timer(uv_timer_t *timer);

static void set_state(struct bud_redis_child *child, enum state state)
{
	static const unsigned from[] = {
		[CHILD_TAKING] = 1 << CHILD_WAITING,
		[CHILD_RUNNING] = 1 << CHILD_TAKING,
		[CHILD_WAITING] = 1 << CHILD_TAKING | 1 << CHILD_RUNNING,
		[CHILD_STOPPING] = 1 << CHILD_TAKING | 1 << CHILD_RUNNING | 1 << CHILD_WAITING,
	};
	assert(from[state] & 1u << child->state);
	child->state = state;
}

/* NULL: not in PATH. */
static char *find_in_path(const char *name)
{
	const char *path = getenv("PATH");
	for (const char *at = path ? path : "/usr/bin:/bin"; *at;) {
		size_t len = strcspn(at, ":");
		struct bud_buffer file = {0};
		bud_buffer_format(&file, "%.*s/%s", (int)len, at, name);
		if (*at == '/' && access(file.at, X_OK) == 0)
			return file.at;
		bud_buffer_finish(&file);
		at += at[len] ? len + 1 : len;
	}
	return NULL;
}

/* An absolute path: the server is started from another directory. Symbolic links stay, Redis looks
 * at the name it was called by. */
static char *find_program(const char *program, struct bud_error *error)
{
	if (program) {
		if (*program == '/' && access(program, X_OK) == 0)
			return bud_strdup(program);
		(void)bud_error_set(error, NULL, "cannot run %s: %s", program,
			*program == '/' ? strerror(errno) : "not an absolute path");
		return NULL;
	}
	char *found = find_in_path("redis-server");
	if (!found)
		found = find_in_path("valkey-server");
	if (!found)
		(void)bud_error_set(error, NULL,
			"redis-server is not installed; install Redis 7 or newer (apt install "
			"redis-server), or set redis.url to one that runs elsewhere");
	return found;
}

struct bud_redis_child *bud_redis_child_start(
	uv_loop_t *loop, const struct bud_redis_child_options *options, struct bud_error *error)
{
	char *program = find_program(options->program, error);
	if (!program)
		return NULL;
	struct bud_redis_home home;
	if (bud_redis_home_open(&home, options->data_dir, error) < 0) {
		free(program);
		return NULL;
	}
	if (bud_redis_home_write_conf(&home, options->maxmemory_bytes, error) < 0) {
		bud_redis_home_close(&home);
		free(program);
		return NULL;
	}
	struct bud_redis_child *child = bud_new(struct bud_redis_child);
	child->loop = loop;
	child->options = *options;
	child->options.data_dir = NULL; /* only borrowed, and home has it */
	child->home = home;
	child->program = program;
	child->state = CHILD_TAKING;
	child->backoff_ms = BACKOFF_MIN_MS;
	child->handles_open = 2;
	(void)uv_timer_init(loop, &child->timer);
	child->timer.data = child;
	(void)uv_signal_init(loop, &child->sigchld);
	child->sigchld.data = child;
	(void)uv_signal_start(&child->sigchld, on_sigchld, SIGCHLD);
	(void)uv_timer_start(&child->timer, on_timer, 0, 0);
	return child;
}

/* ---- up ---- */

static void wait_and_retry(struct bud_redis_child *child, const char *reason)
{
	set_state(child, CHILD_WAITING);
	(void)uv_timer_start(&child->timer, on_timer, child->backoff_ms, 0);
	bud_log_error("embedded redis is down", "reason", reason, "retry_in_ms",
		bud_log_number(child->backoff_ms));
	child->backoff_ms *= 2;
	if (child->backoff_ms > BACKOFF_MAX_MS)
		child->backoff_ms = BACKOFF_MAX_MS;
	if (child->options.on_down)
		child->options.on_down(child->options.owner, reason);
}

static void take(struct bud_redis_child *child)
{
	int fd = bud_redis_home_lock_server(&child->home);
	if (fd >= 0) {
		child->rounds = 0;
		launch(child, fd);
		return;
	}
	if (fd != -EWOULDBLOCK) {
		wait_and_retry(child, strerror(-fd));
		return;
	}
	bool force = child->rounds * TAKE_EVERY_MS >= FORCE_AFTER_MS;
	pid_t pid = bud_redis_home_end_server(&child->home, force);
	if (child->rounds++ % TAKE_LOG_EVERY == 0)
		bud_log_info("waiting for the redis-server of an earlier start to end", "pid",
			bud_log_number(pid));
	(void)uv_timer_start(&child->timer, on_timer, TAKE_EVERY_MS, 0);
}

/* After fork(): only calls that are safe there, other threads may hold any lock. */
static void become_server(struct bud_redis_child *child, int lock_fd, pid_t parent, int report_fd)
{
	char *argv[] = {child->program, "redis.conf", NULL};
	for (int i = 1; i < NSIG; i++)
		(void)signal(i, SIG_DFL); /* libuv's handler would write to the parent's pipe */
	sigset_t none;
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)setsid(); /* a Ctrl-C in the terminal is for the dispatcher, which drains first */
	(void)umask(077);
	bool ok = prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && fchdir(child->home.dir_fd) == 0;
	int in = open("/dev/null", O_RDONLY);
	int out = open("redis.log", O_WRONLY | O_APPEND | O_CREAT, 0600);
	ok = ok && dup2(in, 0) == 0 && dup2(out, 1) == 1 && dup2(out, 2) == 2;
	bud_redis_home_sign_lock(lock_fd);
	(void)close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
	ok = ok && fcntl(lock_fd, F_SETFD, 0) == 0;
	if (ok && getppid() == parent) /* else it died before PDEATHSIG was set */
		(void)execv(child->program, argv);
	int error = errno;
	(void)!write(report_fd, &error, sizeof(error));
	_exit(127);
}

/* 0 or a negative errno, of exec, too. */
static int spawn(struct bud_redis_child *child, int lock_fd)
{
	int report[2];
	if (pipe2(report, O_CLOEXEC) < 0)
		return -errno;
	sigset_t all;
	sigset_t before;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	pid_t parent = getpid();
	pid_t pid = fork();
	int fork_errno = errno;
	if (pid == 0)
		become_server(child, lock_fd, parent, report[1]);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)close(report[1]);
	int error = pid < 0 ? fork_errno : 0;
	ssize_t n = 0;
	do
		n = pid < 0 ? 0 : read(report[0], &error, sizeof(error)); /* ends with exec */
	while (n < 0 && errno == EINTR);
	(void)close(report[0]);
	if (error == 0)
		child->pid = pid;
	else if (pid > 0)
		(void)waitpid(pid, NULL, 0);
	return -error;
}

static void on_probe_up(void *owner)
{
	struct bud_redis_child *child = owner;
	bud_log_info("embedded redis is ready", "pid", bud_log_number(child->pid));
	child->options.on_ready(child->options.owner, child->home.url);
}

/* That it has no socket yet is how every start begins. */
static void on_probe_down(void *owner, const char *reason)
{
	struct bud_redis_child *child = owner;
	if (bud_span_starts(bud_span(reason), bud_span("cannot connect")))
		return;
	bud_log_info(
		"embedded redis is not ready", "pid", bud_log_number(child->pid), "reason", reason);
}

static void open_probe(struct bud_redis_child *child)
{
	struct bud_redis_url url;
	if (bud_redis_url_parse(bud_span(child->home.url), &url, NULL) < 0)
		abort(); /* we wrote it, in bounds */
	struct bud_redis_options options = {
		.url = &url,
		.on_up = on_probe_up,
		.on_down = on_probe_down,
		.owner = child,
	};
	child->probe = bud_redis_open(child->loop, &options);
}

/* Takes `lock_fd`: from here on only the server holds it. */
static void launch(struct bud_redis_child *child, int lock_fd)
{
	bud_redis_home_tidy(&child->home);
	int r = spawn(child, lock_fd);
	(void)close(lock_fd);
	if (r < 0) {
		char reason[REASON_BYTES];
		(void)snprintf(reason, sizeof(reason), "cannot start %s: %s", child->program,
			strerror(-r));
		wait_and_retry(child, reason);
		return;
	}
	set_state(child, CHILD_RUNNING);
	child->started_ms = uv_now(child->loop);
	bud_log_info("embedded redis started", "pid", bud_log_number(child->pid), "data",
		child->home.path);
	open_probe(child);
}

static void on_timer(uv_timer_t *timer)
{
	struct bud_redis_child *child = timer->data;
	switch (child->state) {
	case CHILD_WAITING:
		set_state(child, CHILD_TAKING);
		take(child);
		break;
	case CHILD_TAKING:
		take(child);
		break;
	case CHILD_STOPPING:
		bud_log_warn("embedded redis does not end: killing it", "pid",
			bud_log_number(child->pid));
		(void)kill(child->pid, SIGKILL);
		break;
	case CHILD_RUNNING:
		break;
	}
}

/* ---- down ---- */

static void on_closed(uv_handle_t *handle)
{
	struct bud_redis_child *child = handle->data;
	if (--child->handles_open > 0)
		return;
	bud_redis_child_stopped_fn on_stopped = child->on_stopped;
	void *owner = child->options.owner;
	bud_redis_home_close(&child->home);
	free(child->program);
	free(child);
	if (on_stopped)
		on_stopped(owner);
}

static void finish(struct bud_redis_child *child)
{
	uv_close((uv_handle_t *)&child->timer, on_closed);
	uv_close((uv_handle_t *)&child->sigchld, on_closed);
}

static void on_sigchld(uv_signal_t *signal, int number)
{
	(void)number;
	struct bud_redis_child *child = signal->data;
	int status;
	if (child->pid > 0 && waitpid(child->pid, &status, WNOHANG) == child->pid)
		on_exit_status(child, status);
}

static void on_exit_status(struct bud_redis_child *child, int status)
{
	child->pid = 0;
	bud_redis_close(bud_move(child->probe));
	if (child->state == CHILD_STOPPING) {
		bud_log_info("embedded redis ended", "status",
			bud_log_number(WIFEXITED(status) ? WEXITSTATUS(status) : -1));
		finish(child);
		return;
	}
	if (uv_now(child->loop) - child->started_ms >= STEADY_MS)
		child->backoff_ms = BACKOFF_MIN_MS;
	char reason[REASON_BYTES];
	char words[REASON_BYTES / 2] = "";
	bud_redis_home_last_words(&child->home, words, sizeof(words));
	if (WIFSIGNALED(status))
		(void)snprintf(reason, sizeof(reason), "redis-server was ended by signal %d",
			WTERMSIG(status));
	else
		(void)snprintf(reason, sizeof(reason), "redis-server ended with status %d: %s",
			WEXITSTATUS(status), words);
	wait_and_retry(child, reason);
}

void bud_redis_child_stop(struct bud_redis_child *child, bud_redis_child_stopped_fn on_stopped)
{
	set_state(child, CHILD_STOPPING);
	child->on_stopped = on_stopped;
	(void)uv_timer_stop(&child->timer);
	bud_redis_close(bud_move(child->probe));
	if (child->pid == 0) {
		finish(child);
		return;
	}
	(void)kill(child->pid, SIGTERM);
	(void)uv_timer_start(&child->timer, on_timer, FORCE_AFTER_MS, 0);
}
