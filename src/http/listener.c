/* Listeners: accept, file connections by state, end those whose time is up.
 *
 * Each state has one duration, and set_state() appends, so each list is in order of age and a tick
 * looks only at those that are due. Accepting is ours rather than uv_listen()'s, to keep a spare
 * descriptor: when they run out, the spare is given up to take one client and turn it away, and
 * if even that fails accepting pauses until the next tick instead of spinning. */
#include "http/listener.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/limits.h"
#include "http/address.h"
#include "http/listener_state.h"

#define BACKLOG          1024
#define ACCEPTS_PER_TURN 64
#define TICK_MS_MAX      250u
#define TICK_MS_MIN      5u

static void on_acceptable(uv_poll_t *poll, int status, int events);
static void on_tick(uv_timer_t *timer);
static void on_ready(uv_idle_t *idle);

/* Opening */

static void default_to(uint32_t *value, uint32_t fallback)
{
	if (*value == 0)
		*value = fallback;
}

static void set_defaults(struct bud_listener_options *options)
{
	default_to(&options->deadlines.head_ms, BUD_HEAD_DEADLINE_MS);
	default_to(&options->deadlines.body_ms, BUD_BODY_DEADLINE_MS);
	default_to(&options->deadlines.idle_ms, BUD_IDLE_DEADLINE_MS);
	default_to(&options->deadlines.write_ms, BUD_WRITE_DEADLINE_MS);
	default_to(&options->deadlines.linger_ms, BUD_LINGER_DEADLINE_MS);
	if (options->connections_max == 0)
		options->connections_max = BUD_CONNECTIONS_MAX;
	if (options->input_bytes_max == 0)
		options->input_bytes_max = BUD_INGEST_BYTES_MAX;
}

/* How long a connection may be in a state; 0: as long as it takes. */
static uint32_t deadline_of(const struct bud_listener *listener, enum bud_connection_state state)
{
	const struct bud_listener_deadlines *deadlines = &listener->options.deadlines;

	switch (state) {
	case BUD_CONNECTION_IDLE:
		return deadlines->idle_ms;
	case BUD_CONNECTION_HEAD:
		return deadlines->head_ms;
	case BUD_CONNECTION_BODY:
		return deadlines->body_ms;
	case BUD_CONNECTION_WRITING:
		return deadlines->write_ms;
	case BUD_CONNECTION_LINGERING:
		return deadlines->linger_ms;
	default:
		return 0;
	}
}

/* An eighth of the shortest deadline, so that none is late by more. */
static uint32_t tick_ms(const struct bud_listener *listener)
{
	uint32_t shortest = TICK_MS_MAX * 8;

	for (int i = 0; i < BUD_CONNECTION_STATES; i++) {
		uint32_t deadline = deadline_of(listener, (enum bud_connection_state)i);
		if (deadline > 0 && deadline < shortest)
			shortest = deadline;
	}
	return shortest / 8 < TICK_MS_MIN ? TICK_MS_MIN : shortest / 8;
}

static void start_ticking(struct bud_listener *listener)
{
	uint32_t ms = tick_ms(listener);

	if (!uv_is_active((uv_handle_t *)&listener->tick) && !listener->is_closing)
		uv_timer_start(&listener->tick, on_tick, ms, ms);
}

static int open_spare(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Makes `fd` listen on the loop. */
static int start_listening(struct bud_listener *listener, int fd)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || listen(fd, BACKLOG) < 0 ||
		getsockname(fd, (struct sockaddr *)&address, &len) < 0)
		return -errno;
	listener->port = bud_address_port(&address);
	return uv_poll_init(listener->loop, &listener->poll, fd);
}

struct bud_listener *bud_listener_open(
	uv_loop_t *loop, const struct bud_listener_options *options, int *out_error)
{
	int fd = options->fd;
	int port;
	int r = 0;

	if (fd == 0)
		r = bud_listener_bind(options->host, options->port, &fd, &port);
	if (r < 0) {
		*out_error = r;
		return NULL;
	}
	struct bud_listener *listener = bud_new(struct bud_listener);
	listener->loop = loop;
	listener->options = *options;
	set_defaults(&listener->options);
	r = start_listening(listener, fd);
	if (r < 0) {
		close(fd);
		free(listener);
		*out_error = r;
		return NULL;
	}
	listener->fd = fd;
	listener->spare = open_spare();
	bud_list_init(&listener->ready);
	for (int i = 0; i < BUD_CONNECTION_STATES; i++)
		bud_list_init(&listener->connections[i]);
	bud_exchange_pool_init(&listener->exchanges);
	listener->exchanges.authentication = options->authentication;
	listener->exchanges.refuses_other_sites = options->refuses_other_sites;
	listener->inputs.bytes_max = listener->options.input_bytes_max;
	uv_timer_init(loop, &listener->tick);
	uv_idle_init(loop, &listener->ready_idle);
	listener->poll.data = listener->tick.data = listener->ready_idle.data = listener;
	listener->n_handles = 3;
	uv_poll_start(&listener->poll, UV_READABLE, on_acceptable);
	return listener;
}

int bud_listener_port(const struct bud_listener *listener)
{
	return listener->port;
}

/* Accepting */

static void turn_away(int fd)
{
	static const char full[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"
				   "Content-Length: 0\r\nConnection: close\r\n\r\n";

	(void)send(fd, full, strlen(full), MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}

static void pause_accepting(struct bud_listener *listener)
{
	uv_poll_stop(&listener->poll);
	listener->is_paused = true;
	start_ticking(listener);
}

/* No descriptor is left. False when there is nothing to give up either. */
static bool spend_spare(struct bud_listener *listener)
{
	if (listener->spare < 0)
		return false;
	close(listener->spare);
	int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		turn_away(fd);
	listener->spare = open_spare();
	return fd >= 0 && listener->spare >= 0;
}

/* False when nobody waits, or accepting has to pause. */
static bool accept_one(struct bud_listener *listener)
{
	int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return false;
	if (fd < 0 && (errno == ECONNABORTED || errno == EINTR))
		return true;
	if (fd < 0 && (errno == EMFILE || errno == ENFILE) && spend_spare(listener))
		return true;
	if (fd < 0) {
		pause_accepting(listener);
		return false;
	}
	if (listener->n_connections >= listener->options.connections_max) {
		turn_away(fd);
		return true;
	}
	bud_connection_open(listener, fd);
	start_ticking(listener);
	return true;
}

static void on_acceptable(uv_poll_t *poll, int status, int events)
{
	struct bud_listener *listener = poll->data;

	(void)events;
	if (status < 0) {
		pause_accepting(listener);
		return;
	}
	for (int i = 0; i < ACCEPTS_PER_TURN && accept_one(listener); i++)
		;
}

/* Time */

static void expire_due(struct bud_listener *listener, enum bud_connection_state state)
{
	struct bud_list *list = &listener->connections[state];
	uint64_t now_ms = uv_now(listener->loop);
	uint32_t deadline_ms = deadline_of(listener, state);

	while (deadline_ms > 0 && !bud_list_is_empty(list)) {
		struct bud_connection *oldest = bud_list_first(list, struct bud_connection, link);
		if (now_ms - oldest->since_ms < deadline_ms)
			return;
		bud_connection_expire(oldest);
	}
}

/* While draining, a client that has connected and says nothing is not waited for. */
static void expire_silent(struct bud_listener *listener)
{
	uint64_t now_ms = uv_now(listener->loop);
	struct bud_connection *connection;
	struct bud_connection *after;

	bud_list_each_safe (connection, after, &listener->connections[BUD_CONNECTION_HEAD], link) {
		bool is_silent = !connection->exchange && bud_input_is_empty(&connection->input);
		if (is_silent &&
			now_ms - connection->since_ms >= listener->options.deadlines.linger_ms)
			bud_connection_close(connection);
	}
}

static void on_tick(uv_timer_t *timer)
{
	struct bud_listener *listener = timer->data;

	for (int i = 0; i < BUD_CONNECTION_STATES; i++)
		expire_due(listener, (enum bud_connection_state)i);
	if (listener->is_stopped)
		expire_silent(listener);
	if (listener->is_paused && !listener->is_stopped) {
		listener->is_paused = false;
		if (listener->spare < 0)
			listener->spare = open_spare();
		uv_poll_start(&listener->poll, UV_READABLE, on_acceptable);
	}
	if (listener->n_connections == 0 && !listener->is_paused)
		uv_timer_stop(timer);
}

/* Connections that have bytes to look at and nobody who calls */

void bud_listener_resume_later(struct bud_listener *listener, struct bud_connection *connection)
{
	bud_list_remove(&connection->ready);
	bud_list_append(&listener->ready, &connection->ready);
	uv_idle_start(&listener->ready_idle, on_ready);
}

static void on_ready(uv_idle_t *idle)
{
	struct bud_listener *listener = idle->data;
	struct bud_list now;

	/* Those that come meanwhile wait for the next turn. */
	bud_list_append(&listener->ready, &now);
	bud_list_remove(&listener->ready);
	while (!bud_list_is_empty(&now)) {
		struct bud_connection *first = bud_list_first(&now, struct bud_connection, ready);
		bud_list_remove(&first->ready);
		bud_connection_resume(first);
	}
	if (bud_list_is_empty(&listener->ready) && !listener->is_closing)
		uv_idle_stop(idle);
}

/* The end */

static void stop_accepting(struct bud_listener *listener)
{
	if (listener->fd < 0)
		return;
	uv_poll_stop(&listener->poll);
	close(listener->fd);
	listener->fd = -1;
	listener->is_stopped = true;
	listener->is_paused = false;
}

void bud_listener_stop(struct bud_listener *listener)
{
	struct bud_list *idle = &listener->connections[BUD_CONNECTION_IDLE];

	/* Who waits in the queue already is served. */
	for (int i = 0; i < BACKLOG && listener->fd >= 0 && accept_one(listener); i++)
		;
	stop_accepting(listener);
	while (!bud_list_is_empty(idle))
		bud_connection_close(bud_list_first(idle, struct bud_connection, link));
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct bud_listener *listener = handle->data;
	void (*on_closed)(void *) = listener->on_closed;
	void *owner = listener->owner;

	if (--listener->n_handles > 0)
		return;
	assert(listener->n_connections == 0);
	bud_exchange_pool_finish(&listener->exchanges);
	bud_input_pool_finish(&listener->inputs);
	bud_buffer_finish(&listener->out);
	if (listener->spare >= 0)
		close(listener->spare);
	free(listener);
	if (on_closed)
		on_closed(owner);
}

/* The idle handle goes last, when the last connection is gone: its callback ends the listener. */
static void close_when_empty(struct bud_listener *listener)
{
	if (listener->is_closing && listener->n_connections == 0)
		uv_close((uv_handle_t *)&listener->ready_idle, on_handle_closed);
}

void bud_listener_forget(struct bud_listener *listener)
{
	listener->n_connections--;
	close_when_empty(listener);
}

void bud_listener_close(struct bud_listener *listener, void (*on_closed)(void *owner), void *owner)
{
	struct bud_connection *connection;
	struct bud_connection *after;

	if (!listener)
		return;
	assert(!listener->is_closing);
	stop_accepting(listener);
	for (int i = 0; i < BUD_CONNECTION_CLOSING; i++) {
		bud_list_each_safe (connection, after, &listener->connections[i], link)
			bud_connection_close(connection);
	}
	listener->is_closing = true;
	listener->on_closed = on_closed;
	listener->owner = owner;
	uv_close((uv_handle_t *)&listener->poll, on_handle_closed);
	uv_close((uv_handle_t *)&listener->tick, on_handle_closed);
	close_when_empty(listener);
}

size_t bud_listener_connections(const struct bud_listener *listener)
{
	return listener->n_connections;
}

size_t bud_listener_requests(const struct bud_listener *listener)
{
	return listener->n_requests;
}

size_t bud_listener_input_bytes(const struct bud_listener *listener)
{
	return listener->inputs.bytes;
}
