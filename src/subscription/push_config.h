/* A push config: how a subscriber wants its pushes, `config` and `sinkcredential` of a record. Most
 * subscriptions wish nothing and have the default, others may share theirs. Read-only once made. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/limits.h"

struct bud_shared; /* subscription/pool.h */

enum bud_mode {
	BUD_MODE_STRUCTURED,
	BUD_MODE_BINARY,
	BUD_MODE_BATCH,
	BUD_MODE_ALTINN, /* the event's JSON as application/json */
	BUD_MODE_SLACK,
};

/* What the next ones of an ordered lane do when its first one failed. */
enum bud_on_blocked {
	BUD_ON_BLOCKED_WAIT, /* until it is delivered or dead */
	BUD_ON_BLOCKED_SKIP, /* they go on; it is tried again by its schedule */
};

/* Bits of `signatures`. */
#define BUD_SIGNATURE_V1      1u
#define BUD_SIGNATURE_V1A     2u
#define BUD_SIGNATURE_RFC9421 4u

/* Whether the receiver is asked before it gets events. */
enum bud_verify {
	BUD_VERIFY_DEFAULT, /* as the server says */
	BUD_VERIFY_OFF,
	BUD_VERIFY_CLOUDEVENTS, /* OPTIONS (CloudEvents HTTP webhooks 4) */
	BUD_VERIFY_ALTINN,      /* a validation event that must be answered 2xx */
};

/* What an answer means; the server's table says so where no rule does. */
enum bud_retry_action {
	BUD_RETRY_DEFAULT,
	BUD_RETRY_DELIVERED,
	BUD_RETRY_AGAIN,
	BUD_RETRY_DEAD,
	BUD_RETRY_DISABLE,
};

/* `first` to `last` inclusive, statuses of 100 to 599; earlier rules win. */
struct bud_retry_rule {
	uint16_t first;
	uint16_t last;
	enum bud_retry_action action;
};

#define BUD_RETRY_RULES_MAX 32

struct bud_retry {
	const char *name; /* static, of a schedule chosen by name; NULL: by list or default */
	uint32_t steps_s[BUD_ATTEMPTS_MAX];
	size_t steps_n;     /* 0: the server's schedule */
	bool is_given;      /* an empty list is a schedule, too: one attempt */
	int64_t max_age_s;  /* since the event was published; 0: no bound */
	int jitter_percent; /* either way; negative: 20 */
	struct bud_retry_rule rules[BUD_RETRY_RULES_MAX];
	size_t rules_n;
};

enum bud_credential_type {
	BUD_CREDENTIAL_NONE,
	BUD_CREDENTIAL_PLAIN,        /* Authorization: Basic, without a challenge */
	BUD_CREDENTIAL_ACCESSTOKEN,  /* Authorization: <type> <token> */
	BUD_CREDENTIAL_REFRESHTOKEN, /* the same, renewed (RFC 6749, 6) */
	BUD_CREDENTIAL_CLIENT,       /* OAuth2 client credentials (RFC 6749, 4.4) */
};

/* Texts are NULL where the type has none. */
struct bud_credential {
	enum bud_credential_type type;
	char *identifier; /* PLAIN, CLIENT: client id */
	char *secret;     /* PLAIN, CLIENT */
	char *access_token;
	char *token_type; /* "bearer" */
	int64_t expires_ms;
	char *refresh_token;
	char *endpoint; /* of tokens: REFRESHTOKEN, CLIENT */
	char *scope;    /* CLIENT, may be NULL */
};

/* A secret that still signs, beside the current one. */
struct bud_previous_secret {
	char *secret;
	int64_t until_ms;
};

#define BUD_PREVIOUS_SECRETS_MAX 3

struct bud_push_config {
	struct bud_shared *shared; /* by many, each with a destroy of its own; NULL: it is not */
	struct bud_retry retry;
	double rate_per_s;      /* 0: no bound */
	unsigned max_in_flight; /* 0: as the endpoint's window */
	bool is_ordered;
	enum bud_on_blocked on_blocked;
	enum bud_mode mode;
	unsigned batch_events;
	unsigned batch_bytes;
	unsigned batch_wait_ms;
	unsigned signatures;
	bool signs_authority; /* RFC 9421 by @authority, @path and @query, not @target-uri */
	struct bud_previous_secret previous[BUD_PREVIOUS_SECRETS_MAX];
	size_t previous_n;
	enum bud_verify verify;
	struct bud_credential credential;
	char *ca_pem; /* NULL: the server's bundle */
	char *certificate_pem;
	char *key_pem;
};

extern const struct bud_push_config bud_push_config_default; /* wishes nothing */
/* NULL and the default are fine; overwrites what is secret. */
void bud_push_config_destroy(const struct bud_push_config *config);
