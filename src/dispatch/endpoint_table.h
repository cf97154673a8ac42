/* The table of endpoints as other nodes and people see it: what they paused, and what is to be told
 * to them. By the control thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/text.h"
#include "dispatch/breaker.h"
#include "store/endpoints.h"
#include "store/pauses.h"

struct bud_endpoints; /* dispatch/endpoint.h */

/* A pause that somebody wrote, or its end; `for_ms` of it counts from `now_ms`. With `is_own` (this
 * node wrote it) it is only kept for endpoints that are made anew. */
void bud_endpoints_pause(struct bud_endpoints *endpoints, const struct bud_pause *pause,
	bool is_own, int64_t now_ms);

/* Drops some of those that are over: call it now and then. */
void bud_endpoints_forget_pauses(struct bud_endpoints *endpoints, int64_t now_ms);

enum bud_endpoint_tell {
	BUD_ENDPOINT_TELL_NOTHING,
	BUD_ENDPOINT_TELL_PAUSE, /* `pause_kind`, for `pause_ms` */
	BUD_ENDPOINT_TELL_END,
};

/* One endpoint; the texts are copies. */
struct bud_endpoint_report {
	char id[BUD_ENDPOINT_ID_BYTES];
	char *owner;
	char *sink;
	enum bud_endpoint_tell tell;
	enum bud_pause_kind pause_kind;
	int64_t pause_ms;
	bool is_changed; /* what is below, since the last report */
	unsigned window;
	unsigned running;
	enum bud_breaker_state breaker;
	int64_t open_for_ms; /* 0: not */
	int64_t paused_for_ms;
	uint64_t delivered;
	uint64_t failed;
	unsigned in_a_row; /* failures */
};

/* Those with something to tell, each at most once a second, up to `max`; `*position` starts at 0
 * and ends at 0. Free each with bud_endpoint_report_finish(). */
size_t bud_endpoints_report(struct bud_endpoints *endpoints, int64_t now_ms, size_t *position,
	struct bud_endpoint_report *reports, size_t max);
void bud_endpoint_report_finish(struct bud_endpoint_report *report);
