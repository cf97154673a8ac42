/* Ingest: events over HTTP into their partitions. All requests of one turn of the loop share script
 * calls, and with them writes and fsyncs; 202 only after Redis has answered. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/alloc.h"
#include "core/text.h"
#include "http/route.h"

struct bud_ingest;         /* opaque; one per worker */
struct bud_authority;      /* auth/authorize.h */
struct bud_decision_point; /* access/decision_point.h */
struct bud_error;          /* core/error.h */
struct bud_identity;       /* auth/identity.h */
struct bud_metrics;        /* core/metrics.h */
struct bud_quota;          /* auth/quota.h */
struct bud_request;        /* http/request.h */
struct bud_store;          /* store/store.h */
struct uv_loop_s;

/* Borrowed until it is closed. */
struct bud_ingest_options {
	struct uv_loop_s *loop;
	struct bud_store *store;
	struct bud_authority *authority;
	struct bud_decision_point *point; /* NULL: there is none */
	struct bud_quota *quota;          /* NULL: nothing is bounded */
	struct bud_metrics *metrics;
	unsigned index_kinds; /* 1u << enum bud_index_kind: what can be read back by it */
	int64_t window_ms;    /* how long (source, id) is remembered, at least */
	_Atomic(const char *) *durability; /* what the answer names; may change */
};

struct bud_ingest *bud_ingest_open(const struct bud_ingest_options *options);
/* After the listener and the store's connection are closed. Asynchronous; NULL is fine. */
void bud_ingest_close(struct bud_ingest *ingest);

/* An event that came by another way than our own route. */
struct bud_ingest_event {
	struct bud_request *request;          /* stays until it is answered, by the caller */
	const struct bud_identity *publisher; /* whose event it is; as long as the request */
	bool is_permitted;                    /* nobody is asked whether it may publish it */
	struct bud_span json;                 /* structured; copied */
};

enum bud_ingest_outcome {
	BUD_INGEST_STORED,
	BUD_INGEST_DUPLICATE,
	BUD_INGEST_CONFLICT, /* same source and id, other content */
};

/* `outcome` counts when err is 0; else as in store/store.h, or -EACCES, -EAGAIN with an `error`: it
 * may not be published, or nobody knows now; or -EDQUOT: its publisher may publish no more now, and
 * the request is answered. `error` is NULL in all other cases. */
typedef void (*bud_ingest_fn)(
	void *owner, int err, enum bud_ingest_outcome outcome, const struct bud_error *error);
/* Stores it as our own route would. Negative: not begun, and `fn` is not called: -ENOTCONN: not
 * now; -EINVAL, -E2BIG: `error` says what is wrong with it; -EACCES, -EAGAIN, -EDQUOT: as above. */
BUD_MUST_CHECK int bud_ingest_take(struct bud_ingest *ingest, const struct bud_ingest_event *event,
	bud_ingest_fn fn, void *owner, struct bud_error *error);

/* POST /events; their context is the ingest. */
extern const struct bud_route bud_ingest_routes[];
extern const size_t bud_ingest_routes_n;
