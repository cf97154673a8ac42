/* A connection: TLS handshake (or none) -> head -> body -> act -> head ... An act is text, a unit
 * repeated, a tail and an end; each write waits for the one before it, so nothing piles up. */
#include <assert.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include "acts.h"
#include "receiver_state.h"

#define HEAD_BYTES_MAX (1u << 20)
#define BLOCK_BYTES    65536u
#define DRIP_MS        1000

enum act_phase {
	PHASE_NONE, /* no act: waits for a request */
	PHASE_TEXT,
	PHASE_UNITS,
	PHASE_TAIL,
	PHASE_END,
};

struct connection {
	uv_tcp_t tcp;
	uv_timer_t timer;
	struct bud_list link;
	struct receiver_listener *listener;
	SSL *ssl;
	BIO *from_wire;
	BIO *to_wire;
	struct bud_buffer in; /* of the head that comes in */
	size_t body_left;
	bool has_head;
	bool must_die; /* when another request comes */
	struct act act;
	struct bud_buffer made; /* texts of the act */
	enum act_phase phase;
	size_t text_at;
	size_t units_left;
	char *block; /* the act's unit, many times */
	size_t block_len;
	unsigned handles;
};

struct write {
	uv_write_t request;
	struct connection *connection;
	bool goes_on; /* the act's next step waits for it */
	char bytes[];
};

static void on_handle_closed(uv_handle_t *handle)
{
	struct connection *connection = handle->data;
	if (--connection->handles > 0)
		return;
	struct receiver *receiver = connection->listener->receiver;
	SSL_free(connection->ssl);
	bud_buffer_finish(&connection->in);
	bud_buffer_finish(&connection->made);
	free(connection->block);
	free(connection);
	receiver_handle_closed(receiver);
}

static void drop(struct connection *connection, bool reset)
{
	if (uv_is_closing((uv_handle_t *)&connection->tcp))
		return;
	bud_list_remove(&connection->link);
	connection->listener->receiver->connections_n--;
	uv_close((uv_handle_t *)&connection->timer, on_handle_closed);
	if (!reset || uv_tcp_close_reset(&connection->tcp, on_handle_closed) != 0)
		uv_close((uv_handle_t *)&connection->tcp, on_handle_closed);
}

void connections_close(struct receiver *receiver)
{
	while (!bud_list_is_empty(&receiver->connections))
		drop(bud_list_first(&receiver->connections, struct connection, link), false);
}

static void go_on(struct connection *connection);

static void on_written(uv_write_t *request, int status)
{
	struct write *write = bud_container(request, struct write, request);
	struct connection *connection = write->connection;
	bool goes_on = write->goes_on && status == 0;
	free(write);
	if (status < 0)
		drop(connection, false);
	else if (goes_on && !uv_is_closing((uv_handle_t *)&connection->tcp))
		go_on(connection);
}

/* `bytes` are copied when `copy`, else they live as long as the connection. */
static void send_raw(
	struct connection *connection, const char *bytes, size_t len, bool copy, bool goes_on)
{
	struct write *write = bud_alloc(sizeof(*write) + (copy ? len : 0));
	write->connection = connection;
	write->goes_on = goes_on;
	if (copy)
		memcpy(write->bytes, bytes, len);
	uv_buf_t buf = uv_buf_init(copy ? write->bytes : (char *)bytes, (unsigned)len);
	int r = uv_write(&write->request, (uv_stream_t *)&connection->tcp, &buf, 1, on_written);
	if (r < 0) {
		free(write);
		drop(connection, false);
	}
}

/* What OpenSSL has written. */
static void flush_tls(struct connection *connection, bool goes_on)
{
	char *bytes;
	long len = BIO_get_mem_data(connection->to_wire, &bytes);
	if (len > 0)
		send_raw(connection, bytes, (size_t)len, true, goes_on);
	(void)BIO_reset(connection->to_wire);
}

static void send_bytes(struct connection *connection, const char *bytes, size_t len)
{
	if (!connection->ssl) {
		send_raw(connection, bytes, len, false, true);
		return;
	}
	if (SSL_write(connection->ssl, bytes, (int)len) <= 0)
		drop(connection, false);
	else
		flush_tls(connection, true);
}

static size_t text_len(const struct act *act)
{
	if (!act->text)
		return 0;
	return act->text_len ? act->text_len : strlen(act->text);
}

static void fill_block(struct connection *connection)
{
	const struct act *act = &connection->act;
	size_t unit = act->unit_len ? act->unit_len : strlen(act->unit);
	size_t n = act->drips ? 1 : BLOCK_BYTES / unit;
	connection->block_len = n * unit;
	connection->block = bud_alloc(connection->block_len);
	for (size_t i = 0; i < n; i++)
		memcpy(connection->block + i * unit, act->unit, unit);
}

static void take_requests(struct connection *connection);

static void end_act(struct connection *connection)
{
	enum act_end end = connection->act.end;
	connection->must_die = connection->act.dies_next;
	free(bud_move(connection->block));
	if (end == ACT_CLOSE || end == ACT_RESET) {
		drop(connection, end == ACT_RESET);
		return;
	}
	if (end == ACT_HANG)
		return; /* in PHASE_END for ever */
	connection->phase = PHASE_NONE;
	bud_buffer_clear(&connection->made);
	take_requests(connection);
}

/* The bytes that come next, at most `max`; none when the act is at its end. */
static struct bud_span next_bytes(struct connection *connection, size_t max)
{
	const struct act *act = &connection->act;
	struct bud_span span = {NULL, 0};
	if (connection->phase == PHASE_TEXT) {
		span.at = act->text + connection->text_at;
		span.len = text_len(act) - connection->text_at;
		if (span.len > 0)
			goto cut;
		connection->phase = PHASE_UNITS;
		connection->units_left = act->unit ? act->unit_bytes : 0;
		if (act->unit)
			fill_block(connection);
	}
	if (connection->phase == PHASE_UNITS) {
		span.at = connection->block;
		span.len = connection->units_left < connection->block_len ? connection->units_left
									  : connection->block_len;
		if (span.len > 0 && connection->units_left > 0)
			goto cut;
		connection->phase = PHASE_TAIL;
		connection->text_at = 0;
	}
	if (connection->phase == PHASE_TAIL && act->tail) {
		span.at = act->tail + connection->text_at;
		span.len = strlen(act->tail) - connection->text_at;
	}
cut:
	if (span.len > max)
		span.len = max;
	if (connection->phase != PHASE_UNITS)
		connection->text_at += span.len;
	else if (connection->units_left != SIZE_MAX)
		connection->units_left -= span.len;
	return span;
}

static void on_timer(uv_timer_t *timer)
{
	struct connection *connection = timer->data;
	struct bud_span bytes = next_bytes(connection, connection->act.drips ? 1 : SIZE_MAX);
	if (bytes.len > 0)
		send_bytes(connection, bytes.at, bytes.len);
	else
		go_on(connection);
}

static void go_on(struct connection *connection)
{
	const struct act *act = &connection->act;
	if (connection->phase == PHASE_NONE || connection->phase == PHASE_END)
		return;
	bool has_sent_all =
		connection->phase == PHASE_TEXT && connection->text_at >= act->drips_from;
	if (act->drips && (connection->phase != PHASE_TEXT || has_sent_all)) {
		uv_timer_start(&connection->timer, on_timer, DRIP_MS, 0);
		return;
	}
	struct bud_span bytes = next_bytes(connection, act->drips ? act->drips_from : SIZE_MAX);
	if (bytes.len > 0) {
		send_bytes(connection, bytes.at, bytes.len);
		return;
	}
	connection->phase = PHASE_END;
	end_act(connection);
}

static void start_act(struct connection *connection)
{
	connection->phase = PHASE_TEXT;
	connection->text_at = 0;
	if (connection->act.wait_ms > 0)
		uv_timer_start(&connection->timer, on_timer, connection->act.wait_ms, 0);
	else
		go_on(connection);
}

static void write_peer(const struct connection *connection, struct bud_buffer *out)
{
	X509 *peer = connection->ssl ? SSL_get1_peer_certificate(connection->ssl) : NULL;
	long serial = peer ? ASN1_INTEGER_get(X509_get_serialNumber(peer)) : 0;
	bud_buffer_format(out, "{\"serial\":%ld}", serial);
	X509_free(peer);
}

static void find_act(struct connection *connection, struct bud_span target)
{
	struct receiver *receiver = connection->listener->receiver;
	struct bud_span path = bud_span_take_until(&(struct bud_span){target.at, target.len}, '?');
	struct bud_buffer *made = &connection->made;
	struct bud_buffer body = {0};
	bud_buffer_clear(made);
	if (bud_span_is(path, "/_counts")) {
		receiver_write_counts(receiver, &body);
	} else if (bud_span_is(path, "/_peer")) {
		write_peer(connection, &body);
	} else if (bud_span_is(path, "/_stats")) {
		uint64_t accepts = 0;
		for (int i = 0; i < RECEIVER_PORTS; i++)
			accepts += receiver->listeners[i].accepts;
		bud_buffer_format(&body, "{\"accepts\":%llu,\"connections\":%zu,\"requests\":%llu}",
			(unsigned long long)accepts, receiver->connections_n,
			(unsigned long long)receiver->requests);
	} else {
		receiver->requests++;
		receiver_add_count(receiver, path);
		if (!act_find(target, made, &connection->act))
			connection->act = (struct act){
				.text = "HTTP/1.1 404 No Such Act\r\nContent-Length: 0\r\n\r\n"};
		return;
	}
	bud_buffer_format(made,
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
		"Content-Length: %zu\r\n\r\n",
		body.len);
	bud_buffer_span(made, bud_buffer_as_span(&body));
	bud_buffer_finish(&body);
	connection->act = (struct act){.text = made->at};
}

/* "POST /path HTTP/1.1\r\n…Content-Length: 5\r\n…" */
static void read_head(struct connection *connection, size_t len)
{
	struct bud_span head = {connection->in.at, len};
	struct bud_span line = bud_span_take_until(&head, '\n');
	(void)bud_span_take_until(&line, ' ');
	struct bud_span target = bud_span_take_until(&line, ' ');
	connection->body_left = 0;
	while (head.len > 0) {
		static const char name[] = "content-length:";
		line = bud_span_take_until(&head, '\n');
		if (bud_span_starts_nocase(line, name))
			connection->body_left = strtoul(line.at + sizeof(name) - 1, NULL, 10);
	}
	connection->has_head = true;
	find_act(connection, target);
}

static void consume(struct bud_buffer *in, size_t len)
{
	memmove(in->at, in->at + len, in->len - len);
	in->len -= len;
}

/* One request after the other out of what has come; none while an act is under way. */
static void take_requests(struct connection *connection)
{
	struct bud_buffer *in = &connection->in;
	if (connection->has_head) {
		size_t len = in->len < connection->body_left ? in->len : connection->body_left;
		if (len > 0)
			consume(in, len);
		connection->body_left -= len;
		if (connection->body_left > 0)
			return;
		connection->has_head = false;
		if (!connection->act.is_early) {
			start_act(connection);
			return;
		}
	}
	if (connection->phase != PHASE_NONE || in->len == 0)
		return;
	const char *end = memmem(in->at, in->len, "\r\n\r\n", 4);
	if (!end)
		return;
	size_t len = (size_t)(end - in->at) + 4;
	read_head(connection, len);
	consume(in, len);
	if (connection->must_die) {
		drop(connection, false);
		return;
	}
	if (connection->act.is_early)
		start_act(connection);
	else
		take_requests(connection); /* the body, at most one level deeper */
}

static void take_bytes(struct connection *connection, const char *bytes, size_t len)
{
	if (connection->phase == PHASE_END)
		return;
	if (connection->in.len + len > HEAD_BYTES_MAX) {
		drop(connection, false);
		return;
	}
	bud_buffer_add(&connection->in, bytes, len);
	take_requests(connection);
}

static void take_tls(struct connection *connection, const char *bytes, size_t len)
{
	char room[16384];
	int n;
	bool was_finished = SSL_is_init_finished(connection->ssl);
	BIO_write(connection->from_wire, bytes, (int)len);
	while ((n = SSL_read(connection->ssl, room, sizeof(room))) > 0) {
		take_bytes(connection, room, (size_t)n);
		if (uv_is_closing((uv_handle_t *)&connection->tcp))
			return;
	}
	int error = SSL_get_error(connection->ssl, n);
	if (!was_finished && SSL_is_init_finished(connection->ssl))
		connection->listener->handshakes++;
	flush_tls(connection, false);
	if (error != SSL_ERROR_WANT_READ)
		drop(connection, false);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *out)
{
	(void)size;
	struct connection *connection = handle->data;
	struct receiver *receiver = connection->listener->receiver;
	*out = uv_buf_init(receiver->room, sizeof(receiver->room));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct connection *connection = stream->data;
	if (n < 0)
		drop(connection, false);
	else if (n > 0 && connection->listener->which == RECEIVER_SILENT)
		return;
	else if (n > 0 && connection->ssl)
		take_tls(connection, buf->base, (size_t)n);
	else if (n > 0)
		take_bytes(connection, buf->base, (size_t)n);
}

void connection_accept(struct receiver_listener *listener)
{
	struct receiver *receiver = listener->receiver;
	struct connection *connection = bud_new(struct connection);
	connection->listener = listener;
	connection->handles = 2;
	uv_tcp_init(listener->tcp.loop, &connection->tcp);
	uv_timer_init(listener->tcp.loop, &connection->timer);
	connection->tcp.data = connection;
	connection->timer.data = connection;
	bud_list_append(&receiver->connections, &connection->link);
	receiver->connections_n++;
	receiver->handles++;
	if (uv_accept((uv_stream_t *)&listener->tcp, (uv_stream_t *)&connection->tcp) < 0) {
		drop(connection, false);
		return;
	}
	listener->accepts++;
	if (listener->which == RECEIVER_RESET) {
		drop(connection, true);
		return;
	}
	if (listener->tls) {
		connection->ssl = SSL_new(listener->tls);
		connection->from_wire = BIO_new(BIO_s_mem());
		connection->to_wire = BIO_new(BIO_s_mem());
		SSL_set_bio(connection->ssl, connection->from_wire, connection->to_wire);
		SSL_set_accept_state(connection->ssl);
	}
	uv_read_start((uv_stream_t *)&connection->tcp, on_alloc, on_read);
}
