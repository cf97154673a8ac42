/* The floor: a raw keep-alive client on libuv that sends the bytes of a push and no more, one
 * request at a time on each of 64 connections.
 *
 *   raw_client --port N [--count N] [--in-flight 64] */
#include "bench.h"
#include "push_request.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define IN_FLIGHT_MAX 256

struct connection {
	uv_tcp_t tcp;
	uv_connect_t connect;
	struct push_headers headers;
	size_t len;
	char buffer[4096];
};

static struct connection connections[IN_FLIGHT_MAX];
static uint64_t count;
static uint64_t started;
static uint64_t done;

static void send_next(struct connection *connection)
{
	char body[EVENT_ROOM];
	char head[1200];
	size_t body_len;
	int n;
	uv_buf_t bufs[2];

	if (started == count)
		return;
	started++;
	push_headers_next(&connection->headers, started);
	body_len = event_write(body, "raw", started, now_us());
	n = snprintf(head, sizeof head,
		"POST /limit HTTP/1.1\r\nHost: 127.0.0.1\r\n"
		"%s\r\n%s\r\n%s\r\n%s\r\n%s\r\n%s\r\n%s\r\n"
		"Content-Length: %zu\r\n\r\n",
		push_constant_headers[0], push_constant_headers[1], push_constant_headers[2],
		connection->headers.lines[0], connection->headers.lines[1],
		connection->headers.lines[2], connection->headers.lines[3], body_len);
	bufs[0] = uv_buf_init(head, (unsigned)n);
	bufs[1] = uv_buf_init(body, (unsigned)body_len);
	if (uv_try_write((uv_stream_t *)&connection->tcp, bufs, 2) != n + (int)body_len)
		abort();
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
	if (n < 0)
		abort();
	connection->len += (size_t)n;
	len = message_length(connection->buffer, connection->len, &body);
	if (!len)
		return;
	connection->len = 0;
	if (++done == count)
		uv_stop(stream->loop);
	else
		send_next(connection);
}

static void on_connect(uv_connect_t *connect, int status)
{
	struct connection *connection = connect->data;

	if (status < 0)
		abort();
	uv_tcp_nodelay(&connection->tcp, 1);
	uv_read_start((uv_stream_t *)&connection->tcp, on_alloc, on_read);
	send_next(connection);
}

int main(int argc, char **argv)
{
	long in_flight = option_number(argc, argv, "--in-flight", 64);
	struct sockaddr_in address;
	int64_t start_us = now_us();
	int64_t cpu_start_us = cpu_us();

	count = (uint64_t)option_number(argc, argv, "--count", 100000);
	if (in_flight < 1 || in_flight > IN_FLIGHT_MAX)
		return 2;
	uv_ip4_addr("127.0.0.1", (int)option_number(argc, argv, "--port", 0), &address);
	for (long i = 0; i < in_flight; i++) {
		struct connection *connection = &connections[i];
		push_headers_init(&connection->headers);
		uv_tcp_init(uv_default_loop(), &connection->tcp);
		connection->tcp.data = connection;
		connection->connect.data = connection;
		uv_tcp_connect(&connection->connect, &connection->tcp, (struct sockaddr *)&address,
			on_connect);
	}
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	printf("{\"program\":\"raw_client\",\"done\":%llu,\"cpu_us\":%.3f,\"per_s\":%.0f}\n",
		(unsigned long long)done, (double)(cpu_us() - cpu_start_us) / (double)done,
		(double)done * 1e6 / (double)(now_us() - start_us));
	return 0;
}
