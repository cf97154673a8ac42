#include "app/redis_home.h"
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>
#include "core/error.h"
#include "core/text.h"

#define LOCK        "lock"
#define SERVER_LOCK "redis.lock"
#define SOCKET      "redis.sock"
#define LOG         "redis.log"

#define LOG_BYTES_MAX   (16 << 20)
#define LOG_TAIL_BYTES  2048
#define DISK_FULL_BELOW (16u << 20)
#define OPEN_LOCK_FLAGS (O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW)

static int open_dir(struct bud_redis_home *home, struct bud_error *error)
{
	if (mkdir(home->path, 0700) < 0 && errno != EEXIST)
		return bud_error_set(error, "data.dir", "cannot make the data directory %s: %s",
			home->path, strerror(errno));
	home->dir_fd = open(home->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (home->dir_fd < 0)
		return bud_error_set(error, "data.dir", "cannot open the data directory %s: %s",
			home->path, strerror(errno));
	if (fchmod(home->dir_fd, 0700) < 0)
		return bud_error_set(error, "data.dir",
			"cannot make the data directory %s private (mode 0700): %s", home->path,
			strerror(errno));
	return 0;
}

static pid_t read_pid(int fd)
{
	char text[16] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	return n > 0 ? (pid_t)strtol(text, NULL, 10) : 0;
}

static int take_lock(struct bud_redis_home *home, struct bud_error *error)
{
	home->lock_fd = openat(home->dir_fd, LOCK, OPEN_LOCK_FLAGS, 0600);
	if (home->lock_fd < 0)
		return bud_error_set(error, "data.dir", "cannot write in the data directory %s: %s",
			home->path, strerror(errno));
	if (flock(home->lock_fd, LOCK_EX | LOCK_NB) == 0) {
		bud_redis_home_sign_lock(home->lock_fd);
		return 0;
	}
	if (errno != EWOULDBLOCK)
		return bud_error_set(error, "data.dir", "cannot lock the data directory %s: %s",
			home->path, strerror(errno));
	return bud_error_set(error, "data.dir",
		"the data directory %s is in use by process %d; stop that one or choose another "
		"data.dir",
		home->path, (int)read_pid(home->lock_fd));
}

/* The socket as others reach it. Where its path is too long for a socket address, it is reached
 * through our open directory. */
static char *write_url(const struct bud_redis_home *home)
{
	struct bud_buffer url = {0};
	size_t path_max = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;
	if (strlen(home->path) + strlen("/" SOCKET) <= path_max)
		bud_buffer_format(&url, "unix:%s/" SOCKET, home->path);
	else
		bud_buffer_format(&url, "unix:/proc/self/fd/%d/" SOCKET, home->dir_fd);
	return url.at;
}

int bud_redis_home_open(struct bud_redis_home *home, const char *path, struct bud_error *error)
{
	*home = (struct bud_redis_home){.path = bud_strdup(path), .dir_fd = -1, .lock_fd = -1};
	int r = open_dir(home, error);
	if (r == 0)
		r = take_lock(home, error);
	if (r < 0)
		bud_redis_home_close(home);
	else
		home->url = write_url(home);
	return r;
}

void bud_redis_home_close(struct bud_redis_home *home)
{
	if (home->lock_fd >= 0)
		(void)close(home->lock_fd);
	if (home->dir_fd >= 0)
		(void)close(home->dir_fd);
	free(home->path);
	free(home->url);
	*home = (struct bud_redis_home){.dir_fd = -1, .lock_fd = -1};
}

static const char conf[] =
	"# Written by budstikke at every start; changes are lost.\n"
	"port 0\n"
	"unixsocket " SOCKET "\n"
	"unixsocketperm 700\n"
	"daemonize no\n"
	"databases 1\n"
	"maxclients 1000\n"
	"loglevel notice\n"
	"logfile " LOG "\n"
	"# What was answered is on the disk. One fsync serves all commands of a turn.\n"
	"appendonly yes\n"
	"appendfsync always\n"
	"no-appendfsync-on-rewrite no\n"
	"aof-use-rdb-preamble yes\n"
	"aof-load-truncated yes\n"
	"auto-aof-rewrite-percentage 100\n"
	"auto-aof-rewrite-min-size 64mb\n"
	"save \"\"\n"
	"# Full is an error that we see, never a deleted event.\n"
	"maxmemory-policy noeviction\n"
	"client-output-buffer-limit normal 256mb 128mb 10\n";

int bud_redis_home_write_conf(
	const struct bud_redis_home *home, uint64_t maxmemory_bytes, struct bud_error *error)
{
	int fd = openat(home->dir_fd, "redis.conf",
		O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool ok = fd >= 0 && fchmod(fd, 0600) == 0 &&
		  dprintf(fd, "%smaxmemory %" PRIu64 "\n", conf, maxmemory_bytes) > 0;
	int write_errno = errno;
	if (fd >= 0 && close(fd) < 0 && ok) {
		ok = false;
		write_errno = errno;
	}
	if (ok)
		return 0;
	return bud_error_set(error, "data.dir", "cannot write %s/redis.conf: %s", home->path,
		strerror(write_errno));
}

int bud_redis_home_lock_server(const struct bud_redis_home *home)
{
	int fd = openat(home->dir_fd, SERVER_LOCK, OPEN_LOCK_FLAGS, 0600);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	int r = -errno;
	(void)close(fd);
	return r;
}

void bud_redis_home_sign_lock(int fd)
{
	char text[16];
	size_t at = sizeof(text);
	text[--at] = '\n';
	for (unsigned pid = (unsigned)getpid(); pid > 0; pid /= 10)
		text[--at] = (char)('0' + pid % 10);
	if (ftruncate(fd, 0) == 0)
		(void)!pwrite(fd, text + at, sizeof(text) - at, 0);
}

static bool is_same_file(int dir_fd, const char *name, const struct stat *wanted)
{
	struct stat found;
	return fstatat(dir_fd, name, &found, 0) == 0 && found.st_dev == wanted->st_dev &&
	       found.st_ino == wanted->st_ino;
}

/* Works in our directory and has our lock file open: so it is ours. */
static bool is_holder(const char *pid, const struct stat *lock, const struct stat *directory)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/%s/cwd", pid);
	if (!is_same_file(AT_FDCWD, path, directory))
		return false;
	(void)snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	DIR *fds = opendir(path);
	bool found = false;
	for (struct dirent *entry; fds && !found && (entry = readdir(fds));)
		found = entry->d_name[0] != '.' && is_same_file(dirfd(fds), entry->d_name, lock);
	if (fds)
		(void)closedir(fds);
	return found;
}

/* Each holder but us; the server is known to be gone. */
static void kill_leftovers(const struct stat *lock, const struct stat *directory)
{
	DIR *processes = opendir("/proc");
	for (struct dirent *entry; processes && (entry = readdir(processes));) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
		if (pid > 1 && pid != getpid() && is_holder(entry->d_name, lock, directory))
			(void)kill(pid, SIGKILL);
	}
	if (processes)
		(void)closedir(processes);
}

pid_t bud_redis_home_end_server(const struct bud_redis_home *home, bool force)
{
	struct stat lock;
	struct stat directory;
	int fd = openat(home->dir_fd, SERVER_LOCK, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return 0;
	pid_t server = read_pid(fd);
	bool is_known = fstat(fd, &lock) == 0 && fstat(home->dir_fd, &directory) == 0;
	(void)close(fd);
	if (!is_known)
		return 0;
	char text[16];
	(void)snprintf(text, sizeof(text), "%d", (int)server);
	if (server > 1 && server != getpid() && is_holder(text, &lock, &directory)) {
		(void)kill(server, force ? SIGKILL : SIGTERM);
		return server;
	}
	kill_leftovers(&lock, &directory);
	return 0;
}

void bud_redis_home_tidy(const struct bud_redis_home *home)
{
	struct stat log;
	(void)unlinkat(home->dir_fd, SOCKET, 0);
	if (fstatat(home->dir_fd, LOG, &log, AT_SYMLINK_NOFOLLOW) == 0 &&
		log.st_size > LOG_BYTES_MAX)
		(void)renameat(home->dir_fd, LOG, home->dir_fd, LOG ".1");
}

/* The last line without "pid:role date level". */
static const char *last_line(char *text)
{
	size_t len = strlen(text);
	while (len > 0 && text[len - 1] == '\n')
		text[--len] = '\0';
	char *line = strrchr(text, '\n');
	line = line ? line + 1 : text;
	char *level = strstr(line, " # ");
	if (!level)
		level = strstr(line, " * ");
	return level ? level + 3 : line;
}

void bud_redis_home_last_words(const struct bud_redis_home *home, char *out, size_t room)
{
	char text[LOG_TAIL_BYTES + 1] = "";
	int fd = openat(home->dir_fd, LOG, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0) {
		off_t end = lseek(fd, 0, SEEK_END);
		off_t from = end > LOG_TAIL_BYTES ? end - LOG_TAIL_BYTES : 0;
		ssize_t n = pread(fd, text, LOG_TAIL_BYTES, from);
		text[n > 0 ? n : 0] = '\0';
		(void)close(fd);
	}
	struct statvfs disk;
	bool is_full = fstatvfs(home->dir_fd, &disk) == 0 &&
		       (uint64_t)disk.f_bavail * disk.f_frsize < DISK_FULL_BELOW;
	(void)snprintf(out, room, "%s%s", last_line(text), is_full ? " (the disk is full)" : "");
}
