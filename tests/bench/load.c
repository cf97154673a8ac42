/* A publisher: 1 KB events with ids of their own over keep-alive connections, one request at a time
 * on each.
 *
 *   load --port N --run NAME [--first 0] [--count N] [--connections 64] [--rate PER_SECOND]
 *        [--subjects 10000] [--token BEARER]
 *        [--tally FILE --per-event K --window W]
 *
 * With --tally it never runs more than W events ahead of the sinks, which receive K requests per
 * event: what is measured then is the fast lane, not a growing queue. Prints a JSON line. */
#include "bench.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define CONNECTIONS_MAX 512
#define TOKEN_MAX       4096

struct connection {
	uv_tcp_t tcp;
	uv_connect_t connect;
	bool is_busy;
	int64_t sent_us;
	size_t len;
	char buffer[8192];
};

static struct {
	struct connection connections[CONNECTIONS_MAX];
	long n;
	long connected;
	long rate;
	uint64_t count;
	uint64_t started;
	uint64_t first; /* number, which chooses the subject */
	uint64_t done;
	uint64_t accepted;
	int last_status;
	struct tally *tally;
	uint64_t per_event;
	uint64_t window;
	int64_t start_us;
	const char *run;
	const char *token;
	int port;
	struct latency latency;
	uv_timer_t pace;
} load;

static bool may_send(void)
{
	uint64_t due;

	if (load.started == load.count)
		return false;
	if (load.tally && load.started - load.tally->received / load.per_event >= load.window)
		return false;
	if (!load.rate)
		return true;
	due = (uint64_t)((double)(now_us() - load.start_us) * (double)load.rate / 1e6);
	return load.started < due;
}

static void send_next(struct connection *connection)
{
	char body[EVENT_ROOM];
	char head[300 + TOKEN_MAX];
	size_t body_len;
	int n;
	uv_buf_t bufs[2];

	connection->is_busy = true;
	connection->sent_us = now_us();
	body_len = event_write(body, load.run, load.first + load.started++, connection->sent_us);
	n = snprintf(head, sizeof head,
		"POST /events HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
		"Content-Type: application/cloudevents+json\r\n%s%s%sContent-Length: %zu\r\n\r\n",
		load.port, load.token ? "Authorization: Bearer " : "", load.token ? load.token : "",
		load.token ? "\r\n" : "", body_len);
	bufs[0] = uv_buf_init(head, (unsigned)n);
	bufs[1] = uv_buf_init(body, (unsigned)body_len);
	if (uv_try_write((uv_stream_t *)&connection->tcp, bufs, 2) != n + (int)body_len) {
		fprintf(stderr, "load: a request did not fit into the socket\n");
		exit(1);
	}
}

static void on_alloc(uv_handle_t *handle, size_t wanted, uv_buf_t *out)
{
	struct connection *connection = handle->data;

	(void)wanted;
	*out = uv_buf_init(connection->buffer + connection->len,
		(unsigned)(sizeof connection->buffer - connection->len));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct connection *connection = stream->data;
	size_t body;
	size_t len;

	(void)buf;
	if (n < 0) {
		fprintf(stderr, "load: the server closed a connection: %s\n", uv_strerror((int)n));
		exit(1);
	}
	connection->len += (size_t)n;
	len = message_length(connection->buffer, connection->len, &body);
	if (!len)
		return;
	load.last_status = atoi(connection->buffer + strlen("HTTP/1.1 "));
	if (load.last_status != 202) {
		fprintf(stderr, "load: not accepted: %.*s\n", (int)connection->len,
			connection->buffer);
		exit(1);
	}
	load.accepted++;
	latency_add(&load.latency, now_us() - connection->sent_us);
	connection->len = 0;
	connection->is_busy = false;
	if (++load.done == load.count)
		uv_stop(stream->loop);
	else if (may_send())
		send_next(connection);
}

static void on_pace(uv_timer_t *timer)
{
	(void)timer;
	for (long i = 0; i < load.n; i++) {
		if (load.connections[i].is_busy)
			continue;
		if (!may_send())
			return;
		send_next(&load.connections[i]);
	}
}

/* The clock starts when all are connected. */
static void on_connect(uv_connect_t *connect, int status)
{
	struct connection *connection = connect->data;

	if (status < 0) {
		fprintf(stderr, "load: %s\n", uv_strerror(status));
		exit(1);
	}
	uv_tcp_nodelay(&connection->tcp, 1);
	uv_read_start((uv_stream_t *)&connection->tcp, on_alloc, on_read);
	if (++load.connected < load.n)
		return;
	load.start_us = now_us();
	uv_timer_start(&load.pace, on_pace, 0, 1);
}

static void print_result(void)
{
	printf("{\"program\":\"load\",\"accepted\":%llu,\"last_status\":%d,"
	       "\"cpu_us\":%.3f,\"per_s\":%.0f,\"p50_us\":%.0f,\"p99_us\":%.0f}\n",
		(unsigned long long)load.accepted, load.last_status,
		(double)cpu_us() / (double)load.done,
		(double)load.done * 1e6 / (double)(now_us() - load.start_us),
		latency_us(&load.latency, 0.5), latency_us(&load.latency, 0.99));
}

int main(int argc, char **argv)
{
	const char *tally_path = option_text(argc, argv, "--tally", NULL);
	struct sockaddr_in address;

	load.port = (int)option_number(argc, argv, "--port", 0);
	load.run = option_text(argc, argv, "--run", "load");
	load.token = option_text(argc, argv, "--token", NULL);
	load.count = (uint64_t)option_number(argc, argv, "--count", 10000);
	load.first = (uint64_t)option_number(argc, argv, "--first", 0);
	event_set_subjects((uint64_t)option_number(argc, argv, "--subjects", 10000));
	load.rate = option_number(argc, argv, "--rate", 0);
	load.n = option_number(argc, argv, "--connections", 64);
	load.per_event = (uint64_t)option_number(argc, argv, "--per-event", 1);
	load.window = (uint64_t)option_number(argc, argv, "--window", 64);
	if (load.n < 1 || load.n > CONNECTIONS_MAX || load.per_event < 1 ||
		(load.token && strlen(load.token) > TOKEN_MAX))
		return 2;
	if (tally_path)
		load.tally = tally_open(tally_path);
	uv_timer_init(uv_default_loop(), &load.pace);
	uv_ip4_addr("127.0.0.1", load.port, &address);
	for (long i = 0; i < load.n; i++) {
		struct connection *connection = &load.connections[i];
		uv_tcp_init(uv_default_loop(), &connection->tcp);
		connection->tcp.data = connection;
		connection->connect.data = connection;
		uv_tcp_connect(&connection->connect, &connection->tcp, (struct sockaddr *)&address,
			on_connect);
	}
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	print_result();
	return 0;
}
