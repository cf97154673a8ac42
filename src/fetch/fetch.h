/* The HTTP client: requests sent through libcurl on our loop, each to a vetted and pinned address,
 * with a deadline for the whole exchange. One per thread and class of targets. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "core/alloc.h"
#include "core/text.h"

struct bud_fetch;    /* opaque */
struct bud_networks; /* config/network.h */
struct bud_target;   /* fetch/target.h */
struct bud_transfer; /* opaque; one request under way */
struct uv_loop_s;    /* uv_loop_t */

/* Zeros are the defaults. */
struct bud_fetch_options {
	const struct bud_networks *networks; /* allowed beside public addresses; copied */
	/* Prefixes of NAT64: behind them IPv4 addresses are judged. NULL: none. Copied. */
	const struct bud_networks *nat64;
	const char *ca_file;      /* PEM; NULL: Debian's bundle */
	bool allow_http;          /* plain http targets may be used */
	unsigned connections_max; /* transfers at a time; 0: 1024 */
	unsigned multis;          /* curl multi handles, targets are spread over them; 0: 32 */
	/* One address per family that connections come from; NULL or empty: as the system routes.
	 * Addresses of a family that has none are not reached. Copied. */
	const struct bud_networks *sources;
	/* "http://host:port" or https: everything goes through it by CONNECT, "" or NULL: nothing.
	 * It resolves the names: then only literal addresses and localhost are vetted here. */
	const char *proxy;
	uint16_t own_ports[4];    /* ours, refused at every address of this machine; 0: unused */
	const char *name_servers; /* for tests, "127.0.0.1:5353"; NULL: /etc/resolv.conf */
	unsigned name_kept_ms;    /* for tests: at least so long; 0: 5000 */
};

enum bud_fetch_kind {
	BUD_FETCH_RESPONSE,        /* a final status; also when its body was cut at its limit */
	BUD_FETCH_NAME_FAILED,     /* the host does not resolve */
	BUD_FETCH_ADDRESS_REFUSED, /* the address guard said no */
	BUD_FETCH_CONNECT_FAILED,  /* refused, unreachable, or no connection within 5 s */
	BUD_FETCH_TLS_FAILED,      /* handshake or certificate */
	BUD_FETCH_TIMEOUT,         /* timeout_ms passed before the whole response was there */
	BUD_FETCH_RESET,           /* the connection was lost before the response was complete */
	BUD_FETCH_BAD_RESPONSE,    /* not HTTP, or a head beyond its limits */
	BUD_FETCH_CANCELLED,       /* bud_transfer_cancel() or bud_fetch_close() */
	BUD_FETCH_STUCK,           /* as TIMEOUT, but libcurl had lost it: count these */
	/* Nothing was sent, for want of a descriptor, a local port, our source address or memory
	 * for a socket here, or of our CA bundle: that says nothing about the target. */
	BUD_FETCH_BLOCKED,
};

/* Lent until fn returns. */
struct bud_fetch_result {
	enum bud_fetch_kind kind;
	int status; /* 100-999 when kind is RESPONSE, else 0; 3xx is not followed */
	struct bud_span retry_after; /* the field's value as it came, cut at 63 bytes; else empty */
	struct bud_span headers;     /* final head as it came, if keep_headers */
	struct bud_span body;        /* its first keep_body_bytes */
	bool body_is_cut;            /* there was more than keep_body_bytes */
	int64_t time_us;             /* since bud_fetch_start() */
	const char *text; /* short, for an attempt log; static; tells nothing about our network */
};

/* Called once per transfer, never from within bud_fetch_start(), bud_transfer_cancel() or
 * bud_fetch_close(). The transfer and what its request lent are free when it is called. It may
 * start, cancel and close. */
typedef void (*bud_fetch_fn)(void *owner, const struct bud_fetch_result *result);

struct bud_fetch_request {
	struct bud_target *target; /* the transfer takes a reference of its own */
	const char *method;        /* a literal; NULL: POST */
	/* "Name: value", value not empty, sent in front of the target's own: strings and array are
	 * borrowed until fn. Content-Type is to be among them, none is added. */
	const char *const *headers;
	size_t headers_n;
	struct bud_span body; /* borrowed until fn; not sent with GET, HEAD and OPTIONS if empty */
	unsigned timeout_ms;  /* for everything from start to the body's last byte */
	/* A body may be BUD_RESPONSE_BODY_MAX long, or so long if that is more. */
	size_t keep_body_bytes;
	bool keep_headers;
};

/* Borrows `loop`. Never NULL. The process must ignore SIGPIPE: OpenSSL writes with it. */
struct bud_fetch *bud_fetch_open(struct uv_loop_s *loop, const struct bud_fetch_options *options);
/* Running transfers end with CANCELLED on a later turn of the loop; then the memory goes and
 * `on_closed` is called (it may be NULL). No start from now on. NULL is fine: on_closed is not
 * called then. */
void bud_fetch_close(struct bud_fetch *fetch, void (*on_closed)(void *owner), void *owner);

/* 0: fn will be called. Negative: never. -EAGAIN: connections_max transfers are running, -EINVAL: a
 * header line is not valid or the body is over 2 GiB, -ECANCELED: closing, -EPROTONOSUPPORT: http
 * is not allowed. `out_transfer` may be NULL; the transfer is valid until fn is called. */
BUD_MUST_CHECK int bud_fetch_start(struct bud_fetch *fetch, const struct bud_fetch_request *request,
	bud_fetch_fn fn, void *owner, struct bud_transfer **out_transfer);
/* fn is called with CANCELLED on a later turn of the loop, or with the result if that was already
 * there. What the request lent is not touched any more once this returns. */
void bud_transfer_cancel(struct bud_transfer *transfer);

/* Transfers started whose fn has not been called. */
size_t bud_fetch_running(const struct bud_fetch *fetch);
/* "timeout", "reset" ...: one stable word per kind, for logs, metrics and the attempt log. */
const char *bud_fetch_kind_word(enum bud_fetch_kind kind);
