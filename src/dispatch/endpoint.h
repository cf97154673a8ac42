/* Endpoints: what a node knows of each receiver: how many attempts run, and whether it is cut off.
 * Shared by all workers; nothing waits inside. Times are monotonic milliseconds. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/text.h"

struct bud_endpoint;  /* opaque */
struct bud_endpoints; /* opaque */

struct bud_endpoint_limits {
	unsigned window;   /* attempts at a time */
	unsigned failures; /* in a row until the breaker opens */
	int64_t open_ms;   /* how long, first; doubled each time a probe fails */
	int64_t open_ms_longest;
};

enum bud_share {
	BUD_SHARE_FRESH,
	BUD_SHARE_RETRY, /* gets a quarter of the window when it has to wait */
};

enum bud_admit {
	BUD_ADMIT_YES,  /* a slot is taken: give it back with bud_endpoint_settle() */
	BUD_ADMIT_FULL, /* all slots are taken */
	BUD_ADMIT_OPEN, /* cut off: come back after *out_wait_ms */
};

enum bud_verdict {
	BUD_VERDICT_OK,
	BUD_VERDICT_FAILED,
	BUD_VERDICT_UNUSED, /* the slot was not used for an attempt */
};

struct bud_endpoints *bud_endpoints_create(const struct bud_endpoint_limits *limits);
/* No reference is left. */
void bud_endpoints_destroy(struct bud_endpoints *endpoints);
size_t bud_endpoints_count(struct bud_endpoints *endpoints);
size_t bud_endpoints_open_count(struct bud_endpoints *endpoints);

/* The endpoint of an owner and a sink without its query; made when it is new. Give it back with
 * bud_endpoint_unref(). */
struct bud_endpoint *bud_endpoints_get(
	struct bud_endpoints *endpoints, struct bud_span owner, struct bud_span sink);
void bud_endpoint_unref(struct bud_endpoint *endpoint);

/* Open and its time has passed: one caller at a time gets YES, for a probe. */
enum bud_admit bud_endpoint_admit(
	struct bud_endpoint *endpoint, enum bud_share share, int64_t now_ms, int64_t *out_wait_ms);
/* True when this verdict opened the breaker. */
bool bud_endpoint_settle(struct bud_endpoint *endpoint, enum bud_verdict verdict, int64_t now_ms);
