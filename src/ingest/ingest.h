/* Ingest: events over HTTP into their partitions. All requests of one turn of the loop share script
 * calls, and with them writes and fsyncs; 202 only after Redis has answered. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "http/route.h"

struct bud_ingest;         /* opaque; one per worker */
struct bud_authority;      /* auth/authorize.h */
struct bud_decision_point; /* access/decision_point.h */
struct bud_metrics;        /* core/metrics.h */
struct bud_store;          /* store/store.h */
struct uv_loop_s;

/* Borrowed until it is closed. */
struct bud_ingest_options {
	struct uv_loop_s *loop;
	struct bud_store *store;
	struct bud_authority *authority;
	struct bud_decision_point *point; /* NULL: there is none */
	struct bud_metrics *metrics;
	unsigned index_kinds;          /* 1u << enum bud_index_kind: what can be read back by it */
	int64_t window_ms;             /* how long (source, id) is remembered, at least */
	const char *const *durability; /* what the answer names; may change */
};

struct bud_ingest *bud_ingest_open(const struct bud_ingest_options *options);
/* After the listener and the store's connection are closed. Asynchronous; NULL is fine. */
void bud_ingest_close(struct bud_ingest *ingest);

/* POST /events; their context is the ingest. */
extern const struct bud_route bud_ingest_routes[];
extern const size_t bud_ingest_routes_n;
