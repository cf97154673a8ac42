/* A listener: an HTTP/1.1 server on one loop: its socket, its connections and their deadlines.
 * Several listeners (one per worker) share a port through SO_REUSEPORT. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>
#include "core/alloc.h"
#include "http/authentication.h"
#include "http/route.h"

struct bud_listener; /* opaque; belongs to the loop's thread */

/* 0 everywhere means the default of core/limits.h. Each is a total, not a pause between bytes. */
struct bud_listener_deadlines {
	uint32_t head_ms;   /* from the first byte (or accept) to the end of the head: 408 */
	uint32_t body_ms;   /* from there to the end of the body: 408 */
	uint32_t idle_ms;   /* between requests */
	uint32_t write_ms;  /* a reply on its way to a slow reader */
	uint32_t linger_ms; /* after the last reply, for the client to read it */
};

/* Starts as {0}; copied, but what it points to is borrowed until the listener is closed. */
struct bud_listener_options {
	/* Bound by bud_listener_bind(), taken even on failure; with 0, `host` and `port` are bound.
	 */
	int fd;
	const char *host;
	int port;
	const struct bud_route_table *tables;
	size_t n_tables;
	struct bud_authentication authentication;
	/* Where nobody has to say who asks: what would change something and comes from a web page
	 * of another site (Origin) is answered 403. A browser on this machine reaches us, too, and
	 * does what any page it shows tells it to. */
	bool refuses_other_sites;
	struct bud_listener_deadlines deadlines;
	size_t connections_max; /* 0: BUD_CONNECTIONS_MAX; above, 503 and close */
	size_t input_bytes_max; /* over all connections; 0: BUD_INGEST_BYTES_MAX; above, 503 */
	/* After each reply, also to requests that reached no route; may be NULL. */
	void (*on_reply)(void *owner, int status);
	void *owner;
};

/* Makes a socket with SO_REUSEPORT, bound but not listening. `host` is a literal address or
 * "localhost"; port 0 takes a free one: bind the other workers' sockets to *out_port then.
 * Negative: -EINVAL for the host, else what the system says. */
BUD_MUST_CHECK int bud_listener_bind(const char *host, int port, int *out_fd, int *out_port);
/* Whether nobody listens on the port: with SO_REUSEPORT a second process of the same user would
 * share it silently. Ask before the first bind. 0 or -EADDRINUSE (or as above). */
BUD_MUST_CHECK int bud_listener_probe(const char *host, int port);

/* Listens and answers from now on. NULL with *out_error (negative errno) on failure. */
struct bud_listener *bud_listener_open(
	uv_loop_t *loop, const struct bud_listener_options *options, int *out_error);
int bud_listener_port(const struct bud_listener *listener);

/* Drains: takes no new connection, closes idle ones, answers what is under way with
 * "Connection: close". Ask bud_listener_connections() until it says 0, or close. */
void bud_listener_stop(struct bud_listener *listener);
/* Cuts all connections. Memory goes, and `on_closed` (may be NULL) is called from the loop, after
 * every request under way was answered by its handler (into the void). NULL listener is fine, but
 * then there is no callback. */
void bud_listener_close(struct bud_listener *listener, void (*on_closed)(void *owner), void *owner);

size_t bud_listener_connections(const struct bud_listener *listener);
/* Handed to a handler and not answered yet. */
size_t bud_listener_requests(const struct bud_listener *listener);
/* Bytes of input held by all connections. */
size_t bud_listener_input_bytes(const struct bud_listener *listener);
