/* Claims: the checks. */
#include "auth/claims.h"

#include <ctype.h>
#include <jansson.h>
#include <math.h>

#include "auth/issuers.h"
#include "crypto/jws.h"

/* Whole numbers up to here are exact in every reader of JSON. */
#define SECONDS_MAX 9007199254740992.0

static int refuse(struct bud_error *error, const char *why)
{
	return bud_error_set(error, NULL, "the token is not valid: %s", why);
}

/* RFC 7519, 2: seconds since 1970, fractions allowed. 1: there; 0: not; -1: no such number. */
static int read_time(const struct bud_claims *claims, const char *name, int64_t *out_ms)
{
	const json_t *value = json_object_get(claims->jws->payload, name);
	double seconds = json_number_value(value);

	if (!value)
		return 0;
	if (!json_is_number(value) || !isfinite(seconds) || seconds < 0 || seconds >= SECONDS_MAX)
		return -1;
	*out_ms = (int64_t)(seconds * 1000);
	return 1;
}

static int check_times(
	const struct bud_claims *claims, int64_t *out_expires_ms, struct bud_error *error)
{
	int64_t skew_ms = claims->issuer->skew_s * 1000;
	int64_t expires_ms = 0, not_before_ms = 0, issued_ms = 0;
	int has_end = read_time(claims, "exp", &expires_ms);
	int has_begin = read_time(claims, "nbf", &not_before_ms);
	int is_issued = read_time(claims, "iat", &issued_ms);

	if (has_end == 0)
		return refuse(error, "it has no exp");
	if (has_end < 0 || has_begin < 0 || is_issued < 0)
		return refuse(error, "exp, nbf and iat must be numbers of seconds");
	if (claims->now_ms >= expires_ms + skew_ms)
		return refuse(error, "it has expired");
	if (has_begin > 0 && not_before_ms > claims->now_ms + skew_ms)
		return refuse(error, "it is not in force yet");
	if (is_issued > 0 && issued_ms > claims->now_ms + skew_ms)
		return refuse(error, "it was issued in the future");
	*out_expires_ms = expires_ms + skew_ms;
	return 0;
}

static bool is_for_us(const struct bud_issuer *issuer, const json_t *audience)
{
	for (size_t i = 0; i < issuer->audiences.n; i++)
		if (json_is_string(audience) &&
			strcmp(json_string_value(audience), issuer->audiences.at[i]) == 0)
			return true;
	return false;
}

static int check_audience(const struct bud_claims *claims, struct bud_error *error)
{
	const struct bud_issuer *issuer = claims->issuer;
	const json_t *audience = json_object_get(claims->jws->payload, "aud");

	if (issuer->audiences.n == 0 || (!audience && !issuer->requires_audience))
		return 0;
	if (is_for_us(issuer, audience))
		return 0;
	for (size_t i = 0; i < json_array_size(audience); i++)
		if (is_for_us(issuer, json_array_get(audience, i)))
			return 0;
	return refuse(error, "it is for another audience");
}

static bool is_type(const char *typ, const char *wanted)
{
	struct bud_span span = bud_span(typ);

	return bud_span_is_nocase(span, wanted) ||
	       (bud_span_starts_nocase(span, "application/") &&
		       bud_span_is_nocase(bud_span(typ + strlen("application/")), wanted));
}

static int check_type(const struct bud_claims *claims, struct bud_error *error)
{
	const struct bud_issuer *issuer = claims->issuer;

	if (issuer->types.n == 0)
		return 0;
	for (size_t i = 0; claims->jws->typ && i < issuer->types.n; i++)
		if (is_type(claims->jws->typ, issuer->types.at[i]))
			return 0;
	return refuse(error, "its typ is not the one that is asked for");
}

/* An ID token tells a client who its user is; it is no key to anything (RFC 8725, 3.11). */
static int check_kind(const struct bud_claims *claims, struct bud_error *error)
{
	const struct bud_issuer *issuer = claims->issuer;
	const json_t *payload = claims->jws->payload;
	bool has_scope = issuer->scopes.n > 0;

	for (size_t i = 0; !has_scope && i < issuer->scope_claims.n; i++)
		has_scope = json_object_get(payload, issuer->scope_claims.at[i]) != NULL;
	if (issuer->use != BUD_ISSUER_BEARER || has_scope)
		return 0;
	if (issuer->requires_scope)
		return refuse(error, "it has no scope");
	if (json_object_get(payload, "nonce") || json_object_get(payload, "at_hash"))
		return refuse(error, "it is an ID token, not an access token");
	return 0;
}

int bud_claims_check(
	const struct bud_claims *claims, int64_t *out_expires_ms, struct bud_error *error)
{
	int64_t expires_ms = 0;
	int r = check_type(claims, error);

	if (r == 0)
		r = check_times(claims, &expires_ms, error);
	if (r == 0)
		r = check_audience(claims, error);
	if (r == 0)
		r = check_kind(claims, error);
	if (r == 0)
		*out_expires_ms = expires_ms;
	return r;
}
