/* An identity: who asks. Made from a token or an API key once and then only read; counted by the
 * one thread that made it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "auth/need.h"
#include "core/text.h"

#define BUD_IDENTITY_NAME_MAX   256
#define BUD_IDENTITY_SCOPES_MAX 64
#define BUD_SCOPE_BYTES_MAX     256
#define BUD_PERSON_BYTES        33 /* 32 hex digits and a NUL */

enum bud_authentication_kind {
	BUD_AUTHENTICATED_NOT,      /* there is no authentication, or the route is open */
	BUD_AUTHENTICATED_KEY,      /* by an API key */
	BUD_AUTHENTICATED_TOKEN,    /* by a bearer token */
	BUD_AUTHENTICATED_PLATFORM, /* by a PlatformAccessToken alone */
	BUD_AUTHENTICATED_DIALOG,   /* by a dialog token: for the dialog it names, owns nothing */
	BUD_AUTHENTICATED_INSTANCE, /* by an instance token: for the instance it names, owns nothing
				     */
};

/* What Altinn tells of a caller, for policies. Texts, or NULL where it does not. */
struct bud_altinn_facts {
	char *org;         /* a service owner's acronym */
	char *org_number;  /* 9 digits, checked */
	char *supplier;    /* the organization number of who acts for it: to be logged, no more */
	char *user;        /* user id */
	char *party;       /* party id */
	char *system_user; /* UUID, lower case */
	/* Of the person number, keyed, so that it tells nobody who; "" when there is none. */
	char person[BUD_PERSON_BYTES];
	int level; /* of authentication, 0 to 4; -1: not told */
};

/* What a dialog token is about. Texts, or NULL. */
struct bud_dialog_facts {
	char *dialog;   /* i */
	char *party;    /* p */
	char *resource; /* s */
	char *actions;  /* a: "action" or "action,resource", semicolons between */
};

/* All texts are owned by it. */
struct bud_identity {
	unsigned refs;
	enum bud_authentication_kind kind;
	/* Owns what it makes: "local", "/org/ttd", "/user/1337", "/systemuser/<uuid>",
	 * "/organisation/<9 digits>", "/person/<hash>", or what a mapping or an API key says. */
	char *name;
	char *issuer; /* of the token; the id of the API key; or NULL */
	char **scopes;
	size_t scopes_n;
	unsigned needs; /* those its scopes meet: bit 1 << enum bud_need */
	struct bud_altinn_facts altinn;
	struct bud_dialog_facts dialog;
	int64_t expires_ms; /* of the token or key, wall clock; 0: never */
};

/* Where there is no authentication: owner `local`, may everything. Never freed. */
extern const struct bud_identity bud_identity_local;
/* On open routes: nobody, named "", which owns nothing and may nothing. Never freed. */
extern const struct bud_identity bud_identity_nobody;

/* Copies `name`; the rest is the caller's to fill. One reference. */
struct bud_identity *bud_identity_create(enum bud_authentication_kind kind, const char *name);
struct bud_identity *bud_identity_ref(struct bud_identity *identity);
/* NULL is fine. */
void bud_identity_unref(struct bud_identity *identity);

/* Copies a scope; what is beyond BUD_IDENTITY_SCOPES_MAX is left out. */
void bud_identity_add_scope(struct bud_identity *identity, struct bud_span scope);
/* Whether it has exactly this scope; `local` has all, nobody none. */
bool bud_identity_has_scope(const struct bud_identity *identity, const char *scope);
/* Whether a need of scopes is met; BUD_NEED_PLATFORM never is by scopes. */
bool bud_identity_may(const struct bud_identity *identity, enum bud_need need);
/* Whether `owner` is the name it owns things by. */
bool bud_identity_owns(const struct bud_identity *identity, struct bud_span owner);
/* What stands for a person's number: nobody without `key` can tell whose it is. */
void bud_person_hash(struct bud_span key, struct bud_span number, char out[BUD_PERSON_BYTES]);
/* True for "local" and texts of visible ASCII that begin with a slash and do not end with one. */
bool bud_identity_name_is_valid(struct bud_span name);
