/* Forked: what the parent's authority signs is the same on both sides. */
#include <assert.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>
#include "receiver_process.h"

static struct receiver *receiver;

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *out)
{
	static char room[64];
	(void)handle;
	(void)size;
	*out = uv_buf_init(room, sizeof(room));
}

static void on_input(uv_stream_t *input, ssize_t n, const uv_buf_t *buf)
{
	(void)buf;
	if (n >= 0)
		return;
	uv_close((uv_handle_t *)input, NULL);
	receiver_close(receiver);
}

static void serve(int input, int output, struct authority *authority)
{
	uv_loop_t loop;
	uv_pipe_t pipe;
	struct rlimit files;
	int ports[RECEIVER_PORTS];
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	uv_loop_init(&loop);
	receiver = receiver_open(&loop, authority);
	uv_pipe_init(&loop, &pipe, 0);
	uv_pipe_open(&pipe, input);
	uv_read_start((uv_stream_t *)&pipe, on_alloc, on_input);
	for (int i = 0; i < RECEIVER_PORTS; i++)
		ports[i] = receiver_port(receiver, i);
	ssize_t n = write(output, ports, sizeof(ports));
	assert(n == (ssize_t)sizeof(ports));
	uv_run(&loop, UV_RUN_DEFAULT);
	_exit(0);
}

void receiver_process_start(struct receiver_process *process, struct authority *authority)
{
	int input[2], output[2];
	int r = pipe(input);
	assert(r == 0);
	r = pipe(output);
	assert(r == 0);
	process->id = fork();
	assert(process->id >= 0);
	if (process->id == 0) {
		close(input[1]);
		close(output[0]);
		serve(input[0], output[1], authority);
	}
	close(input[0]);
	close(output[1]);
	process->input = input[1];
	ssize_t n = read(output[0], process->ports, sizeof(process->ports));
	assert(n == (ssize_t)sizeof(process->ports));
	close(output[0]);
}

void receiver_process_stop(struct receiver_process *process)
{
	close(process->input);
	waitpid(process->id, NULL, 0);
}
