/* Claims: the identity they make. What stands there but not as it should is refused and not passed
 * over: the next claim would make the caller somebody else. */
#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth/claims.h"
#include "auth/identity.h"
#include "auth/issuers.h"
#include "auth/norwegian.h"
#include "auth/scope_rules.h"
#include "crypto/jws.h"

#define ORG_BYTES_MAX   64
#define UUID_BYTES      36
#define NUMBER_BYTES    24
#define CLAIM_BYTES_MAX 1024

struct making {
	const struct bud_claims *claims;
	struct bud_identity *identity;
	struct bud_error *error;
};

static int refuse(struct making *making, const char *claim)
{
	return bud_error_set(
		making->error, NULL, "the token is not valid: its %s cannot be used", claim);
}

static const json_t *claim_of(const struct making *making, const char *name)
{
	return json_object_get(making->claims->jws->payload, name);
}

/* Texts. */

/* A text, or a whole number as one; "" when it is neither. */
static void write_value(const json_t *value, char *out, size_t room)
{
	out[0] = '\0';
	if (json_is_integer(value))
		snprintf(out, room, "%lld", (long long)json_integer_value(value));
	else if (json_is_string(value) && json_string_length(value) < room)
		snprintf(out, room, "%s", json_string_value(value));
}

static bool is_positive(const char *text)
{
	uint64_t number;

	return bud_span_number(bud_span(text), INT64_MAX, &number) && number > 0 && text[0] != '0';
}

static bool is_acronym(const char *text)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) && text[i] != '-' && text[i] != '_')
			return false;
	return len > 0 && len <= ORG_BYTES_MAX;
}

/* Lower case, into `out`. */
static bool read_uuid(const json_t *value, char out[UUID_BYTES + 1])
{
	const char *text = json_string_value(value);

	if (!text || json_string_length(value) != UUID_BYTES)
		return false;
	for (size_t i = 0; i < UUID_BYTES; i++) {
		bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (is_dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
			return false;
		out[i] = (char)tolower((unsigned char)text[i]);
	}
	out[UUID_BYTES] = '\0';
	return true;
}

/* {"authority":"iso6523-actorid-upis","ID":"0192:<9 digits>"}; NULL: not so. */
static char *read_organization(const json_t *value)
{
	static const char register_of_entities[] = "0192:";
	const char *authority = json_string_value(json_object_get(value, "authority"));
	const char *id = json_string_value(json_object_get(value, "ID"));

	if (!id)
		id = json_string_value(json_object_get(value, "id"));
	if (!authority || !id || !bud_span_is_nocase(bud_span(authority), "iso6523-actorid-upis") ||
		!bud_span_starts(bud_span(id), bud_span(register_of_entities)))
		return NULL;
	id += strlen(register_of_entities);
	return bud_org_number_is_valid(bud_span(id)) ? bud_strdup(id) : NULL;
}

/* The facts, one claim each. */

static int read_org(struct making *making)
{
	const json_t *value = claim_of(making, "urn:altinn:org");

	if (!value)
		return 0;
	if (!json_is_string(value) || !is_acronym(json_string_value(value)))
		return refuse(making, "urn:altinn:org");
	making->identity->altinn.org = bud_strdup(json_string_value(value));
	return 0;
}

/* A number above zero, or a text with one; 0 is nobody. */
static int read_number(struct making *making, const char *name, char **out)
{
	const json_t *value = claim_of(making, name);
	char text[NUMBER_BYTES];

	if (!value)
		return 0;
	write_value(value, text, sizeof(text));
	if (is_positive(text))
		*out = bud_strdup(text);
	else if (strcmp(text, "0") != 0)
		return refuse(making, name);
	return 0;
}

static int read_org_number(struct making *making)
{
	struct bud_altinn_facts *facts = &making->identity->altinn;
	const json_t *value = claim_of(making, "urn:altinn:orgNumber");
	const json_t *consumer = claim_of(making, "consumer");
	const json_t *supplier = claim_of(making, "supplier");
	char text[NUMBER_BYTES];

	if (consumer) {
		facts->org_number = read_organization(consumer);
		if (!facts->org_number)
			return refuse(making, "consumer");
	}
	if (supplier) {
		facts->supplier = read_organization(supplier);
		if (!facts->supplier)
			return refuse(making, "supplier");
	}
	if (!value)
		return 0;
	write_value(value, text, sizeof(text));
	if (!bud_org_number_is_valid(bud_span(text)))
		return refuse(making, "urn:altinn:orgNumber");
	free(facts->org_number);
	facts->org_number = bud_strdup(text);
	return 0;
}

static const json_t *find_system_user(const json_t *details)
{
	size_t n = json_is_array(details) ? json_array_size(details) : 1;

	for (size_t i = 0; i < n; i++) {
		const json_t *one = json_is_array(details) ? json_array_get(details, i) : details;
		const char *type = json_string_value(json_object_get(one, "type"));
		if (type && strcmp(type, "urn:altinn:systemuser") == 0)
			return one;
	}
	return NULL;
}

/* The organization it belongs to is who it acts for; the consumer is its vendor then. */
static int read_system_user(struct making *making)
{
	struct bud_altinn_facts *facts = &making->identity->altinn;
	const json_t *user = find_system_user(claim_of(making, "authorization_details"));
	const json_t *ids = json_object_get(user, "systemuser_id");
	const json_t *org = json_object_get(user, "systemuser_org");
	char uuid[UUID_BYTES + 1];

	if (!user)
		return 0;
	if (!read_uuid(json_is_array(ids) ? json_array_get(ids, 0) : ids, uuid))
		return refuse(making, "authorization_details");
	facts->system_user = bud_strdup(uuid);
	if (!org)
		return 0;
	free(facts->supplier);
	facts->supplier = facts->org_number;
	facts->org_number = read_organization(org);
	return facts->org_number ? 0 : refuse(making, "authorization_details");
}

static int read_person(struct making *making)
{
	const json_t *value = claim_of(making, "pid");
	struct bud_span number = {json_string_value(value), json_string_length(value)};

	if (!value)
		return 0;
	if (!number.at || !bud_person_number_is_valid(number))
		return refuse(making, "pid");
	bud_person_hash(making->claims->person_key, number, making->identity->altinn.person);
	return 0;
}

/* How sure the issuer is of a person. An unknown word is not taken for any. */
static int read_level(struct making *making)
{
	static const struct {
		const char *word;
		int level;
	} words[] = {
		{"idporten-loa-high", 4},
		{"idporten-loa-substantial", 3},
		{"idporten-loa-low", 0},
		{"selfregistered-email", 0},
		{"Level4", 4},
		{"Level3", 3},
	};
	const json_t *level = claim_of(making, "urn:altinn:authlevel");
	const json_t *acr = claim_of(making, "acr");
	const char *word = json_string_value(acr);
	char text[NUMBER_BYTES];

	for (size_t i = 0; word && i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i].word, word) == 0)
			making->identity->altinn.level = words[i].level;
	if (acr && making->identity->altinn.person[0] && making->identity->altinn.level < 0)
		return refuse(making, "acr");
	if (!level)
		return 0;
	write_value(level, text, sizeof(text));
	if (strlen(text) != 1 || text[0] < '0' || text[0] > '4')
		return refuse(making, "urn:altinn:authlevel");
	making->identity->altinn.level = text[0] - '0';
	return 0;
}

static bool knows_altinn(const struct bud_issuer *issuer)
{
	for (size_t i = 0; i < issuer->rules_n; i++)
		if (!issuer->rules[i].claim)
			return issuer->use == BUD_ISSUER_BEARER;
	return false;
}

static int read_facts(struct making *making)
{
	struct bud_altinn_facts *facts = &making->identity->altinn;
	int r = read_org(making);

	if (r == 0)
		r = read_number(making, "urn:altinn:userid", &facts->user);
	if (r == 0)
		r = read_number(making, "urn:altinn:partyid", &facts->party);
	if (r == 0)
		r = read_org_number(making);
	if (r == 0)
		r = read_system_user(making);
	if (r == 0)
		r = read_person(making);
	if (r == 0)
		r = read_level(making);
	return r;
}

/* Names. */

static void name_it(struct making *making, const char *prefix, const char *value)
{
	bud_auto(buffer) struct bud_buffer name = {0};

	bud_buffer_format(&name, "%s%s", prefix, value);
	free(making->identity->name);
	making->identity->name = bud_strdup(name.at);
}

/* The first that is there (facts/altinn: org, user, system user, organization), then the person.
 * False: none. */
static bool name_by_altinn(struct making *making)
{
	const struct bud_altinn_facts *facts = &making->identity->altinn;

	if (facts->org)
		name_it(making, "/org/", facts->org);
	else if (facts->user)
		name_it(making, "/user/", facts->user);
	else if (facts->system_user)
		name_it(making, "/systemuser/", facts->system_user);
	else if (facts->org_number)
		name_it(making, "/organisation/", facts->org_number);
	else if (facts->person[0])
		name_it(making, "/person/", facts->person);
	else
		return false;
	return true;
}

/* A member of the payload, or by a JSON pointer without escapes. */
static const json_t *find_claim(const json_t *payload, const char *claim)
{
	struct bud_span rest = bud_span(claim);

	if (claim[0] != '/')
		return json_object_get(payload, claim);
	(void)bud_span_take_until(&rest, '/');
	while (payload && rest.len > 0) {
		struct bud_span step = bud_span_take_until(&rest, '/');
		char name[CLAIM_BYTES_MAX + 1];
		snprintf(name, sizeof(name), "%.*s", (int)step.len, step.at);
		payload = json_object_get(payload, name);
	}
	return payload;
}

/* So that no value can look like another rule's, or another value's. */
static void write_escaped(const char *value, struct bud_buffer *out)
{
	for (const char *at = value; *at; at++) {
		unsigned char c = (unsigned char)*at;
		if (isalnum(c) || strchr("-._~@:+|", c))
			bud_buffer_byte(out, *at);
		else
			bud_buffer_format(out, "%%%02X", c);
	}
}

static int name_by_rule(struct making *making, const struct bud_identity_rule *rule)
{
	const json_t *value = find_claim(making->claims->jws->payload, rule->claim);
	bud_auto(buffer) struct bud_buffer escaped = {0};
	char text[CLAIM_BYTES_MAX + 1];

	if (!value)
		return 0;
	write_value(value, text, sizeof(text));
	write_escaped(text, &escaped);
	if (text[0] == '\0' || escaped.len + strlen(rule->prefix) > BUD_IDENTITY_NAME_MAX)
		return refuse(making, "claim that names the caller");
	name_it(making, rule->prefix, escaped.at);
	return 0;
}

/* Who may publish for whom is said by the token's issuer: the organization, and its app maybe. */
static int name_by_issuer(struct making *making)
{
	const char *issuer = making->identity->issuer;
	char org[ORG_BYTES_MAX + 1];

	snprintf(org, sizeof(org), "%.*s", (int)strcspn(issuer, "/"), issuer);
	if (!is_acronym(org))
		return refuse(making, "iss");
	name_it(making, "/org/", org);
	return 0;
}

static int find_name(struct making *making)
{
	const struct bud_issuer *issuer = making->claims->issuer;
	bool is_default = issuer->rules_n == 1 && !issuer->rules[0].claim;
	int r = 0;

	if (issuer->use == BUD_ISSUER_PLATFORM && is_default)
		return name_by_issuer(making);
	for (size_t i = 0; r == 0 && i < issuer->rules_n && !*making->identity->name; i++) {
		if (issuer->rules[i].claim)
			r = name_by_rule(making, &issuer->rules[i]);
		else
			(void)name_by_altinn(making);
	}
	if (r == 0 && !*making->identity->name)
		r = bud_error_set(making->error, NULL,
			"the token is not valid here: none of its claims says who the caller is");
	return r;
}

/* Scopes. */

static void add_words(struct bud_identity *identity, const char *words)
{
	struct bud_span rest = bud_span(words);

	while (rest.len > 0) {
		struct bud_span scope = bud_span_take_until(&rest, ' ');
		if (scope.len <= BUD_SCOPE_BYTES_MAX)
			bud_identity_add_scope(identity, scope);
	}
}

/* The first claim that is there counts alone. */
static int read_scopes(struct making *making)
{
	const struct bud_issuer *issuer = making->claims->issuer;
	const json_t *value = NULL;

	for (size_t i = 0; i < issuer->scopes.n; i++)
		bud_identity_add_scope(making->identity, bud_span(issuer->scopes.at[i]));
	for (size_t i = 0; !value && i < issuer->scope_claims.n; i++)
		value = claim_of(making, issuer->scope_claims.at[i]);
	if (json_is_string(value)) {
		add_words(making->identity, json_string_value(value));
		return 0;
	}
	if (!value)
		return 0;
	if (!json_is_array(value) || !issuer->takes_scope_lists)
		return refuse(making, "scope");
	for (size_t i = 0; i < json_array_size(value); i++) {
		const json_t *scope = json_array_get(value, i);
		if (!json_is_string(scope) || strchr(json_string_value(scope), ' '))
			return refuse(making, "scope");
		add_words(making->identity, json_string_value(scope));
	}
	return 0;
}

/* Dialog tokens. */

static char *copy_text(const struct making *making, const char *name)
{
	const char *text = json_string_value(claim_of(making, name));

	return text ? bud_strdup(text) : NULL;
}

static int read_dialog(struct making *making)
{
	struct bud_dialog_facts *facts = &making->identity->dialog;
	char uuid[UUID_BYTES + 1];

	if (!read_uuid(claim_of(making, "i"), uuid))
		return refuse(making, "i");
	facts->dialog = bud_strdup(uuid);
	facts->party = copy_text(making, "p");
	facts->resource = copy_text(making, "s");
	facts->actions = copy_text(making, "a");
	if (!facts->actions)
		return refuse(making, "a");
	return 0;
}

static enum bud_authentication_kind kind_of(enum bud_issuer_use use)
{
	static const enum bud_authentication_kind kinds[] = {
		[BUD_ISSUER_BEARER] = BUD_AUTHENTICATED_TOKEN,
		[BUD_ISSUER_PLATFORM] = BUD_AUTHENTICATED_PLATFORM,
		[BUD_ISSUER_DIALOG] = BUD_AUTHENTICATED_DIALOG,
	};

	return kinds[use];
}

int bud_claims_identify(const struct bud_claims *claims, struct bud_identity **out_identity,
	struct bud_error *error)
{
	const struct bud_issuer *issuer = claims->issuer;
	struct making making = {claims, bud_identity_create(kind_of(issuer->use), ""), error};
	const char *iss = json_string_value(claim_of(&making, "iss"));
	int r;

	/* Ours by its name, or by a pattern that this one fits. */
	making.identity->issuer = bud_strdup(iss ? iss : issuer->name);
	if (issuer->use == BUD_ISSUER_DIALOG) {
		r = read_dialog(&making);
	} else {
		r = knows_altinn(issuer) ? read_facts(&making) : 0;
		if (r == 0)
			r = read_scopes(&making);
		if (r == 0)
			r = find_name(&making);
		if (r == 0)
			bud_scope_rules_apply(claims->rules, making.identity);
	}
	if (r < 0)
		bud_identity_unref(making.identity);
	else
		*out_identity = making.identity;
	return r;
}
