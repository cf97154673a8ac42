/* Connections: HEAD -> [BODY ->] HANDLING -> [WRITING ->] IDLE -> HEAD … -> LINGERING -> CLOSING.
 *
 * The client's bytes gather in one buffer, the current message from `from` on. One request is
 * answered at a time: what a client sends behind it waits in what is left of the buffer, then in
 * the socket. While a handler has the request nothing in the buffer moves. Reads go on meanwhile as
 * long as there is room, so the common case never touches epoll. A reply from a handler that comes
 * later than handle() looks at the next request in the next turn of the loop, so handlers never
 * nest. */
#include "http/connection.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/error.h"
#include "http/listener_state.h"
#include "http/reply.h"
#include "http/status.h"

/* What a slow socket did not take. */
struct pending {
	uv_write_t write;
	char bytes[];
};

static void advance(struct bud_connection *connection);

static bool can_become(enum bud_connection_state from, enum bud_connection_state to)
{
#define TO(state) (1u << BUD_CONNECTION_##state)
	static const unsigned next[BUD_CONNECTION_STATES] = {
		[BUD_CONNECTION_IDLE] = TO(HEAD) | TO(CLOSING),
		[BUD_CONNECTION_HEAD] = TO(HEAD) | TO(BODY) | TO(HANDLING) | TO(IDLE) |
					TO(WRITING) | TO(LINGERING) | TO(CLOSING),
		[BUD_CONNECTION_BODY] = TO(HANDLING) | TO(WRITING) | TO(LINGERING) | TO(CLOSING),
		[BUD_CONNECTION_HANDLING] =
			TO(IDLE) | TO(HEAD) | TO(WRITING) | TO(LINGERING) | TO(CLOSING),
		[BUD_CONNECTION_WRITING] = TO(IDLE) | TO(HEAD) | TO(LINGERING) | TO(CLOSING),
		[BUD_CONNECTION_LINGERING] = TO(CLOSING),
		[BUD_CONNECTION_CLOSING] = TO(LEFT),
	};
#undef TO
	return next[from] >> to & 1u;
}

static void set_state(struct bud_connection *connection, enum bud_connection_state state)
{
	struct bud_listener *listener = connection->listener;

	assert(can_become(connection->state, state));
	connection->state = state;
	connection->since_ms = uv_now(listener->loop);
	bud_list_remove(&connection->link);
	bud_list_append(&listener->connections[state], &connection->link);
}

static bool is_receiving(const struct bud_connection *connection)
{
	return connection->state <= BUD_CONNECTION_BODY;
}

/* Reading */

/* More bytes of the message are needed. False when all connections together hold too much. */
static bool make_room(struct bud_connection *connection)
{
	struct bud_exchange *exchange = connection->exchange;

	return bud_input_make_room(&connection->input, &connection->listener->inputs,
		exchange ? &exchange->message : NULL);
}

static void on_room_wanted(uv_handle_t *handle, size_t suggested, uv_buf_t *out_room)
{
	struct bud_connection *connection = handle->data;

	(void)suggested;
	bud_input_take(&connection->input, &connection->listener->inputs);
	*out_room = uv_buf_init(connection->input.at + connection->input.len,
		(unsigned)(connection->input.room - connection->input.len));
}

static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *room)
{
	struct bud_connection *connection = stream->data;

	(void)room;
	if (nread == 0)
		return;
	if (nread < 0) {
		connection->is_ended = true;
		connection->is_reading = false;
		uv_read_stop(stream);
		/* A client may stop sending and still wait for its reply. */
		if (nread != UV_EOF || is_receiving(connection) ||
			connection->state == BUD_CONNECTION_LINGERING)
			bud_connection_close(connection);
		return;
	}
	connection->input.len += (size_t)nread;
	if (connection->state == BUD_CONNECTION_LINGERING)
		connection->input.len = 0;
	if (connection->state == BUD_CONNECTION_IDLE)
		set_state(connection, BUD_CONNECTION_HEAD);
	advance(connection);
}

static void set_reading(struct bud_connection *connection, bool reading)
{
	uv_stream_t *stream = (uv_stream_t *)&connection->tcp;

	if (connection->is_reading == reading || connection->is_ended)
		return;
	connection->is_reading = reading;
	if (!reading)
		uv_read_stop(stream);
	else if (uv_read_start(stream, on_room_wanted, on_read) < 0)
		bud_connection_close(connection);
}

/* Writing */

/* The last reply is out: no more from us, and the client may finish reading it. Closing at once
 * could reset the connection and take the reply with it. */
static void linger(struct bud_connection *connection)
{
	uv_os_fd_t fd;

	if (connection->is_ended || uv_fileno((uv_handle_t *)&connection->tcp, &fd) < 0 ||
		shutdown(fd, SHUT_WR) < 0) {
		bud_connection_close(connection);
		return;
	}
	set_state(connection, BUD_CONNECTION_LINGERING);
	connection->input.from = connection->input.len = 0;
	set_reading(connection, true);
}

static void finish_reply(struct bud_connection *connection)
{
	bool has_more = connection->input.from < connection->input.len;

	if (!connection->keeps_alive || (connection->is_ended && !has_more)) {
		linger(connection);
		return;
	}
	if (!has_more) {
		set_state(connection, BUD_CONNECTION_IDLE);
		bud_input_release(&connection->input, &connection->listener->inputs);
		set_reading(connection, true);
		return;
	}
	/* Reading goes on in advance(), when there is room again. */
	set_state(connection, BUD_CONNECTION_HEAD);
	if (!connection->is_advancing)
		bud_listener_resume_later(connection->listener, connection);
}

static void on_written(uv_write_t *write, int status)
{
	struct bud_connection *connection = write->handle->data;

	free(bud_container(write, struct pending, write));
	if (status < 0)
		bud_connection_close(connection);
	else if (connection->state == BUD_CONNECTION_WRITING)
		finish_reply(connection);
}

/* Queues what the socket did not take of `out` and `rest`. */
static void write_later(struct bud_connection *connection, const uv_buf_t bufs[2], size_t taken)
{
	size_t total = bufs[0].len + bufs[1].len;
	struct pending *pending = bud_alloc(sizeof(*pending) + total - taken);
	size_t first = taken < bufs[0].len ? bufs[0].len - taken : 0;
	size_t skipped = taken > bufs[0].len ? taken - bufs[0].len : 0;

	memcpy(pending->bytes, bufs[0].base + bufs[0].len - first, first);
	if (bufs[1].len > skipped)
		memcpy(pending->bytes + first, bufs[1].base + skipped, bufs[1].len - skipped);
	uv_buf_t buf = uv_buf_init(pending->bytes, (unsigned)(total - taken));
	set_state(connection, BUD_CONNECTION_WRITING);
	if (uv_write(&pending->write, (uv_stream_t *)&connection->tcp, &buf, 1, on_written) < 0) {
		free(pending);
		bud_connection_close(connection);
	}
}

static void send_reply(struct bud_connection *connection, struct bud_span rest)
{
	struct bud_buffer *out = &connection->listener->out;
	uv_buf_t bufs[2] = {uv_buf_init(out->at, (unsigned)out->len),
		uv_buf_init((char *)rest.at, (unsigned)rest.len)};
	int taken = uv_try_write((uv_stream_t *)&connection->tcp, bufs, rest.len > 0 ? 2 : 1);

	if (taken == UV_EAGAIN)
		taken = 0;
	if (taken < 0)
		bud_connection_close(connection);
	else if ((size_t)taken < out->len + rest.len)
		write_later(connection, bufs, (size_t)taken);
	else
		finish_reply(connection);
}

static const char *date_line(struct bud_listener *listener)
{
	int64_t now_s = time(NULL);

	if (now_s != listener->date_s) {
		listener->date_s = now_s;
		bud_answer_write_date(now_s, listener->date);
	}
	return listener->date;
}

/* Whether the next request can begin where this one ends. */
static bool can_keep_alive(const struct bud_listener *listener, const struct bud_message *message)
{
	bool is_over = message->state == BUD_MESSAGE_WHOLE ||
		       (message->state == BUD_MESSAGE_HEADED && !bud_message_has_body(message));

	return is_over && message->head.keep_alive && message->head.minor > 0 &&
	       !listener->is_stopped;
}

static void destroy(struct bud_connection *connection)
{
	struct bud_listener *listener = connection->listener;

	assert(!connection->exchange);
	bud_input_release(&connection->input, &connection->listener->inputs);
	bud_list_remove(&connection->link);
	free(connection);
	bud_listener_forget(listener);
}

void bud_connection_answer(struct bud_exchange *exchange, const struct bud_answer *answer)
{
	struct bud_connection *connection = exchange->connection;
	struct bud_listener *listener = connection->listener;
	struct bud_message *message = &exchange->message;
	struct bud_span rest;

	assert(connection->exchange == exchange);
	if (exchange->is_handed_out)
		listener->n_requests--;
	if (listener->options.on_reply)
		listener->options.on_reply(listener->options.owner, answer->status);
	connection->exchange = NULL;
	connection->keeps_alive = can_keep_alive(listener, message);
	rest = bud_answer_write(&listener->out, answer, date_line(listener),
		connection->keeps_alive, !bud_span_is(message->head.method, "HEAD"));
	connection->input.from += message->raw;
	if (connection->state < BUD_CONNECTION_CLOSING)
		send_reply(connection, rest);
	else if (connection->state == BUD_CONNECTION_LEFT)
		destroy(connection);
	/* Only now: `rest` may point into the exchange. */
	bud_exchange_give_back(&listener->exchanges, exchange);
}

void bud_connection_drop(struct bud_exchange *exchange)
{
	struct bud_connection *connection = exchange->connection;
	struct bud_listener *listener = connection->listener;

	assert(connection->exchange == exchange && exchange->is_handed_out);
	listener->n_requests--;
	connection->exchange = NULL;
	bud_exchange_give_back(&listener->exchanges, exchange);
	if (connection->state == BUD_CONNECTION_LEFT)
		destroy(connection);
	else
		bud_connection_close(connection);
}

/* Answers of our own */

static void answer_problem(
	struct bud_connection *connection, const struct bud_refusal *refusal, const char *fields)
{
	bud_auto(buffer) struct bud_buffer body = {0};
	struct bud_error error;
	int status = refusal->status;

	(void)bud_error_set(&error, refusal->member, "%s", refusal->detail);
	bud_reply_write_problem(
		&body, status, bud_status_slug(status), bud_status_reason(status), &error);
	struct bud_answer answer = {status, "application/problem+json",
		bud_span(fields ? fields : ""), bud_buffer_as_span(&body)};
	bud_connection_answer(connection->exchange, &answer);
}

static void answer_no_method(struct bud_connection *connection, struct bud_span path)
{
	const struct bud_listener_options *options = &connection->listener->options;
	struct bud_buffer *fields = &connection->exchange->fields;
	struct bud_refusal refusal = {405, "This path does not take this method.", NULL};

	bud_buffer_text(fields, "Allow: ");
	bud_route_write_allow(options->tables, options->n_tables, path, fields);
	bud_buffer_text(fields, "\r\n");
	if (!bud_span_is(connection->exchange->message.head.method, "OPTIONS")) {
		answer_problem(connection, &refusal, fields->at);
		return;
	}
	struct bud_answer answer = {200, NULL, bud_buffer_as_span(fields), {NULL, 0}};
	bud_connection_answer(connection->exchange, &answer);
}

/* The steps of a request */

/* The head is there: finds the route, so that a wrong path or method costs no body. */
static void find_route(struct bud_connection *connection)
{
	const struct bud_listener_options *options = &connection->listener->options;
	struct bud_exchange *exchange = connection->exchange;
	const struct bud_head *head = &exchange->message.head;
	struct bud_refusal refusal = {404, "There is nothing at this path.", NULL};
	struct bud_route_match match;

	switch (bud_route_find(
		options->tables, options->n_tables, head->method, head->path, &match)) {
	case BUD_ROUTE_NO_PATH:
		answer_problem(connection, &refusal, NULL);
		return;
	case BUD_ROUTE_NO_METHOD:
		answer_no_method(connection, head->path);
		return;
	case BUD_ROUTE_FOUND:
		break;
	}
	if (!bud_exchange_set_route(&connection->listener->exchanges, exchange, &match, &refusal)) {
		answer_problem(connection, &refusal, NULL);
		return;
	}
	exchange->message.body_bytes_max = match.route->body_bytes_max;
}

/* A body is to come; a client that waits for our word gets it once the limit was checked. */
static void start_body(struct bud_connection *connection)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	const struct bud_message *message = &connection->exchange->message;
	int len = (int)strlen(go_on);
	uv_buf_t buf = uv_buf_init((char *)go_on, (unsigned)len);

	set_state(connection, BUD_CONNECTION_BODY);
	if (!message->head.expects_continue ||
		connection->input.len - connection->input.from > message->head_len)
		return;
	if (uv_try_write((uv_stream_t *)&connection->tcp, &buf, 1) != len)
		bud_connection_close(connection);
}

static void hand_out(struct bud_connection *connection)
{
	set_state(connection, BUD_CONNECTION_HANDLING);
	connection->listener->n_requests++;
	bud_exchange_hand_out(&connection->listener->exchanges, connection->exchange);
}

/* Skips an empty line before a request (RFC 9112 2.2). False: that is all there is. */
static bool start_message(struct bud_connection *connection)
{
	while (connection->input.from < connection->input.len &&
		connection->input.at[connection->input.from] == '\r') {
		if (connection->input.len - connection->input.from < 2)
			return false;
		if (connection->input.at[connection->input.from + 1] != '\n')
			break;
		connection->input.from += 2;
	}
	if (connection->input.from == connection->input.len)
		return false;
	connection->exchange = bud_exchange_take(&connection->listener->exchanges, connection);
	return true;
}

/* Reads on in the message; false when more bytes are needed. */
static bool step(struct bud_connection *connection)
{
	if (!connection->exchange && !start_message(connection))
		return false;
	struct bud_message *message = &connection->exchange->message;
	size_t len = connection->input.len - connection->input.from;
	enum bud_message_state state =
		bud_message_read(message, bud_input_start(&connection->input), &len);

	connection->input.len = connection->input.from + len;
	switch (state) {
	case BUD_MESSAGE_HEAD:
		return false;
	case BUD_MESSAGE_HEADED:
		find_route(connection);
		return true;
	case BUD_MESSAGE_BODY:
		if (connection->state == BUD_CONNECTION_BODY)
			return false;
		if (bud_exchange_is_refused(&connection->listener->exchanges, connection->exchange))
			return true;
		start_body(connection);
		return false;
	case BUD_MESSAGE_WHOLE:
		hand_out(connection);
		return true;
	case BUD_MESSAGE_REFUSED:
		answer_problem(connection, &message->refusal, NULL);
		return true;
	}
	return false;
}

/* Reads as many requests as the buffer has and the handlers answer at once. */
static void advance(struct bud_connection *connection)
{
	static const struct bud_refusal full = {503, "Too much input waits already.", NULL};

	connection->is_advancing = true;
	while (is_receiving(connection) && connection->input.from < connection->input.len &&
		step(connection))
		;
	if (is_receiving(connection) && connection->is_ended)
		bud_connection_close(connection);
	else if (is_receiving(connection) && !make_room(connection))
		answer_problem(connection, &full, "Retry-After: 1\r\n");
	connection->is_advancing = false;
	if (is_receiving(connection))
		set_reading(connection, true);
	else if (bud_input_is_full(&connection->input))
		set_reading(connection, false);
}

void bud_connection_resume(struct bud_connection *connection)
{
	advance(connection);
}

void bud_connection_expire(struct bud_connection *connection)
{
	bool is_late = connection->exchange && is_receiving(connection);
	struct bud_refusal refusal = {408, "The head took too long.", NULL};

	if (connection->state == BUD_CONNECTION_BODY)
		refusal.detail = "The body took too long.";
	if (is_late)
		answer_problem(connection, &refusal, NULL);
	else
		bud_connection_close(connection);
}

/* Life */

static void on_closed(uv_handle_t *handle)
{
	struct bud_connection *connection = handle->data;

	if (connection->exchange)
		set_state(connection, BUD_CONNECTION_LEFT);
	else
		destroy(connection);
}

void bud_connection_close(struct bud_connection *connection)
{
	if (connection->state >= BUD_CONNECTION_CLOSING)
		return;
	if (connection->exchange && !connection->exchange->is_handed_out) {
		bud_exchange_give_back(&connection->listener->exchanges, connection->exchange);
		connection->exchange = NULL;
	}
	bud_list_remove(&connection->ready);
	set_state(connection, BUD_CONNECTION_CLOSING);
	uv_close((uv_handle_t *)&connection->tcp, on_closed);
}

void bud_connection_open(struct bud_listener *listener, int fd)
{
	struct bud_connection *connection = bud_new(struct bud_connection);

	connection->listener = listener;
	bud_list_init(&connection->link);
	bud_list_init(&connection->ready);
	uv_tcp_init(listener->loop, &connection->tcp);
	connection->tcp.data = connection;
	listener->n_connections++;
	set_state(connection, BUD_CONNECTION_HEAD);
	int r = uv_tcp_open(&connection->tcp, fd);
	if (r < 0) {
		close(fd);
		bud_connection_close(connection);
		return;
	}
	set_reading(connection, true);
}
