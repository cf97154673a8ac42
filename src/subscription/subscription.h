/* A subscription: who wants which events, and where to push them. Immutable once in the table. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"
#include "subscription/index.h"
#include "subscription/status.h"
struct bud_event;       /* event/event.h */
struct bud_filter;      /* subscription/filter.h */
struct bud_sealer;      /* crypto/seal.h */
struct bud_push_config; /* subscription/push_config.h */
struct bud_sink_header; /* subscription/sink_header.h */

/* Of the stored form: what an older program could not load as it is meant raises it. */
#define BUD_SUBSCRIPTION_FORMAT    1
#define BUD_FINGERPRINT_TEXT_BYTES 33 /* 32 hex digits and a NUL */
struct bud_subscription {
	char *id; /* [0-9A-Za-z_-]; 32 hex digits unless the caller gave another */
	char *owner;
	uint64_t serial;           /* issued by the store, kept for life; 0: not stored yet */
	struct bud_filter *filter; /* of filters, source and types; matching reads it and serial */
	char *etag;                /* 16 hex digits without quotes; new with every change */
	int64_t created_ms;
	char *name;
	char *source;
	char **types;
	size_t n_types;
	char *filters; /* compact JSON with sorted keys */
	char *sink;
	struct bud_sink_header *headers;
	size_t n_headers;
	char *expires;       /* as given */
	int64_t expires_ms;  /* 0: never */
	char *from;          /* as given: from where it was filled when it was made; or NULL */
	int64_t from_ms;     /* 0: the earliest; only with `from` */
	char *secret;        /* whsec_..., never NULL */
	uint32_t timeout_ms; /* in force */
	bool timeout_is_given;
	bool is_sealed_old; /* its record, as it was loaded: subscription/sealing.h */
	bool is_compact;    /* subscription/compact.h */
	const struct bud_push_config *config;  /* never NULL */
	struct bud_subscription_status status; /* its secrets as stored: subscription/sealing.h */
	const struct bud_sealer *sealer;       /* for its secrets in the store; may be NULL */
	atomic_uint holders;                   /* beside its owner */
	/* The table's: a number that no other live one has, and that no other record had. */
	uint32_t slot;
	uint64_t revision;
	struct bud_index_link link; /* by id */
};

/* What a record gets that its JSON does not say. */
struct bud_subscription_defaults {
	const char *id;    /* of a new one; NULL: random */
	const char *owner; /* of a new one */
	int64_t now_ms;
	uint32_t timeout_ms;
	const struct bud_sealer *sealer; /* outlives every subscription; NULL: nothing is sealed */
};

/* From the body of POST. All of these: -EINVAL with text and member on bad input, then nothing is
 * made; `json` is at most BUD_API_BODY_BYTES_MAX (the caller's check). The sink is only checked to
 * be a short text without spaces: the caller asks fetch/target.h before it accepts the URL. */
BUD_MUST_CHECK int bud_subscription_parse(struct bud_span json,
	const struct bud_subscription_defaults *defaults,
	struct bud_subscription **out_subscription, struct bud_error *error);
/* From the body of PUT: a new record with id, owner, serial and creation time of `old`, and its
 * secret if none is given. */
BUD_MUST_CHECK int bud_subscription_replace(const struct bud_subscription *old,
	struct bud_span json, const struct bud_subscription_defaults *defaults,
	struct bud_subscription **out_subscription, struct bud_error *error);
/* From the body of PATCH: a merge patch (RFC 7396) of what GET shows, then as PUT. */
BUD_MUST_CHECK int bud_subscription_patch(const struct bud_subscription *old, struct bud_span json,
	const struct bud_subscription_defaults *defaults,
	struct bud_subscription **out_subscription, struct bud_error *error);
/* From the stored form. -EPROTONOSUPPORT: written by a newer version; -ENOKEY: sealed with a key
 * that `defaults->sealer` lacks. The serial may be absent (0): set by whoever keeps it. */
BUD_MUST_CHECK int bud_subscription_load(struct bud_span json,
	const struct bud_subscription_defaults *defaults,
	struct bud_subscription **out_subscription, struct bud_error *error);
/* Beside its owner, in any thread: who is last to destroy it frees it. */
void bud_subscription_hold(const struct bud_subscription *subscription);
void bud_subscription_destroy(struct bud_subscription *subscription);
void bud_subscription_auto(struct bud_subscription **subscription);

enum bud_subscription_secret {
	BUD_SUBSCRIPTION_SECRET_HIDDEN,
	BUD_SUBSCRIPTION_SECRET_SHOWN, /* the answer to the POST that made it, nothing else */
};

/* Appends the API form, defaults filled in. */
void bud_subscription_write_api(const struct bud_subscription *subscription,
	enum bud_subscription_secret secret, int64_t now_ms, struct bud_buffer *out);
/* What was given, without defaults and secrets: what a patch is merged into. */
void bud_subscription_write_given(
	const struct bud_subscription *subscription, struct bud_buffer *out);
/* Appends the stored form: everything, secrets sealed; the serial only when it is not 0. */
void bud_subscription_write_record(
	const struct bud_subscription *subscription, struct bud_buffer *out);

/* What the store keeps beside a record; borrowed. */
struct bud_subscription_beside {
	uint64_t serial;
	struct bud_span etag;   /* newer than the record's when only the status changed */
	struct bud_span status; /* the stored form; empty: nothing happened to it */
};

/* Takes it over. A status that cannot be read counts as disabled: nothing is pushed then. */
void bud_subscription_set_beside(
	struct bud_subscription *subscription, const struct bud_subscription_beside *beside);
/* Of owner, sink, source, types (a set) and filters (in any order): the same, if this is. */
void bud_subscription_fingerprint(
	const struct bud_subscription *subscription, char out[BUD_FINGERPRINT_TEXT_BYTES]);
bool bud_subscription_has_expired(const struct bud_subscription *subscription, int64_t now_ms);
/* By expiry, source, types, filters. Our own events are for those who name their types only. */
bool bud_subscription_match(
	const struct bud_subscription *subscription, const struct bud_event *event, int64_t now_ms);
