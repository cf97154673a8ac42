/* Puts one hiredis connection on a libuv loop and loses none of its errors. */
#pragma once
#include <uv.h>
#include <hiredis/hiredis.h>
#include <hiredis/async.h>

struct bud_redis_adapter; /* opaque */

struct bud_redis_adapter_options {
	/* Connected; commands may be sent. Must not close the adapter: hiredis 0.14 goes on using
	 * its context after this. */
	void (*on_connected)(void *owner);
	/* The connection is gone for good, so are context and adapter; `reason` is lent. */
	void (*on_gone)(void *owner, const char *reason);
	void *owner; /* also becomes context->data */
};

/* Takes `context`, which has no error yet. NULL: libuv refused, and the context is freed. */
struct bud_redis_adapter *bud_redis_adapter_open(uv_loop_t *loop, redisAsyncContext *context,
	const struct bud_redis_adapter_options *options);
/* Frees the context (hiredis delays that when called from a reply callback and reads no further
 * reply); `on_gone` does not come. NULL is fine. */
void bud_redis_adapter_close(struct bud_redis_adapter *adapter);
