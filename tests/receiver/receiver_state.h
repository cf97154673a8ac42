/* The inside of a receiver, shared by its listeners and its connections. */
#pragma once
#include <uv.h>
#include "core/list.h"
#include "core/map.h"
#include "receiver.h"

#define RECEIVER_PATHS_MAX   200000
#define RECEIVER_HOLE_FILLER 4

struct ssl_ctx_st;

struct receiver_listener {
	uv_tcp_t tcp;
	struct receiver *receiver;
	enum receiver_port which;
	int port;
	struct ssl_ctx_st *tls; /* NULL: plain */
	uint64_t accepts;
	uint64_t handshakes;
};

struct path_count {
	uint64_t n;
	size_t len;
	char path[];
};

struct receiver {
	struct receiver_listener listeners[RECEIVER_PORTS];
	int hole[1 + RECEIVER_HOLE_FILLER]; /* the listener and those that fill its queue */
	struct bud_list connections;
	size_t connections_n;
	uint64_t requests;
	struct bud_map counts; /* path -> struct path_count */
	unsigned handles;
	char room[65536]; /* what is read goes through it at once */
};

void receiver_handle_closed(struct receiver *receiver);
void receiver_add_count(struct receiver *receiver, struct bud_span path);
void receiver_write_counts(const struct receiver *receiver, struct bud_buffer *out);

/* Takes the connection that waits at the listener. */
void connection_accept(struct receiver_listener *listener);
/* Drops all. */
void connections_close(struct receiver *receiver);
