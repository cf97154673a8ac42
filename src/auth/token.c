/* Tokens. parsed -> the issuer it claims is one of ours -> algorithm allowed -> key -> signature ->
 * claims -> identity. `iss` alone is read before the signature is verified, and only to choose
 * whose keys must have made it. */
#include "auth/token.h"

#include <jansson.h>

#include "auth/api_keys.h"
#include "auth/claims.h"
#include "auth/trust.h"
#include "crypto/jwk.h"
#include "crypto/jws.h"

static enum bud_token_outcome bad(struct bud_error *error, const char *why)
{
	(void)bud_error_set(error, NULL, "the token is not valid: %s", why);
	return BUD_TOKEN_BAD;
}

static enum bud_token_outcome check_api_key(const struct bud_trust_set *set,
	const struct bud_token_question *question, struct bud_token_answer *out_answer,
	struct bud_error *error)
{
	out_answer->issuer = BUD_TOKEN_API_KEY;
	if (!set->api_keys)
		return BUD_TOKEN_NO_KEYS;
	out_answer->serial = bud_api_keys_serial(set->api_keys);
	if (bud_api_keys_identify(set->api_keys, question->token, question->rules, question->now_ms,
		    &out_answer->identity) == 0)
		return BUD_TOKEN_GOOD;
	(void)bud_error_set(error, NULL, "the API key is not valid, or not any more");
	return BUD_TOKEN_BAD;
}

static int find_issuer(
	const struct bud_trust_set *set, enum bud_issuer_use use, const struct bud_jws *jws)
{
	const char *iss = json_string_value(json_object_get(jws->payload, "iss"));
	int issuer;

	if (!iss || !set->issuers)
		return -1;
	issuer = bud_issuers_find(set->issuers, use, bud_span(iss));
	if (issuer < 0 && use == BUD_ISSUER_BEARER)
		issuer = bud_issuers_find(set->issuers, BUD_ISSUER_DIALOG, bud_span(iss));
	return issuer;
}

/* The signature is there and well: what it says may be believed. */
static enum bud_token_outcome believe(const struct bud_jws *jws,
	const struct bud_token_question *question, const struct bud_issuer *issuer,
	struct bud_token_answer *answer, struct bud_error *error)
{
	struct bud_claims claims = {
		issuer, jws, question->rules, question->person_key, question->now_ms};
	int64_t expires_ms;

	if (bud_claims_check(&claims, &expires_ms, error) < 0 ||
		bud_claims_identify(&claims, &answer->identity, error) < 0)
		return BUD_TOKEN_BAD;
	answer->identity->expires_ms = expires_ms;
	return BUD_TOKEN_GOOD;
}

static enum bud_token_outcome check(const struct bud_trust_set *set, const struct bud_jws *jws,
	const struct bud_token_question *question, struct bud_token_answer *answer,
	struct bud_error *error)
{
	const struct bud_issuer *issuer;
	const struct bud_jwk_set *keys;
	const struct bud_jwk *key;

	answer->issuer = find_issuer(set, question->use, jws);
	if (answer->issuer < 0)
		return bad(error, "its issuer is not trusted here");
	issuer = &set->issuers->at[answer->issuer];
	if (!(issuer->algorithms >> jws->algorithm & 1u))
		return bad(error, "it is signed with an algorithm that is not accepted");
	keys = set->keys[answer->issuer];
	if (!keys)
		return BUD_TOKEN_NO_KEYS;
	answer->serial = bud_jwk_set_serial(keys);
	switch (bud_jwk_set_choose(keys, jws->kid, jws->algorithm, &key)) {
	case BUD_JWK_UNKNOWN:
		(void)bad(error, "it is signed with a key that its issuer does not have");
		return BUD_TOKEN_KEY_UNKNOWN;
	case BUD_JWK_UNSUITABLE:
		return bad(error, "its issuer has no key for it");
	case BUD_JWK_FOUND:
		break;
	}
	if (!bud_jws_is_signed_by(jws, key))
		return bad(error, "its signature is wrong");
	return believe(jws, question, issuer, answer, error);
}

enum bud_token_outcome bud_token_check(const struct bud_trust_set *set,
	const struct bud_token_question *question, struct bud_token_answer *out_answer,
	struct bud_error *error)
{
	struct bud_token_answer answer = {.identity = NULL};
	enum bud_token_outcome outcome;
	struct bud_jws jws = {0};

	if (question->takes_keys &&
		bud_span_starts(question->token, bud_span(BUD_API_KEY_PREFIX))) {
		outcome = check_api_key(set, question, &answer, error);
	} else if (!set->issuers) {
		return bad(error, "no issuer of tokens is trusted here");
	} else {
		if (bud_jws_parse(question->token, &jws, error) < 0)
			return BUD_TOKEN_BAD;
		outcome = check(set, &jws, question, &answer, error);
		bud_jws_finish(&jws);
	}
	if (outcome != BUD_TOKEN_BAD)
		*out_answer = answer;
	return outcome;
}

size_t bud_token_serial(const struct bud_trust_set *set, int issuer)
{
	if (issuer == BUD_TOKEN_API_KEY)
		return set->api_keys ? bud_api_keys_serial(set->api_keys) : 0;
	return set->keys[issuer] ? bud_jwk_set_serial(set->keys[issuer]) : 0;
}
