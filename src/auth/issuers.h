/* Issuers: whose tokens are accepted, for what, and what their claims mean. Read from a file;
 * never changes after that and is counted, so threads may share it. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"

struct bud_jwk_set; /* crypto/jwk.h */

#define BUD_ISSUERS_MAX       32
#define BUD_ISSUERS_BYTES_MAX (256u << 10)
#define BUD_ISSUER_SKEW_S     10
#define BUD_ISSUER_SKEW_S_MAX 60

/* Which tokens of an issuer these are. */
enum bud_issuer_use {
	BUD_ISSUER_BEARER,   /* Authorization: Bearer */
	BUD_ISSUER_PLATFORM, /* the PlatformAccessToken header */
	BUD_ISSUER_DIALOG,   /* a dialog token, for one dialog */
	BUD_ISSUER_USES,
};

/* A list of texts. */
struct bud_texts {
	char **at;
	size_t n;
};

/* How a name is found: the first rule whose claim is there. */
struct bud_identity_rule {
	char *claim; /* a member, or a JSON pointer when it begins with "/"; NULL: Altinn's order */
	char *prefix; /* in front of what the claim says */
};

struct bud_issuer {
	/* The exact value of `iss`. Of platform tokens it may be a pattern: a `*` stands for one
	 * part of it ("ttd/" and any app). */
	char *name;
	enum bud_issuer_use use;
	char *discovery;           /* where its metadata is, or NULL */
	char *jwks_uri;            /* where its keys are, or NULL */
	struct bud_jwk_set *fixed; /* its keys, given in the file; or NULL */
	unsigned algorithms;       /* bits 1 << enum bud_jws_algorithm */
	struct bud_texts types;    /* accepted `typ`, lower case; none: each */
	struct bud_texts audiences;
	bool requires_audience; /* else a token without `aud` passes */
	bool requires_scope;
	bool takes_scope_lists; /* a scope claim may be an array */
	struct bud_texts scope_claims;
	struct bud_texts scopes; /* that each of its tokens has */
	int64_t skew_s;
	struct bud_identity_rule *rules;
	size_t rules_n;
};

struct bud_issuers {
	atomic_uint refs;
	struct bud_issuer at[BUD_ISSUERS_MAX];
	size_t n;
};

/* {"issuers":[{...}]}. Plain http only with `allow_http`. -EINVAL: `error` names the place; an
 * unknown member is an error. */
BUD_MUST_CHECK int bud_issuers_parse(struct bud_span json, bool allow_http,
	struct bud_issuers **out_issuers, struct bud_error *error);
struct bud_issuers *bud_issuers_ref(struct bud_issuers *issuers);
/* NULL is fine. */
void bud_issuers_unref(struct bud_issuers *issuers);
/* Which one, by the exact name of its tokens and its use; one that is named exactly goes before
 * patterns, and these in their order; -ENOENT. */
BUD_MUST_CHECK int bud_issuers_find(
	const struct bud_issuers *issuers, enum bud_issuer_use use, struct bud_span name);
/* Which one is this one and has its keys fetched from the same place; -ENOENT. `issuers` may be
 * NULL. */
BUD_MUST_CHECK int bud_issuers_find_same(
	const struct bud_issuers *issuers, const struct bud_issuer *issuer);
