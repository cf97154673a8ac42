/* A receiver of webhooks that misbehaves as its URL says: for tests and benchmarks of what a sender
 * does about it. One thread, one loop, any number of connections.
 *
 * On a loop of your own: receiver_open(), receiver_port(), receiver_count(). As a program:
 *
 *     test_receiver [--ca FILE] [--client FILE]
 *
 * writes {"http":40001,"hole":40002,...} in one line, then serves until SIGTERM or the end of its
 * standard input. The port decides what is below HTTP (enum receiver_port); the first segment of
 * the path decides the answer to a request, whatever its method and what comes behind:
 *
 *     /ok/…                 200 with a body of two bytes; the connection stays
 *     /s/STATUS/…           that status, without a body where it must have none; a 3xx has
 *                           `Location: http://169.254.169.254/latest/meta-data/`;
 *                           ?retry_after=VALUE (percent-encoded) adds that field
 *     /slow/MS/…            200 after so many milliseconds
 *     /hang/…               never answers
 *     /reset/…              resets the connection instead of answering
 *     /reset-head/…         resets it after the response's head; /reset-body/… amid the body
 *     /drip-head/…          one byte a second; /drip-body/… the body only
 *     /continue/…           100 Continue and nothing more; /flood/… 1xx without end
 *     /status-line/…        what is not HTTP
 *     /long-line/…          a field of 90 KiB that never ends
 *     /big-head/…           a field of 1 MiB; /endless-head/… fields without end
 *     /until-close/…        200, a body without length, then the end of the connection
 *     /chunk-bad/…          a chunk whose size is none; /chunk-cut/… closed amid a chunk
 *     /gzip-bomb/…          1 GiB of zeros behind Content-Encoding: gzip, 6.6 MiB on the wire
 *     /big-body/…           1 GiB; /endless-body/… a body without end
 *     /close-after/…        200 as if the connection stayed, which is closed at once
 *     /race/…               closed without an answer when its second request comes
 *     /early/…              200 as soon as the request's head is there
 *
 * Everything else is 404, but for three that are not counted: GET /_counts, an object of paths
 * (without query) and how many requests each had; GET /_stats, {"accepts":n,"connections":n,
 * "requests":n}; GET /_peer, {"serial":n} of the client's certificate, 0 without. Requests have a
 * Content-Length or no body. */
#pragma once
#include <stdint.h>

struct authority; /* certificates.h */
struct receiver;  /* opaque */
struct uv_loop_s; /* uv_loop_t */

enum receiver_port {
	RECEIVER_HTTP,
	RECEIVER_HOLE,   /* its queue is full: a connection attempt gets no answer at all */
	RECEIVER_RESET,  /* resets what it accepts */
	RECEIVER_SILENT, /* accepts and never says a word, whatever the protocol */
	RECEIVER_TLS,    /* for localhost and 127.0.0.1, signed by the authority; then HTTP */
	RECEIVER_TLS_EXPIRED,
	RECEIVER_TLS_WRONG_HOST,
	RECEIVER_TLS_SELF_SIGNED,
	RECEIVER_TLS_OLD,    /* 1.1 at most */
	RECEIVER_TLS_CLIENT, /* demands a client certificate signed by the authority */
	RECEIVER_PORTS,
};

/* On 127.0.0.1. Borrows both; `authority` signs what the TLS ports show. */
struct receiver *receiver_open(struct uv_loop_s *loop, struct authority *authority);
/* Drops all connections. The memory goes when the loop has run. */
void receiver_close(struct receiver *receiver);

int receiver_port(const struct receiver *receiver, enum receiver_port port);
/* "http", "tls_expired" ... */
const char *receiver_port_name(enum receiver_port port);
/* Requests whose path, without its query, is this. */
uint64_t receiver_count(const struct receiver *receiver, const char *path);
/* Connections accepted, and over TLS the handshakes that ended well. */
uint64_t receiver_accepts(const struct receiver *receiver, enum receiver_port port);
uint64_t receiver_handshakes(const struct receiver *receiver, enum receiver_port port);
