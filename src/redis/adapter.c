/* hiredis asks for "tell me when I can read / write" and is told through HandleRead and
 * HandleWrite. Three things differ from the adapter that hiredis 0.14 brings along:
 *  - a poll that ends in an error (libuv reports POLLERR as EBADF and stops the watcher) is passed
 *    on, so that a refused or reset connection ends with its callbacks called;
 *  - the watcher is touched only when the wanted events change;
 *  - writing needs no watcher: all that was sent in one turn of the loop is written once, just
 *    before the loop blocks. Only a full socket is watched for room. */
#include "redis/adapter.h"
#include <assert.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include "core/alloc.h"

#define SILENCE_MAX_MS 10000 /* sent, and no acknowledgement by TCP */

struct bud_redis_adapter {
	redisAsyncContext *context; /* NULL once hiredis has let go of it */
	struct bud_redis_adapter_options options;
	bool silent;  /* we closed it ourselves */
	bool writing; /* inside HandleWrite: asking to write means that the socket is full */
	int watched;  /* UV_READABLE, UV_WRITABLE */
	int handles_open;
	uv_poll_t poll;
	uv_prepare_t flush;
};

static void on_poll(uv_poll_t *poll, int status, int events);
static void on_flush(uv_prepare_t *flush);

static void watch(struct bud_redis_adapter *adapter, int wanted)
{
	if (wanted == adapter->watched)
		return;
	adapter->watched = wanted;
	if (wanted)
		(void)uv_poll_start(&adapter->poll, wanted, on_poll);
	else
		(void)uv_poll_stop(&adapter->poll);
}

static void add_read(void *data)
{
	struct bud_redis_adapter *adapter = data;
	watch(adapter, adapter->watched | UV_READABLE);
}

static void del_read(void *data)
{
	struct bud_redis_adapter *adapter = data;
	watch(adapter, adapter->watched & ~UV_READABLE);
}

static void add_write(void *data)
{
	struct bud_redis_adapter *adapter = data;
	if (adapter->watched & UV_WRITABLE)
		return;
	/* Before it is connected, being writable is how it learns that it is. */
	if (adapter->writing || !(adapter->context->c.flags & REDIS_CONNECTED))
		watch(adapter, adapter->watched | UV_WRITABLE);
	else if (!uv_is_active((uv_handle_t *)&adapter->flush))
		(void)uv_prepare_start(&adapter->flush, on_flush);
}

static void del_write(void *data)
{
	struct bud_redis_adapter *adapter = data;
	(void)uv_prepare_stop(&adapter->flush);
	watch(adapter, adapter->watched & ~UV_WRITABLE);
}

static void write_out(struct bud_redis_adapter *adapter)
{
	adapter->writing = true;
	redisAsyncHandleWrite(adapter->context);
	adapter->writing = false;
}

static void on_flush(uv_prepare_t *flush)
{
	struct bud_redis_adapter *adapter = flush->data;
	(void)uv_prepare_stop(flush);
	if (adapter->context)
		write_out(adapter);
}

static void on_closed(uv_handle_t *handle)
{
	struct bud_redis_adapter *adapter = handle->data;
	if (--adapter->handles_open == 0)
		free(adapter);
}

/* hiredis calls this last, before it closes the socket: the watcher must be off it by then. */
static void cleanup(void *data)
{
	struct bud_redis_adapter *adapter = data;
	redisAsyncContext *context = bud_move(adapter->context);
	uv_close((uv_handle_t *)&adapter->poll, on_closed);
	uv_close((uv_handle_t *)&adapter->flush, on_closed);
	if (!adapter->silent)
		adapter->options.on_gone(adapter->options.owner,
			context->c.err ? context->c.errstr : "connection broken");
}

/* Reading makes hiredis find the error and end the connection. Should it find none, we end it: the
 * kernel has reported the error once and may not do so again. */
static void on_poll_error(struct bud_redis_adapter *adapter)
{
	adapter->watched = 0;
	redisAsyncHandleRead(adapter->context);
	if (adapter->context)
		redisAsyncFree(adapter->context);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct bud_redis_adapter *adapter = poll->data;
	assert(adapter->context);
	if (status < 0) {
		on_poll_error(adapter);
		return;
	}
	if (events & UV_READABLE)
		redisAsyncHandleRead(adapter->context);
	if (adapter->context && (events & UV_WRITABLE))
		write_out(adapter);
}

static void on_connect(const redisAsyncContext *context, int status)
{
	struct bud_redis_adapter *adapter = context->ev.data;
	if (status == REDIS_OK)
		adapter->options.on_connected(adapter->options.owner);
}

static void set_socket_options(int fd, bool is_tcp)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{IPPROTO_TCP, TCP_NODELAY, 1},
		{IPPROTO_TCP, TCP_USER_TIMEOUT, SILENCE_MAX_MS},
		{SOL_SOCKET, SO_KEEPALIVE, 1},
		{IPPROTO_TCP, TCP_KEEPIDLE, 5},
		{IPPROTO_TCP, TCP_KEEPINTVL, 2},
		{IPPROTO_TCP, TCP_KEEPCNT, 3},
	};
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	for (size_t i = 0; is_tcp && i < sizeof(options) / sizeof(options[0]); i++)
		(void)setsockopt(fd, options[i].level, options[i].name, &options[i].value,
			sizeof(options[i].value));
}

struct bud_redis_adapter *bud_redis_adapter_open(uv_loop_t *loop, redisAsyncContext *context,
	const struct bud_redis_adapter_options *options)
{
	struct bud_redis_adapter *adapter = bud_new(struct bud_redis_adapter);
	if (uv_poll_init(loop, &adapter->poll, context->c.fd) < 0) {
		free(adapter);
		redisAsyncFree(context);
		return NULL;
	}
	(void)uv_prepare_init(loop, &adapter->flush);
	set_socket_options(context->c.fd, context->c.connection_type == REDIS_CONN_TCP);
	adapter->poll.data = adapter;
	adapter->flush.data = adapter;
	adapter->handles_open = 2;
	adapter->options = *options;
	adapter->context = context;
	context->data = options->owner;
	context->ev.data = adapter;
	context->ev.addRead = add_read;
	context->ev.delRead = del_read;
	context->ev.addWrite = add_write;
	context->ev.delWrite = del_write;
	context->ev.cleanup = cleanup;
	(void)redisAsyncSetConnectCallback(context, on_connect);
	return adapter;
}

void bud_redis_adapter_close(struct bud_redis_adapter *adapter)
{
	if (!adapter)
		return;
	adapter->silent = true;
	redisAsyncFree(adapter->context);
}
