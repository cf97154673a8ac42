/* The sockets that a node listens on: the public port, once for each worker, and the admin port. */
#pragma once
#include "core/alloc.h"

struct bud_config; /* config/config.h */
struct bud_error;  /* core/error.h */

struct bud_sockets {
	int *public_fds; /* one per worker: whoever takes it closes it */
	int admin_fd;
	int public_port;
	int admin_port;
};

/* Binds all. Negative: `error` says which cannot be had. bud_sockets_finish() in any case. */
BUD_MUST_CHECK int bud_sockets_bind(struct bud_sockets *sockets, const struct bud_config *config,
	unsigned workers, struct bud_error *error);
/* Frees the list; the descriptors are those who took them's. */
void bud_sockets_finish(struct bud_sockets *sockets);
/* Prints "url=http://… admin=http://…". */
void bud_sockets_print(const struct bud_sockets *sockets, const struct bud_config *config);
