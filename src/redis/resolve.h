/* A host name's address, found without blocking the loop; each time the next one, if it has
 * several. */
#pragma once
#include <stdbool.h>
#include <uv.h>
#include "core/alloc.h"

/* `ip` is lent, NULL when there is none; then `error` is negative. -ECANCELED after a stop. */
typedef void (*bud_redis_resolve_fn)(void *owner, int error, const char *ip);

/* Embedded by its owner, starts as {0}. */
struct bud_redis_resolve {
	uv_getaddrinfo_t lookup;
	bool is_running;
	unsigned turn;
	bud_redis_resolve_fn fn;
	void *owner;
};

/* One at a time. 0: `fn` comes once, never before this returns. Addresses are names, too. There is
 * no deadline but the system's own: a look-up that runs cannot be given up. */
BUD_MUST_CHECK int bud_redis_resolve_start(struct bud_redis_resolve *resolve, uv_loop_t *loop,
	const char *host, bud_redis_resolve_fn fn, void *owner);
/* Hurries the end; `fn` still comes, and the memory must stay until then. */
void bud_redis_resolve_stop(struct bud_redis_resolve *resolve);
