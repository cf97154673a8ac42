/* One connection: read whole requests by their Content-Length, then act. */
#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include "core/alloc.h"
#include "scripted_server.h"

struct scripted_connection {
	uv_tcp_t tcp;
	uv_timer_t timer;
	struct scripted_server *server;
	struct scripted_connection *next;
	struct bud_buffer in;
	char room[65536];
	size_t dripped;
	unsigned requests;
	unsigned open_handles;
};

struct write {
	uv_write_t request;
	struct scripted_connection *connection;
};

static void on_closed(uv_handle_t *handle)
{
	struct scripted_connection *connection = handle->data;
	if (--connection->open_handles > 0)
		return;
	bud_buffer_finish(&connection->in);
	free(connection);
}

static void unlink_connection(struct scripted_connection *connection)
{
	struct scripted_connection **at = &connection->server->connections;
	while (*at && *at != connection)
		at = &(*at)->next;
	if (*at)
		*at = connection->next;
}

static void drop(struct scripted_connection *connection, bool reset)
{
	if (uv_is_closing((uv_handle_t *)&connection->tcp))
		return;
	unlink_connection(connection);
	uv_close((uv_handle_t *)&connection->timer, on_closed);
	if (!reset || uv_tcp_close_reset(&connection->tcp, on_closed) != 0)
		uv_close((uv_handle_t *)&connection->tcp, on_closed);
}

static void finish_act(struct scripted_connection *connection);

static void on_written(uv_write_t *request, int status)
{
	struct write *write = (struct write *)request;
	struct scripted_connection *connection = write->connection;
	free(write);
	if (status < 0 || uv_is_closing((uv_handle_t *)&connection->tcp))
		return;
	finish_act(connection);
}

static void send_bytes(
	struct scripted_connection *connection, const char *bytes, size_t len, uv_write_cb fn)
{
	struct write *write = bud_new(struct write);
	uv_buf_t buf = uv_buf_init((char *)bytes, (unsigned)len);
	write->connection = connection;
	if (uv_write(&write->request, (uv_stream_t *)&connection->tcp, &buf, 1, fn) < 0)
		free(write);
}

static void finish_act(struct scripted_connection *connection)
{
	const struct scripted_act *act = &connection->server->act;
	connection->server->answers++;
	if (act->then == SCRIPTED_REPEAT && act->drip_ms == 0)
		send_bytes(connection, act->repeat, strlen(act->repeat), on_written);
	else if (act->then == SCRIPTED_CLOSE || act->then == SCRIPTED_RESET)
		drop(connection, act->then == SCRIPTED_RESET);
}

static void on_dripped(uv_write_t *request, int status)
{
	(void)status;
	free(request);
}

static size_t text_length(const struct scripted_act *act)
{
	return act->text_len ? act->text_len : strlen(act->text);
}

static void on_drip(uv_timer_t *timer)
{
	struct scripted_connection *connection = timer->data;
	const struct scripted_act *act = &connection->server->act;
	size_t len = text_length(act);
	if (connection->dripped < len) {
		send_bytes(connection, act->text + connection->dripped++, 1, on_dripped);
		return;
	}
	if (act->then == SCRIPTED_REPEAT) {
		send_bytes(connection, act->repeat, 1, on_dripped);
		return;
	}
	uv_timer_stop(timer);
	finish_act(connection);
}

static void act_now(struct scripted_connection *connection)
{
	const struct scripted_act *act = &connection->server->act;
	if (act->dies_at > 0 && connection->requests >= act->dies_at) {
		drop(connection, false);
		return;
	}
	connection->dripped = 0;
	if (act->drip_ms > 0)
		uv_timer_start(&connection->timer, on_drip, act->drip_ms, act->drip_ms);
	else if (act->text)
		send_bytes(connection, act->text, text_length(act), on_written);
	else
		finish_act(connection);
}

static bool take_request(struct scripted_connection *connection)
{
	struct bud_buffer *in = &connection->in;
	const char *end = in->len ? strstr(in->at, "\r\n\r\n") : NULL;
	if (!end)
		return false;
	const char *field = strcasestr(in->at, "\r\ncontent-length:");
	size_t body = field && field < end ? strtoul(field + 17, NULL, 10) : 0;
	size_t whole = (size_t)(end - in->at) + 4 + body;
	if (in->len < whole)
		return false;
	struct bud_buffer *last = &connection->server->last;
	bud_buffer_clear(last);
	bud_buffer_add(last, in->at, whole);
	bud_buffer_clear(in);
	connection->requests++;
	connection->server->requests++;
	return true;
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *out)
{
	(void)size;
	struct scripted_connection *connection = handle->data;
	*out = uv_buf_init(connection->room, sizeof(connection->room));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct scripted_connection *connection = stream->data;
	if (n < 0) {
		drop(connection, false);
		return;
	}
	bud_buffer_add(&connection->in, buf->base, (size_t)n);
	if (take_request(connection) && !connection->server->act.on_accept)
		act_now(connection);
}

static void on_connection(uv_stream_t *listener, int status)
{
	assert(status == 0);
	struct scripted_server *server = listener->data;
	struct scripted_connection *connection = bud_new(struct scripted_connection);
	connection->server = server;
	connection->open_handles = 2;
	uv_tcp_init(listener->loop, &connection->tcp);
	uv_timer_init(listener->loop, &connection->timer);
	connection->tcp.data = connection;
	connection->timer.data = connection;
	connection->next = server->connections;
	server->connections = connection;
	server->accepts++;
	int r = uv_accept(listener, (uv_stream_t *)&connection->tcp);
	assert(r == 0);
	uv_read_start((uv_stream_t *)&connection->tcp, on_alloc, on_read);
	if (server->act.on_accept)
		act_now(connection);
}

void scripted_server_open(
	struct scripted_server *server, uv_loop_t *loop, const char *address, int port)
{
	struct sockaddr_in at;
	int len = sizeof(at);
	memset(server, 0, sizeof(*server));
	uv_tcp_init(loop, &server->listener);
	server->listener.data = server;
	int r = uv_ip4_addr(address, port, &at);
	assert(r == 0);
	r = uv_tcp_bind(&server->listener, (struct sockaddr *)&at, 0);
	assert(r == 0);
	r = uv_listen((uv_stream_t *)&server->listener, 128, on_connection);
	assert(r == 0);
	r = uv_tcp_getsockname(&server->listener, (struct sockaddr *)&at, &len);
	assert(r == 0);
	server->port = ntohs(at.sin_port);
}

void scripted_server_close(struct scripted_server *server)
{
	while (server->connections)
		drop(server->connections, false);
	uv_close((uv_handle_t *)&server->listener, NULL);
	bud_buffer_finish(&server->last);
}
