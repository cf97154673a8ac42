/* Hosts: how many attempts run at each name and port, whoever they are for: ten thousand
 * subscriptions can name one victim. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include "core/map.h"
#include "core/text.h"

struct bud_host {
	unsigned refs;       /* under the lock of the table that owns it */
	atomic_uint running; /* by any thread */
	struct bud_buffer name;
};

/* Starts as {0}; its owner's lock is held in get and unref. */
struct bud_hosts {
	struct bud_map by_name;
};

/* Appends the host of a sink: "name:port" in lower case, addresses in their usual form, with the
 * port its scheme stands for. */
void bud_host_write(struct bud_span sink, struct bud_buffer *out);
struct bud_host *bud_hosts_get(struct bud_hosts *hosts, struct bud_span sink);
void bud_host_unref(struct bud_hosts *hosts, struct bud_host *host);
/* None is left. */
void bud_hosts_finish(struct bud_hosts *hosts);

/* False when `most` run already. */
bool bud_host_enter(struct bud_host *host, unsigned most);
void bud_host_leave(struct bud_host *host);
