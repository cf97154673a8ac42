/* The test server and the raw client. */
#include "http_server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "http/reply.h"

#define BIG_BYTES (8u << 20)

static void answer_echo(void *context, struct bud_request *request)
{
	(void)context;
	bud_reply(request, 200, "text/plain", request->body);
}

static void answer_event(void *context, struct bud_request *request)
{
	(void)context;
	bud_reply(request, 202, "application/json", bud_span("{\"accepted\":1}"));
}

static void answer_part(void *context, struct bud_request *request)
{
	bud_auto(buffer) struct bud_buffer body = {0};

	(void)context;
	bud_buffer_span(&body, request->parameters[0]);
	bud_buffer_byte(&body, '|');
	bud_buffer_span(&body, request->parameters[1]);
	bud_reply_header(request, "X-Part", "a\r\nX-Evil: b");
	bud_reply(request, 200, "text/plain", bud_buffer_as_span(&body));
}

static void answer_big(void *context, struct bud_request *request)
{
	char *bytes = bud_alloc(BIG_BYTES);

	(void)context;
	memset(bytes, 'b', BIG_BYTES);
	bud_reply(request, 200, "text/plain", (struct bud_span){bytes, BIG_BYTES});
	free(bytes);
}

static void answer_long(void *context, struct bud_request *request)
{
	char text[32];

	(void)context;
	snprintf(text, sizeof(text), "%zu", bud_request_header(request, "x-long").len);
	bud_reply(request, 200, "text/plain", bud_span(text));
}

static void answer_late(void *context, struct bud_request *request)
{
	struct http_server *server = context;

	bud_list_append(&server->late, &request->link);
}

static void release(struct http_server *server)
{
	while (!bud_list_is_empty(&server->late)) {
		struct bud_request *first = bud_list_first(&server->late, struct bud_request, link);
		bud_list_remove(&first->link);
		bud_reply(first, 200, "text/plain", first->query);
	}
}

static void answer_release(void *context, struct bud_request *request)
{
	release(context);
	bud_reply(request, 204, NULL, (struct bud_span){NULL, 0});
}

static void answer_own(void *context, struct bud_request *request)
{
	(void)context;
	bud_reply_header(request, "WebHook-Allowed-Rate", "*");
	bud_reply(request, 200, NULL, (struct bud_span){NULL, 0});
}

static const struct bud_route plain_routes[] = {
	{"POST", "/events", answer_event, 64u << 10, 0},
	{"POST", "/echo", answer_echo, 1u << 20, 0},
	{"GET", "/items/{id}/parts/{part}", answer_part, 0, 0},
	{"PUT", "/items/{id}/parts/{part}", answer_part, 100, 0},
	{"GET", "/big", answer_big, 0, 0},
	{"GET", "/long", answer_long, 0, 0},
	{"OPTIONS", "/own", answer_own, 0, 0},
};

static const struct bud_route late_routes[] = {
	{"GET", "/late", answer_late, 0, 0},
	{"POST", "/late", answer_late, 1u << 20, 0},
	{"POST", "/release", answer_release, 0, 0},
};

static void on_reply(void *owner, int status)
{
	struct http_server *server = owner;

	(void)status;
	server->replies++;
}

static void on_closed(void *owner)
{
	struct http_server *server = owner;

	server->is_closed = true;
	uv_close((uv_handle_t *)&server->wake, NULL);
}

static void on_wake(uv_async_t *wake)
{
	struct http_server *server = wake->data;

	int wanted = server->wanted;

	switch (wanted) {
	case HTTP_SERVER_RELEASE:
		release(server);
		break;
	case HTTP_SERVER_STOP:
		bud_listener_stop(server->listener);
		break;
	case HTTP_SERVER_CLOSE:
		bud_listener_close(server->listener, on_closed, server);
		break;
	case -1:
		return;
	}
	server->connections = bud_listener_connections(server->listener);
	server->requests = bud_listener_requests(server->listener);
	server->input_bytes = bud_listener_input_bytes(server->listener);
	server->wanted = -1;
}

static void *run(void *owner)
{
	struct http_server *server = owner;

	uv_run(&server->loop, UV_RUN_DEFAULT);
	return NULL;
}

void http_server_start(struct http_server *server, struct bud_listener_options options)
{
	struct bud_route_table tables[] = {
		{plain_routes, sizeof(plain_routes) / sizeof(plain_routes[0]), server},
		{late_routes, sizeof(late_routes) / sizeof(late_routes[0]), server},
	};
	static struct bud_route_table kept[2];
	int r = 0;

	memset(server, 0, sizeof(*server));
	memcpy(kept, tables, sizeof(kept));
	server->wanted = -1;
	bud_list_init(&server->late);
	uv_loop_init(&server->loop);
	uv_async_init(&server->loop, &server->wake, on_wake);
	server->wake.data = server;
	options.host = options.host ? options.host : "127.0.0.1";
	options.tables = kept;
	options.n_tables = 2;
	options.on_reply = on_reply;
	options.owner = server;
	server->listener = bud_listener_open(&server->loop, &options, &r);
	assert(server->listener && r == 0);
	server->port = bud_listener_port(server->listener);
	pthread_create(&server->thread, NULL, run, server);
}

void http_server_ask(struct http_server *server, enum http_server_wish wish)
{
	server->wanted = (int)wish;
	uv_async_send(&server->wake);
	while (server->wanted != -1)
		usleep(200);
}

void http_server_join(struct http_server *server)
{
	http_server_ask(server, HTTP_SERVER_RELEASE);
	http_server_ask(server, HTTP_SERVER_CLOSE);
	pthread_join(server->thread, NULL);
	int r = uv_loop_close(&server->loop);
	assert(r == 0 && server->is_closed);
}

int http_client_open(const struct http_server *server)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)server->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval wait = {.tv_sec = 30};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	int r = connect(fd, (struct sockaddr *)&address, sizeof(address));
	assert(fd >= 0 && r == 0);
	return fd;
}

/* A server that refuses may close while we still send; then the rest does not matter. */
void http_client_send(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
		if (sent < 0)
			return;
		bytes += sent;
		len -= (size_t)sent;
	}
}

void http_client_text(int fd, const char *text)
{
	http_client_send(fd, text, strlen(text));
}

static bool read_head(int fd, struct http_response *response)
{
	size_t len = 0;

	while (len + 1 < sizeof(response->head)) {
		if (recv(fd, response->head + len, 1, 0) != 1)
			return false;
		response->head[++len] = '\0';
		if (len >= 4 && memcmp(response->head + len - 4, "\r\n\r\n", 4) == 0)
			return true;
	}
	return false;
}

void http_client_read(int fd, bool to_head, struct http_response *out_response)
{
	size_t want = 0;

	memset(out_response, 0, sizeof(*out_response));
	if (!read_head(fd, out_response))
		return;
	assert(memcmp(out_response->head, "HTTP/1.1 ", 9) == 0);
	const char *length = strstr(out_response->head, "\r\nContent-Length: ");
	if (length && !to_head)
		want = strtoul(length + strlen("\r\nContent-Length: "), NULL, 10);
	char *at = bud_buffer_reserve(&out_response->body, want);
	while (out_response->body.len < want) {
		ssize_t got =
			recv(fd, at + out_response->body.len, want - out_response->body.len, 0);
		if (got <= 0)
			return;
		out_response->body.len += (size_t)got;
	}
	at[want] = '\0';
	out_response->status = atoi(out_response->head + 9);
}

bool http_client_is_closed(int fd)
{
	char byte;

	return recv(fd, &byte, 1, 0) == 0;
}

int http_client_status(const struct http_server *server, struct bud_span bytes, bool *out_closes)
{
	struct http_response response;
	int fd = http_client_open(server);

	http_client_send(fd, bytes.at, bytes.len);
	http_client_read(fd, false, &response);
	bud_buffer_finish(&response.body);
	if (response.status != 0 && strstr(response.head, "\r\nConnection: close\r\n"))
		*out_closes = http_client_is_closed(fd);
	else
		*out_closes = false;
	close(fd);
	return response.status;
}
