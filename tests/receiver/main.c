/* test_receiver: see receiver.h. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <uv.h>
#include "certificates.h"
#include "receiver.h"

static uv_loop_t loop;
static uv_signal_t on_term;
static uv_pipe_t input;
static struct receiver *receiver;

static void stop(void)
{
	if (!receiver)
		return;
	receiver_close(receiver);
	receiver = NULL;
	uv_close((uv_handle_t *)&on_term, NULL);
	if (input.data)
		uv_close((uv_handle_t *)&input, NULL);
}

static void on_signal(uv_signal_t *handle, int number)
{
	(void)handle;
	(void)number;
	stop();
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *out)
{
	static char room[256];
	(void)handle;
	(void)size;
	*out = uv_buf_init(room, sizeof(room));
}

static void on_input(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	(void)stream;
	(void)buf;
	if (n < 0)
		stop();
}

/* A pipe tells when the one who started us is gone; a terminal or /dev/null tells nothing. */
static void watch_input(void)
{
	if (uv_guess_handle(0) != UV_NAMED_PIPE)
		return;
	uv_pipe_init(&loop, &input, 0);
	uv_pipe_open(&input, 0);
	input.data = &loop;
	uv_read_start((uv_stream_t *)&input, on_alloc, on_input);
}

static void write_file(const char *path, const char *text, const char *more)
{
	FILE *out = fopen(path, "w");
	if (!out || fputs(text, out) < 0 || fputs(more, out) < 0 || fclose(out) != 0) {
		perror(path);
		exit(1);
	}
}

static void write_client(const char *path, struct authority *authority)
{
	struct identity identity;
	identity_init(&identity,
		(struct identity_options){.authority = authority, .names = "DNS:client"});
	write_file(path, identity.certificate_pem, identity.key_pem);
	identity_finish(&identity);
}

static void raise_files(void)
{
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

int main(int argc, char **argv)
{
	struct authority *authority = authority_create();
	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--ca") == 0)
			write_file(argv[i + 1], authority_pem(authority), "");
		if (strcmp(argv[i], "--client") == 0)
			write_client(argv[i + 1], authority);
	}
	signal(SIGPIPE, SIG_IGN);
	raise_files();
	uv_loop_init(&loop);
	receiver = receiver_open(&loop, authority);
	uv_signal_init(&loop, &on_term);
	uv_signal_start(&on_term, on_signal, SIGTERM);
	watch_input();
	for (int i = 0; i < RECEIVER_PORTS; i++)
		printf("%s\"%s\":%d", i ? "," : "{", receiver_port_name(i),
			receiver_port(receiver, i));
	printf("}\n");
	fflush(stdout);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	authority_destroy(authority);
	return 0;
}
