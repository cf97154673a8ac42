/* A publish: one request's events, checked as a whole before any is stored. */
#pragma once
#include <stdbool.h>
#include "auth/question.h"
#include "core/alloc.h"
#include "core/list.h"
#include "core/text.h"
#include "ingest/ingest.h"
#include "store/append.h"

struct bud_authority;      /* auth/authorize.h */
struct bud_decision_point; /* access/decision_point.h */
struct bud_envelope;       /* event/envelope.h */
struct bud_error;          /* core/error.h */
struct bud_identity;       /* auth/identity.h */
struct bud_request;        /* http/request.h */
struct bud_shard;          /* store/store.h */

struct bud_publish {
	struct bud_list link; /* bud_ingest's queue while events are unsent */
	unsigned index_kinds;
	struct bud_ingest *ingest;
	struct bud_request *request;
	const struct bud_identity *publisher;
	bool is_permitted; /* nobody is asked */
	bud_ingest_fn fn;  /* who answers; NULL: bud_publish_answer() */
	void *owner;
	struct bud_authority *authority;
	struct bud_decision_point *point;           /* NULL: there is none */
	void (*again)(struct bud_publish *publish); /* the point has done its part */
	size_t n_asking;                            /* questions that it is asked */
	bool was_asking;
	struct bud_ruling ruling; /* of the event that was not permitted */
	bool is_batch;
	struct bud_buffer json;    /* what a binary request became */
	unsigned hops;             /* that the request says its events have made */
	struct bud_buffer counted; /* its events with that number, if it has one */
	struct bud_buffer taken;   /* with `fn`: what is read in place of the request */
	size_t n;
	size_t room;
	size_t n_sent;
	size_t n_answered;
	int err;      /* of any part */
	bool is_lost; /* nobody knows what became of some part */
	size_t n_stored;
	size_t n_duplicates;
	size_t n_conflicts;
	struct bud_append_event *events;
	signed char *results; /* enum bud_append_result */
};

/* Reads the request's body into events. -EINVAL: 400; -E2BIG: 413; -ENOTSUP: 415; -ELOOP: 409;
 * -EACCES: 403, its sender may not publish one of them; -EAGAIN: 503, nobody knows now; `error`
 * says what is wrong. While `n_asking` is not 0 it comes to nothing yet: `again` is called, then
 * read again. The publish borrows the request. */
BUD_MUST_CHECK int bud_publish_read(struct bud_publish *publish, const struct bud_shard *shard,
	struct bud_envelope *envelope, struct bud_error *error);
/* Reads it from the beginning: as if it had just come. */
BUD_MUST_CHECK int bud_publish_read_again(struct bud_publish *publish,
	const struct bud_shard *shard, struct bud_envelope *envelope, struct bud_error *error);
/* Answers the request by what became of its events, and frees the publish. */
void bud_publish_answer(struct bud_publish *publish, const char *durability);
/* Tells `fn` what became of its event, or why it was refused (`error`, else NULL), and frees the
 * publish. */
void bud_publish_tell(struct bud_publish *publish, const struct bud_error *error);
/* Frees it; its request is answered by somebody else. */
void bud_publish_destroy(struct bud_publish *publish);
/* Answers with a problem, and frees the publish. */
void bud_publish_refuse(struct bud_publish *publish, int err, const struct bud_error *error);
