/* A token: checked against what is trusted now. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "auth/issuers.h"
#include "core/error.h"
#include "core/text.h"

struct bud_identity;    /* auth/identity.h */
struct bud_scope_rules; /* auth/scope_rules.h */
struct bud_trust_set;   /* auth/trust.h */

#define BUD_TOKEN_API_KEY (-1)

enum bud_token_outcome {
	BUD_TOKEN_GOOD,
	BUD_TOKEN_BAD,         /* for whatever reason, which `error` tells without quoting it */
	BUD_TOKEN_KEY_UNKNOWN, /* its issuer may have a newer key */
	BUD_TOKEN_NO_KEYS,     /* those of its issuer are not there, or API keys are not */
};

/* All borrowed. */
struct bud_token_question {
	struct bud_span token;
	enum bud_issuer_use use; /* BEARER also takes dialog tokens */
	bool takes_keys;         /* API keys, too */
	const struct bud_scope_rules *rules;
	struct bud_span person_key;
	int64_t now_ms;
};

struct bud_token_answer {
	struct bud_identity *identity; /* of a good one: the caller's; its expires_ms is set */
	int issuer;                    /* of one whose issuer is known; BUD_TOKEN_API_KEY */
	/* What it was checked by: the same number later means the same answer, until it expires. */
	size_t serial;
};

/* `out_answer` is set but for bad ones. */
enum bud_token_outcome bud_token_check(const struct bud_trust_set *set,
	const struct bud_token_question *question, struct bud_token_answer *out_answer,
	struct bud_error *error);
/* The number that a fresh check would give: another one than the answer's means check again. 0:
 * there are no keys any more. */
size_t bud_token_serial(const struct bud_trust_set *set, int issuer);
