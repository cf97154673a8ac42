#include "redis_server.h"
#include <assert.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <hiredis/hiredis.h>

#define ARGS_MAX 64

static void exec_server(struct redis_server *server, const char *const *extra)
{
	static const char *const basic[] = {"redis-server", "--port", "0", "--unixsocket", "s",
		"--appendonly", "yes", "--appendfsync", "always", "--save", "", "--logfile",
		"redis.log"};
	const char *argv[ARGS_MAX + 1];
	size_t n = sizeof(basic) / sizeof(basic[0]);
	memcpy(argv, basic, sizeof(basic));
	while (extra && *extra && n < ARGS_MAX)
		argv[n++] = *extra++;
	argv[n] = NULL;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	int null = open("/dev/null", O_RDWR);
	if (chdir(server->dir) < 0 || null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
		_exit(126);
	execvp(argv[0], (char *const *)argv);
	_exit(127);
}

static bool answers(struct redis_server *server)
{
	redisContext *context = redisConnectUnix(server->socket);
	bool ok = false;
	if (context && !context->err) {
		redisReply *reply = redisCommand(context, "PING");
		ok = reply && reply->type == REDIS_REPLY_STATUS;
		if (reply)
			freeReplyObject(reply);
	}
	if (context)
		redisFree(context);
	return ok;
}

void redis_server_restart(struct redis_server *server, const char *const *extra, bool wait)
{
	assert(server->pid == 0);
	server->pid = fork();
	assert(server->pid >= 0);
	if (server->pid == 0)
		exec_server(server, extra);
	for (int i = 0; wait && !answers(server); i++) {
		assert(i < 2000 && waitpid(server->pid, NULL, WNOHANG) == 0);
		(void)nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
	}
}

void redis_server_start(struct redis_server *server, const char *const *extra)
{
	*server = (struct redis_server){0};
	(void)signal(SIGPIPE, SIG_IGN);
	(void)snprintf(server->dir, sizeof(server->dir), "/tmp/bud-redis-XXXXXX");
	if (!mkdtemp(server->dir))
		abort();
	(void)snprintf(server->socket, sizeof(server->socket), "%s/s", server->dir);
	(void)snprintf(server->url, sizeof(server->url), "unix:%s", server->socket);
	redis_server_restart(server, extra, true);
}

void redis_server_kill(struct redis_server *server)
{
	if (server->pid == 0)
		return;
	(void)kill(server->pid, SIGKILL);
	(void)waitpid(server->pid, NULL, 0);
	server->pid = 0;
}

void redis_server_pause(struct redis_server *server)
{
	(void)kill(server->pid, SIGSTOP);
}

void redis_server_resume(struct redis_server *server)
{
	(void)kill(server->pid, SIGCONT);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *ftw)
{
	(void)info;
	(void)kind;
	(void)ftw;
	return remove(path);
}

void redis_server_finish(struct redis_server *server)
{
	redis_server_kill(server);
	if (server->dir[0])
		(void)nftw(server->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	server->dir[0] = '\0';
}

static redisReply *ask(struct redis_server *server, const char *format, va_list args)
{
	redisContext *context = redisConnectUnix(server->socket);
	assert(context && !context->err);
	redisReply *reply = redisvCommand(context, format, args);
	assert(reply);
	redisFree(context);
	return reply;
}

struct redisReply *redis_server_ask(struct redis_server *server, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	redisReply *reply = ask(server, format, args);
	va_end(args);
	return reply;
}

void redis_server_do(struct redis_server *server, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	redisReply *reply = ask(server, format, args);
	va_end(args);
	if (reply->type == REDIS_REPLY_ERROR)
		fprintf(stderr, "redis: %s\n", reply->str);
	assert(reply->type != REDIS_REPLY_ERROR);
	freeReplyObject(reply);
}
