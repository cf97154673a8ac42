/* Endpoints: what a node knows of each receiver: how many attempts it bears, whether it is cut off,
 * paused or limited. Shared by all workers; nothing waits inside. Times are monotonic ms. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/list.h"
#include "core/text.h"
#include "dispatch/share.h"

struct bud_endpoint;  /* opaque */
struct bud_endpoints; /* opaque */
struct bud_hash_key;  /* core/hash.h */

/* However long it is paused: then one looks again. */
#define BUD_ENDPOINT_WAIT_MS_MAX INT64_C(600000)

struct bud_endpoint_limits {
	unsigned window;   /* attempts at a time, at first */
	unsigned failures; /* in a row until the breaker opens */
	int64_t open_ms;   /* how long, first; doubled each time a probe fails */
	int64_t open_ms_longest;
	unsigned window_largest; /* 0: `window` */
	unsigned host;           /* attempts at one host, whoever they are for; 0: no bound */
	/* Attempts at endpoints that never succeeded or fail now, all together; 0: no bound. */
	unsigned suspects;
};

enum bud_admit {
	BUD_ADMIT_YES,   /* a slot is taken: give it back with bud_endpoint_settle() */
	BUD_ADMIT_PROBE, /* the same, and its attempt tells whether it is well again */
	BUD_ADMIT_FULL,  /* all slots are taken */
	BUD_ADMIT_LATER, /* cut off, paused or limited: come back after *out_wait_ms */
};

enum bud_verdict {
	BUD_VERDICT_OK,
	BUD_VERDICT_FAILED,
	BUD_VERDICT_OVERLOADED, /* failed, and it should get less at a time */
	BUD_VERDICT_BUSY,       /* not failed: it says when to come back, and should get less */
	BUD_VERDICT_UNUSED,     /* the slot was not used for an attempt */
};

/* Slots that were admitted and are not used yet. */
struct bud_slots {
	enum bud_share share;
	size_t n;
	bool is_probe; /* the one there is */
};

/* What became of a slot. */
struct bud_settlement {
	enum bud_share share; /* it was admitted for */
	bool is_probe;        /* it was admitted as the probe */
	enum bud_verdict verdict;
	bool is_refused;  /* what was sent is not delivered, well as the receiver may be */
	int64_t pause_ms; /* nothing for so long */
	int64_t took_ms;  /* the attempt */
};

/* What is new because of it. */
struct bud_endpoint_news {
	bool is_opened;
	bool is_closed;
	bool is_paused;
	bool is_halved;
};

/* What one of its subscriptions allows; embedded in whoever adds it. */
struct bud_endpoint_wish {
	struct bud_list link; /* bud_endpoint::wishes */
	/* 0: no bound. A net only: a lane with a rate keeps it over all nodes by itself. */
	double rate_per_s;
	unsigned max_in_flight; /* over all nodes, who share it; 0: no bound */
};

/* Borrows the key, which is read when an endpoint is made. */
struct bud_endpoints *bud_endpoints_create(
	const struct bud_endpoint_limits *limits, const struct bud_hash_key *key);
/* No reference is left. */
void bud_endpoints_destroy(struct bud_endpoints *endpoints);
size_t bud_endpoints_count(struct bud_endpoints *endpoints);
size_t bud_endpoints_open_count(struct bud_endpoints *endpoints);
/* How many share the bounds that subscriptions ask for. */
void bud_endpoints_set_nodes(struct bud_endpoints *endpoints, unsigned n);
unsigned bud_endpoints_nodes(struct bud_endpoints *endpoints);

/* The endpoint of an owner and a sink without its query; made when it is new. Give it back with
 * bud_endpoint_unref(). */
struct bud_endpoint *bud_endpoints_get(
	struct bud_endpoints *endpoints, struct bud_span owner, struct bud_span sink);
void bud_endpoint_unref(struct bud_endpoint *endpoint);
/* The lowest of all wishes is in force. Only for those that bound something. */
void bud_endpoint_add_wish(struct bud_endpoint *endpoint, struct bud_endpoint_wish *wish);
void bud_endpoint_remove_wish(struct bud_endpoint *endpoint, struct bud_endpoint_wish *wish);

/* Cut off and its time has passed: one caller at a time gets PROBE. FULL may set
 * *out_wait_ms, too. */
enum bud_admit bud_endpoint_admit(
	struct bud_endpoint *endpoint, enum bud_share share, int64_t now_ms, int64_t *out_wait_ms);
struct bud_endpoint_news bud_endpoint_settle(
	struct bud_endpoint *endpoint, const struct bud_settlement *settlement, int64_t now_ms);
