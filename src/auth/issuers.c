/* Issuers. The file is JSON, as what it says is nested: README, "Tokens", tells each member. */
#include "auth/issuers.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/jwk.h"

#define PATH_BYTES     64
#define TEXTS_MAX      64
#define TEXT_LEN_MAX   1024
#define PART_BYTES_MAX 64
#define ALTINN         "altinn"
#define CLAIM_ALTINN   "urn:altinn:scope"
#define CLAIM_RFC8693  "scope"

/* What is being read, and where a fault would be. */
struct reading {
	const json_t *json;
	char path[PATH_BYTES]; /* "issuers[0]" */
	bool allow_http;
	struct bud_error *error;
};

static const char *const uses[BUD_ISSUER_USES] = {"bearer", "platform", "dialog"};

__attribute__((format(printf, 3, 4))) static int refuse(
	const struct reading *reading, const char *name, const char *format, ...)
{
	char member[BUD_ERROR_MEMBER_MAX];
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	snprintf(member, sizeof(member), "%s%s%s", reading->path, *name ? "." : "", name);
	return bud_error_set(reading->error, member, "%s %s", member, text);
}

static int check_members(const struct reading *reading)
{
	static const char *const known[] = {"issuer", "use", "discovery", "jwks_uri", "jwks",
		"algorithms", "typ", "audience", "require_audience", "require_scope", "scope_lists",
		"scope_claims", "scopes", "clock_skew_s", "identity"};
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)reading->json, name, value)
	{
		size_t i = 0;
		while (i < sizeof(known) / sizeof(known[0]) && strcmp(name, known[i]) != 0)
			i++;
		if (i == sizeof(known) / sizeof(known[0]))
			return refuse(reading, name, "is no member of an issuer");
	}
	return 0;
}

/* A text, if it is there. */
static int read_text(const struct reading *reading, const char *name, char **out)
{
	const json_t *value = json_object_get(reading->json, name);
	size_t len = json_string_length(value);

	if (!value)
		return 0;
	if (!json_is_string(value) || len == 0 || len > TEXT_LEN_MAX)
		return refuse(reading, name, "must be a text of 1 to %d bytes", TEXT_LEN_MAX);
	*out = bud_strdup(json_string_value(value));
	return 0;
}

static int read_url(const struct reading *reading, const char *name, char **out)
{
	int r = read_text(reading, name, out);

	if (r < 0 || !*out || bud_span_starts(bud_span(*out), bud_span("https://")) ||
		(reading->allow_http && bud_span_starts(bud_span(*out), bud_span("http://"))))
		return r;
	return refuse(reading, name, "must begin with https://");
}

static int read_bool(const struct reading *reading, const char *name, bool *out)
{
	const json_t *value = json_object_get(reading->json, name);

	if (value && !json_is_boolean(value))
		return refuse(reading, name, "must be true or false");
	if (value)
		*out = json_is_true(value);
	return 0;
}

static void add_text(struct bud_texts *texts, const char *text)
{
	texts->at = bud_realloc(texts->at, (texts->n + 1) * sizeof(*texts->at));
	texts->at[texts->n++] = bud_strdup(text);
}

/* A text or an array of texts. */
static int read_texts(const struct reading *reading, const char *name, struct bud_texts *out)
{
	const json_t *value = json_object_get(reading->json, name);
	size_t n = json_is_array(value) ? json_array_size(value) : 1;

	if (!value)
		return 0;
	if (n == 0 || n > TEXTS_MAX)
		return refuse(reading, name, "must have 1 to %d texts", TEXTS_MAX);
	for (size_t i = 0; i < n; i++) {
		const json_t *one = json_is_array(value) ? json_array_get(value, i) : value;
		size_t len = json_string_length(one);
		if (!json_is_string(one) || len == 0 || len > TEXT_LEN_MAX)
			return refuse(reading, name, "must be a text or an array of texts");
		add_text(out, json_string_value(one));
	}
	return 0;
}

static int read_use(const struct reading *reading, struct bud_issuer *issuer)
{
	const json_t *value = json_object_get(reading->json, "use");
	const char *text = json_string_value(value);

	if (!value)
		return 0;
	for (unsigned i = 0; text && i < BUD_ISSUER_USES; i++) {
		if (strcmp(text, uses[i]) == 0) {
			issuer->use = (enum bud_issuer_use)i;
			return 0;
		}
	}
	return refuse(reading, "use", "must be bearer, platform or dialog");
}

static int read_algorithms(const struct reading *reading, struct bud_issuer *issuer)
{
	struct bud_texts words = {0};
	int r = read_texts(reading, "algorithms", &words);

	for (size_t i = 0; r == 0 && i < words.n; i++) {
		enum bud_jws_algorithm algorithm;
		r = bud_jws_algorithm_parse(bud_span(words.at[i]), &algorithm);
		if (r == 0)
			issuer->algorithms |= 1u << algorithm;
		else
			r = refuse(reading, "algorithms",
				"must be of RS256, RS384, RS512, PS256, ES256 and EdDSA");
	}
	if (words.n == 0)
		issuer->algorithms =
			1u << (issuer->use == BUD_ISSUER_DIALOG ? BUD_JWS_EDDSA : BUD_JWS_RS256);
	for (size_t i = 0; i < words.n; i++)
		free(words.at[i]);
	free(words.at);
	return r;
}

static int read_skew(const struct reading *reading, struct bud_issuer *issuer)
{
	const json_t *value = json_object_get(reading->json, "clock_skew_s");
	json_int_t skew_s = json_integer_value(value);

	issuer->skew_s = BUD_ISSUER_SKEW_S;
	if (!value)
		return 0;
	if (!json_is_integer(value) || skew_s < 0 || skew_s > BUD_ISSUER_SKEW_S_MAX)
		return refuse(reading, "clock_skew_s", "must be a whole number from 0 to %d",
			BUD_ISSUER_SKEW_S_MAX);
	issuer->skew_s = skew_s;
	return 0;
}

static int read_fixed(const struct reading *reading, struct bud_issuer *issuer)
{
	const json_t *value = json_object_get(reading->json, "jwks");
	bud_auto(free) char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
	struct bud_error why = {0};

	if (!value)
		return 0;
	if (!text || bud_jwk_set_parse(bud_span(text), &issuer->fixed, &why) < 0)
		return refuse(reading, "jwks", "is refused: %.150s", why.text);
	return 0;
}

static int read_keys(const struct reading *reading, struct bud_issuer *issuer)
{
	int r = read_url(reading, "discovery", &issuer->discovery);

	if (r == 0)
		r = read_url(reading, "jwks_uri", &issuer->jwks_uri);
	if (r == 0)
		r = read_fixed(reading, issuer);
	if (r == 0 && !!issuer->discovery + !!issuer->jwks_uri + !!issuer->fixed != 1)
		r = refuse(reading, "", "must have one of discovery, jwks_uri and jwks");
	return r;
}

static struct bud_identity_rule *add_rule(struct bud_issuer *issuer)
{
	issuer->rules = bud_realloc(issuer->rules, (issuer->rules_n + 1) * sizeof(*issuer->rules));
	issuer->rules[issuer->rules_n] = (struct bud_identity_rule){NULL, NULL};
	return &issuer->rules[issuer->rules_n++];
}

/* "altinn", or {"claim":...,"prefix":...}. */
static int read_rule(const struct reading *reading, const json_t *json, struct bud_issuer *issuer)
{
	const char *claim = json_string_value(json_object_get(json, "claim"));
	const char *prefix = json_string_value(json_object_get(json, "prefix"));
	struct bud_identity_rule *rule;
	size_t len = prefix ? strlen(prefix) : 0;

	if (json_is_string(json) && strcmp(json_string_value(json), ALTINN) == 0) {
		add_rule(issuer);
		return 0;
	}
	if (!claim || !*claim || json_object_size(json) != 2 || len < 3 || len > 64 ||
		prefix[0] != '/' || prefix[len - 1] != '/')
		return refuse(reading, "identity",
			"must be \"altinn\", or have a claim and a prefix like \"/app/\"");
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)prefix[i]) && !strchr("/-_.", prefix[i]))
			return refuse(reading, "identity",
				"has a prefix with other characters than letters, digits and /-_.");
	rule = add_rule(issuer);
	rule->claim = bud_strdup(claim);
	rule->prefix = bud_strdup(prefix);
	return 0;
}

static int read_rules(const struct reading *reading, struct bud_issuer *issuer)
{
	const json_t *value = json_object_get(reading->json, "identity");
	size_t n = json_is_array(value) ? json_array_size(value) : 1;
	int r = 0;

	if (!value) {
		add_rule(issuer);
		return 0;
	}
	if (n == 0 || n > TEXTS_MAX)
		return refuse(reading, "identity", "must have 1 to %d rules", TEXTS_MAX);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = read_rule(
			reading, json_is_array(value) ? json_array_get(value, i) : value, issuer);
	return r;
}

static int read_scopes(const struct reading *reading, struct bud_issuer *issuer)
{
	int r = read_texts(reading, "scope_claims", &issuer->scope_claims);

	if (r == 0)
		r = read_texts(reading, "scopes", &issuer->scopes);
	if (r == 0)
		r = read_bool(reading, "scope_lists", &issuer->takes_scope_lists);
	if (r == 0)
		r = read_bool(reading, "require_scope", &issuer->requires_scope);
	if (r == 0 && issuer->scope_claims.n == 0) {
		add_text(&issuer->scope_claims, CLAIM_ALTINN);
		add_text(&issuer->scope_claims, CLAIM_RFC8693);
	}
	return r;
}

static int read_audience(const struct reading *reading, struct bud_issuer *issuer)
{
	int r = read_texts(reading, "audience", &issuer->audiences);

	issuer->requires_audience = issuer->audiences.n > 0;
	if (r == 0)
		r = read_bool(reading, "require_audience", &issuer->requires_audience);
	if (r == 0 && issuer->requires_audience && issuer->audiences.n == 0)
		r = refuse(reading, "require_audience", "needs an audience");
	return r;
}

/* Media types: without "application/", which may be left out, and in any case. */
static int read_types(const struct reading *reading, struct bud_issuer *issuer)
{
	int r = read_texts(reading, "typ", &issuer->types);

	for (size_t i = 0; i < issuer->types.n; i++)
		for (char *at = issuer->types.at[i]; *at; at++)
			*at = (char)tolower((unsigned char)*at);
	return r;
}

static bool is_pattern(const struct bud_issuer *issuer)
{
	return issuer->use == BUD_ISSUER_PLATFORM && strchr(issuer->name, '*');
}

/* A `*` is all of a part. Metadata is of one issuer, so there can be none of a pattern. */
static int check_pattern(const struct reading *reading, const struct bud_issuer *issuer)
{
	struct bud_span rest = bud_span(issuer->name);

	if (!strchr(issuer->name, '*'))
		return 0;
	if (issuer->use != BUD_ISSUER_PLATFORM)
		return refuse(reading, "issuer", "may have a * with \"use\": \"platform\" only");
	while (rest.len > 0) {
		struct bud_span part = bud_span_take_until(&rest, '/');
		if (part.len > 1 && memchr(part.at, '*', part.len))
			return refuse(
				reading, "issuer", "may have a * in place of a whole part only");
	}
	return issuer->discovery
		       ? refuse(reading, "discovery", "cannot be with an issuer that has a *")
		       : 0;
}

static int read_issuer(const struct reading *reading, struct bud_issuer *issuer)
{
	int r = json_is_object(reading->json) ? check_members(reading)
					      : refuse(reading, "", "must be an object");

	if (r == 0)
		r = read_text(reading, "issuer", &issuer->name);
	if (r == 0 && !issuer->name)
		r = refuse(reading, "issuer", "is missing");
	if (r == 0)
		r = read_use(reading, issuer);
	if (r == 0)
		r = read_keys(reading, issuer);
	if (r == 0)
		r = check_pattern(reading, issuer);
	if (r == 0)
		r = read_algorithms(reading, issuer);
	if (r == 0)
		r = read_types(reading, issuer);
	if (r == 0)
		r = read_audience(reading, issuer);
	if (r == 0)
		r = read_scopes(reading, issuer);
	if (r == 0)
		r = read_skew(reading, issuer);
	if (r == 0)
		r = read_rules(reading, issuer);
	return r;
}

static int read_all(struct reading *reading, const json_t *list, struct bud_issuers *issuers)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_array_size(list); i++) {
		struct bud_issuer *issuer = &issuers->at[issuers->n++];
		snprintf(reading->path, sizeof(reading->path), "issuers[%zu]", i);
		reading->json = json_array_get(list, i);
		r = read_issuer(reading, issuer);
		for (size_t k = 0; r == 0 && k < i; k++)
			if (issuers->at[k].use == issuer->use &&
				strcmp(issuers->at[k].name, issuer->name) == 0)
				r = refuse(reading, "issuer", "stands there twice");
	}
	return r;
}

int bud_issuers_parse(struct bud_span json, bool allow_http, struct bud_issuers **out_issuers,
	struct bud_error *error)
{
	struct reading reading = {.allow_http = allow_http, .error = error};
	json_error_t fault = {.line = 0};
	json_auto_t *root = NULL;
	const json_t *list;
	struct bud_issuers *issuers;
	int r;

	if (json.len > BUD_ISSUERS_BYTES_MAX)
		return bud_error_set(
			error, NULL, "it has more than %u bytes", BUD_ISSUERS_BYTES_MAX);
	root = json_loadb(json.len ? json.at : "", json.len, JSON_REJECT_DUPLICATES, &fault);
	if (!root)
		return bud_error_set(error, NULL, "line %d: %s", fault.line, fault.text);
	list = json_object_get(root, "issuers");
	if (!json_is_array(list) || json_object_size(root) != 1 || json_array_size(list) == 0 ||
		json_array_size(list) > BUD_ISSUERS_MAX)
		return bud_error_set(error, "issuers",
			"it must be an object with \"issuers\" and nothing else: an array of 1 to "
			"%d issuers",
			BUD_ISSUERS_MAX);
	issuers = bud_new(struct bud_issuers);
	atomic_init(&issuers->refs, 1);
	r = read_all(&reading, list, issuers);
	if (r < 0)
		bud_issuers_unref(issuers);
	else
		*out_issuers = issuers;
	return r;
}

static void free_texts(struct bud_texts *texts)
{
	for (size_t i = 0; i < texts->n; i++)
		free(texts->at[i]);
	free(texts->at);
}

static void finish_issuer(struct bud_issuer *issuer)
{
	for (size_t i = 0; i < issuer->rules_n; i++) {
		free(issuer->rules[i].claim);
		free(issuer->rules[i].prefix);
	}
	free(issuer->rules);
	free_texts(&issuer->types);
	free_texts(&issuer->audiences);
	free_texts(&issuer->scope_claims);
	free_texts(&issuer->scopes);
	bud_jwk_set_unref(issuer->fixed);
	free(issuer->discovery);
	free(issuer->jwks_uri);
	free(issuer->name);
}

struct bud_issuers *bud_issuers_ref(struct bud_issuers *issuers)
{
	atomic_fetch_add(&issuers->refs, 1);
	return issuers;
}

void bud_issuers_unref(struct bud_issuers *issuers)
{
	if (!issuers || atomic_fetch_sub(&issuers->refs, 1) > 1)
		return;
	for (size_t i = 0; i < issuers->n; i++)
		finish_issuer(&issuers->at[i]);
	free(issuers);
}

static bool is_part(struct bud_span part)
{
	for (size_t i = 0; i < part.len; i++)
		if (!isalnum((unsigned char)part.at[i]) && !strchr("-_.", part.at[i]))
			return false;
	return part.len > 0 && part.len <= PART_BYTES_MAX && part.at[0] != '.';
}

static size_t count_parts(struct bud_span name)
{
	size_t n = 1;

	for (size_t i = 0; i < name.len; i++)
		n += name.at[i] == '/';
	return n;
}

static bool fits(const char *pattern, struct bud_span name)
{
	struct bud_span rest = bud_span(pattern);

	if (memchr(name.at, '\0', name.len) || count_parts(rest) != count_parts(name))
		return false;
	while (rest.len > 0) {
		struct bud_span wanted = bud_span_take_until(&rest, '/');
		struct bud_span part = bud_span_take_until(&name, '/');
		if (bud_span_is(wanted, "*") ? !is_part(part) : !bud_span_equals(wanted, part))
			return false;
	}
	return true;
}

int bud_issuers_find(
	const struct bud_issuers *issuers, enum bud_issuer_use use, struct bud_span name)
{
	for (size_t i = 0; i < issuers->n; i++)
		if (issuers->at[i].use == use && !is_pattern(&issuers->at[i]) &&
			bud_span_is(name, issuers->at[i].name))
			return (int)i;
	for (size_t i = 0; i < issuers->n; i++)
		if (issuers->at[i].use == use && is_pattern(&issuers->at[i]) &&
			fits(issuers->at[i].name, name))
			return (int)i;
	return -ENOENT;
}

static bool is_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

int bud_issuers_find_same(const struct bud_issuers *issuers, const struct bud_issuer *issuer)
{
	for (size_t i = 0; issuers && i < issuers->n && !issuer->fixed; i++) {
		const struct bud_issuer *one = &issuers->at[i];
		if (one->use == issuer->use && is_same(one->name, issuer->name) && !one->fixed &&
			is_same(one->discovery, issuer->discovery) &&
			is_same(one->jwks_uri, issuer->jwks_uri))
			return (int)i;
	}
	return -ENOENT;
}
