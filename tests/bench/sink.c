/* A sink: answers every POST with 204, counts, and takes the time since the event was sent.
 *
 *   sink [--tally FILE] [--spin 1]
 *
 * Prints `listening port=N`. `GET /stats` answers its figures as JSON, `GET /reset` clears them.
 * With --spin it never sleeps, so that a sender does not pay for waking it. */
#include "bench.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define ROOM (256u << 10)

struct connection {
	uv_tcp_t tcp;
	size_t len;
	char buffer[ROOM];
};

static struct latency latencies;
static struct tally *tally;
static uint64_t received;
static int64_t first_us;
static int64_t last_us;

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_alloc(uv_handle_t *handle, size_t wanted, uv_buf_t *out)
{
	struct connection *connection = handle->data;

	(void)wanted;
	*out = uv_buf_init(
		connection->buffer + connection->len, (unsigned)(ROOM - connection->len));
}

static void send_text(struct connection *connection, const char *text, size_t len)
{
	uv_buf_t buf = uv_buf_init((char *)text, (unsigned)len);

	if (uv_try_write((uv_stream_t *)&connection->tcp, &buf, 1) != (int)len)
		fprintf(stderr, "sink: the socket is full\n");
}

static void send_stats(struct connection *connection, bool reset)
{
	char body[300];
	char text[500];
	int n;

	snprintf(body, sizeof body,
		"{\"received\":%llu,\"seconds\":%.6f,\"p50_us\":%.0f,\"p99_us\":%.0f,"
		"\"p999_us\":%.0f,\"cpu_us\":%lld}",
		(unsigned long long)received, (double)(last_us - first_us) / 1e6,
		latency_us(&latencies, 0.5), latency_us(&latencies, 0.99),
		latency_us(&latencies, 0.999), (long long)cpu_us());
	n = snprintf(text, sizeof text,
		"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
		"content-length: %zu\r\n\r\n%s",
		strlen(body), body);
	send_text(connection, text, (size_t)n);
	if (reset) {
		memset(&latencies, 0, sizeof latencies);
		received = 0;
		first_us = 0;
		last_us = 0;
	}
}

static void take(struct connection *connection, const char *message, size_t body, size_t len)
{
	static const char answer[] = "HTTP/1.1 204 No Content\r\n\r\n";
	int64_t sent_us;

	if (message[0] == 'G') {
		send_stats(connection, memcmp(message, "GET /reset", 10) == 0);
		return;
	}
	last_us = now_us();
	if (!first_us)
		first_us = last_us;
	received++;
	sent_us = event_sent_us(message + body, len - body);
	if (sent_us)
		latency_add(&latencies, last_us - sent_us);
	if (tally)
		tally->received++;
	send_text(connection, answer, sizeof answer - 1);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct connection *connection = stream->data;
	size_t at = 0;
	size_t body;
	size_t len;

	(void)buf;
	if (n < 0) {
		uv_close((uv_handle_t *)stream, on_closed);
		return;
	}
	connection->len += (size_t)n;
	while ((len = message_length(connection->buffer + at, connection->len - at, &body)) > 0) {
		take(connection, connection->buffer + at, body, len);
		at += len;
	}
	connection->len -= at;
	memmove(connection->buffer, connection->buffer + at, connection->len);
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct connection *connection = calloc(1, sizeof *connection);

	if (status < 0 || !connection)
		abort();
	uv_tcp_init(listener->loop, &connection->tcp);
	connection->tcp.data = connection;
	if (uv_accept(listener, (uv_stream_t *)&connection->tcp) < 0)
		abort();
	uv_tcp_nodelay(&connection->tcp, 1);
	uv_read_start((uv_stream_t *)&connection->tcp, on_alloc, on_read);
}

static void on_idle(uv_idle_t *idle)
{
	(void)idle; /* an active idle handle is what keeps the loop from sleeping */
}

int main(int argc, char **argv)
{
	const char *tally_path = option_text(argc, argv, "--tally", NULL);
	struct sockaddr_in address;
	int len = sizeof address;
	uv_tcp_t listener;
	uv_idle_t idle;
	int r;

	if (tally_path)
		tally = tally_open(tally_path);
	uv_tcp_init(uv_default_loop(), &listener);
	uv_ip4_addr("127.0.0.1", (int)option_number(argc, argv, "--port", 0), &address);
	r = uv_tcp_bind(&listener, (struct sockaddr *)&address, 0);
	if (r == 0)
		r = uv_listen((uv_stream_t *)&listener, 1024, on_connection);
	if (r < 0) {
		fprintf(stderr, "sink: %s\n", uv_strerror(r));
		return 1;
	}
	if (option_number(argc, argv, "--spin", 0)) {
		uv_idle_init(uv_default_loop(), &idle);
		uv_idle_start(&idle, on_idle);
	}
	uv_tcp_getsockname(&listener, (struct sockaddr *)&address, &len);
	printf("listening port=%d\n", ntohs(address.sin_port));
	fflush(stdout);
	return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
