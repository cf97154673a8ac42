/* The registry: every subscription's record, and the stream of changes that all nodes follow. */
#pragma once
#include <stdbool.h>
#include "store/append.h"
#include "store/member.h"
#include "store/store.h"

/* A stored value: what stands beside the record, and the record; empty for a tombstone. The record
 * has no line feed; the status is ours and may change without it. */
struct bud_registry_value {
	uint64_t serial;
	struct bud_span etag;
	struct bud_span fingerprint;
	struct bud_span record;
	struct bud_span status; /* empty: nothing happened to it */
};

bool bud_registry_value_parse(struct bud_span text, struct bud_registry_value *out_value);
enum bud_put_outcome {
	BUD_PUT_OK,      /* also when the same etag was there already: a reply was lost */
	BUD_PUT_SAME,    /* not written: an identical one lives under `id` */
	BUD_PUT_EXISTS,  /* not written: the id is taken */
	BUD_PUT_MISSING, /* not written: there is none, or it is deleted */
	BUD_PUT_CHANGED, /* not written: it has another etag by now, or another status */
	BUD_PUT_FULL,    /* not written: its owner has as many as it may have */
};

/* Everything is lent. */
struct bud_put_result {
	enum bud_put_outcome outcome;
	uint64_t serial;                 /* OK */
	struct bud_member version;       /* OK */
	struct bud_span id;              /* SAME */
	struct bud_registry_value value; /* SAME and CHANGED: what is there */
	int64_t used;                    /* FULL: so many */
};

struct bud_put {
	const char *id;
	const char *if_etag; /* "": must not exist; "*": any that is not deleted */
	const char *etag;    /* of the new record, unique to this call's intent */
	/* Of owner, sink and filters, no blanks: another creation with it is BUD_PUT_SAME. */
	const char *fingerprint;
	struct bud_span record;      /* never empty */
	struct bud_span status;      /* at == NULL: the one it has stays */
	struct bud_span was_status;  /* CHANGED unless it is that now; at == NULL: whatever it is */
	const char *owner;           /* whose records are counted; NULL: it is not counted */
	int64_t owner_max;           /* so many may it have when this is a new one; 0: no bound */
	struct bud_span replay;      /* store/replay_job.h, made to end where the record begins */
	const struct bud_note *note; /* published with the change; may be NULL */
};

/* `result` is NULL when err is negative; after -ENOTCONN send the same again. */
typedef void (*bud_put_fn)(void *owner, int err, const struct bud_put_result *result);
BUD_MUST_CHECK int bud_registry_put(
	struct bud_store *store, const struct bud_put *put, bud_put_fn fn, void *owner);

struct bud_drop {
	const char *id;
	const char *if_etag; /* "*": any */
	const char *etag;    /* of the tombstone, unique to this call's intent */
	const char *owner;   /* whose records are counted; NULL: it is not counted */
};

/* Deletes it, which leaves a tombstone. OK, MISSING, or CHANGED with what is there; also at Redis'
 * memory limit, where a put fails. */
BUD_MUST_CHECK int bud_registry_drop(
	struct bud_store *store, const struct bud_drop *drop, bud_put_fn fn, void *owner);

/* A change of the status alone: compare and swap, since any node may do it at any time. */
struct bud_status_put {
	const char *id;
	struct bud_span expected;    /* the stored status that it must have now */
	struct bud_span status;      /* the new one */
	const char *etag;            /* new; "": the etag stays, for what nobody sees */
	const struct bud_note *note; /* may be NULL */
};

/* OK also when the status is that one already (and then nothing is published); MISSING; CHANGED
 * with what is there. */
BUD_MUST_CHECK int bud_registry_put_status(
	struct bud_store *store, const struct bud_status_put *put, bud_put_fn fn, void *owner);

/* The record as it was, and with its secrets sealed anew: compare and swap, and the etag stays. The
 * outcomes are those of a status. Copies both. */
BUD_MUST_CHECK int bud_registry_seal(struct bud_store *store, const char *id,
	const struct bud_span records[2], bud_put_fn fn, void *owner);

/* How many records of this owner are counted (bud_put::owner). */
BUD_MUST_CHECK int bud_registry_count(
	struct bud_store *store, struct bud_span of, bud_store_number_fn fn, void *owner);

/* `value` is NULL when there is no such record. */
typedef void (*bud_registry_get_fn)(void *owner, int err, const struct bud_registry_value *value);
BUD_MUST_CHECK int bud_registry_get(
	struct bud_store *store, const char *id, bud_registry_get_fn fn, void *owner);

/* -ENOENT: the registry is gone. Pipelined behind a read it tells what the table must have reached
 * before anything of that read is matched. */
typedef void (*bud_version_fn)(void *owner, int err, struct bud_member version);
BUD_MUST_CHECK int bud_registry_version(struct bud_store *store, bud_version_fn fn, void *owner);
