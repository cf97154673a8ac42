/* Credentials. One table says which members a type has. */
#include "subscription/credential.h"

#include <jansson.h>
#include <stdlib.h>
#include <strings.h>

#include "core/clock.h"
#include "core/limits.h"
#include "event/timestamp.h"
#include "subscription/body.h"

#define PATH         "sinkcredential"
#define MEMBERS_MAX  8
#define EXPIRES_NAME "accesstokenexpiresutc"

/* What a text may be made of. */
enum letters {
	LETTERS_TEXT,  /* all but control characters */
	LETTERS_USER,  /* the same without ':', where Basic ends the name (RFC 7617, 2) */
	LETTERS_TOKEN, /* visible ASCII: it stands in a header */
	LETTERS_SCOPE, /* visible ASCII and blanks (RFC 6749, 3.3) */
	LETTERS_TYPE,  /* "bearer", in any case */
};

struct member {
	const char *name;
	size_t at; /* in struct bud_credential */
	size_t max;
	enum letters letters;
	bool is_secret;
	bool is_optional;
};

struct type {
	const char *name;
	struct member members[MEMBERS_MAX];
	size_t n;
};

#define FIELD(name) offsetof(struct bud_credential, name)

#define ACCESS                                                                                     \
	{"accesstoken", FIELD(access_token), BUD_TOKEN_BYTES_MAX, LETTERS_TOKEN, true, false},     \
	{                                                                                          \
		"accesstokentype", FIELD(token_type), 16, LETTERS_TYPE, false, true                \
	}

/* In the order of enum bud_credential_type, without NONE. */
static const struct type types[] = {
	{"PLAIN",
		{{"identifier", FIELD(identifier), 1024, LETTERS_USER, false, false},
			{"secret", FIELD(secret), 1024, LETTERS_TEXT, true, false}},
		2},
	{"ACCESSTOKEN", {ACCESS}, 2},
	{"REFRESHTOKEN",
		{ACCESS,
			{"refreshtoken", FIELD(refresh_token), BUD_TOKEN_BYTES_MAX, LETTERS_TOKEN,
				true, false},
			{"refreshtokenendpoint", FIELD(endpoint), BUD_SINK_BYTES_MAX, LETTERS_TOKEN,
				false, false}},
		4},
	{"CLIENT",
		{{"identifier", FIELD(identifier), 1024, LETTERS_TEXT, false, false},
			{"secret", FIELD(secret), 1024, LETTERS_TEXT, true, false},
			{"tokenendpoint", FIELD(endpoint), BUD_SINK_BYTES_MAX, LETTERS_TOKEN, false,
				false},
			{"scope", FIELD(scope), 1024, LETTERS_SCOPE, false, true}},
		4},
};

#define TYPES_N (sizeof(types) / sizeof(*types))

static const struct type *type_of(enum bud_credential_type type)
{
	return &types[type - BUD_CREDENTIAL_PLAIN];
}

static bool has_expiry(enum bud_credential_type type)
{
	return type == BUD_CREDENTIAL_ACCESSTOKEN || type == BUD_CREDENTIAL_REFRESHTOKEN;
}

static char **field_of(const struct bud_credential *credential, const struct member *member)
{
	return (char **)((char *)credential + member->at);
}

static const char *wrong_letters(const char *text, enum letters letters)
{
	if (letters == LETTERS_TYPE)
		return strcasecmp(text, "bearer") == 0 ? NULL : "must be \"bearer\"";
	if (letters == LETTERS_USER && strchr(text, ':'))
		return "must not have a colon";
	for (const char *at = text; letters >= LETTERS_TOKEN && *at; at++)
		if (*at < 0x20 || *at > 0x7e || (*at == ' ' && letters == LETTERS_TOKEN))
			return letters == LETTERS_TOKEN ? "must be visible ASCII without blanks"
							: "must be visible ASCII";
	return NULL;
}

static int read_member(const json_t *json, const struct member *member,
	const struct bud_credential *old, struct bud_credential *credential,
	struct bud_error *error)
{
	const json_t *value = json_object_get(json, member->name);
	char **field = field_of(credential, member);
	char path[64];
	struct bud_body_text rule = {path, member->max};
	const char *kept = old ? *field_of(old, member) : NULL;
	const char *wrong;
	int r;

	snprintf(path, sizeof(path), PATH ".%s", member->name);
	if (!value && member->is_secret && kept)
		*field = bud_strdup(kept);
	r = bud_body_text(value, &rule, field, error);
	if (r < 0)
		return r;
	if (!*field && member->is_optional)
		return 0;
	if (!*field)
		return bud_error_set(error, path, "%s is missing", path);
	if (member->is_secret && strncmp(*field, "sealed:", 7) == 0)
		return bud_error_set(error, path, "%s must not begin with \"sealed:\"", path);
	wrong = wrong_letters(*field, member->letters);
	return wrong ? bud_error_set(error, path, "%s %s", path, wrong) : 0;
}

static int read_expiry(
	const json_t *json, struct bud_credential *credential, struct bud_error *error)
{
	const json_t *value = json_object_get(json, EXPIRES_NAME);
	struct bud_span text = {json_string_value(value), json_string_length(value)};

	if (!value || json_is_null(value))
		return 0;
	if (!text.at || bud_time_parse(text, &credential->expires_ms) < 0)
		return bud_error_set(error, PATH "." EXPIRES_NAME,
			PATH "." EXPIRES_NAME
			     " must be a time as in RFC 3339, such as 2030-01-31T12:00:00Z");
	if (credential->expires_ms < 1)
		credential->expires_ms = 1; /* 0 says unknown */
	return 0;
}

static int check_members(const json_t *json, const struct type *type, struct bud_error *error)
{
	const char *known[MEMBERS_MAX + 3] = {"credentialtype"};
	size_t n = 1;

	for (size_t i = 0; i < type->n; i++)
		known[n++] = type->members[i].name;
	if (has_expiry((enum bud_credential_type)(type - types + BUD_CREDENTIAL_PLAIN)))
		known[n] = EXPIRES_NAME;
	return bud_body_check(json, PATH, known, error);
}

int bud_credential_parse(const struct json_t *json, const struct bud_credential *old,
	struct bud_credential *credential, struct bud_error *error)
{
	const char *names[TYPES_N + 1] = {NULL};
	const struct type *type;
	size_t place = TYPES_N;
	int r;

	for (size_t i = 0; i < TYPES_N; i++)
		names[i] = types[i].name;
	if (!json_is_object(json))
		return bud_error_set(error, PATH, PATH " must be an object");
	r = bud_body_word(json_object_get(json, "credentialtype"), PATH ".credentialtype", names,
		&place, error);
	if (r < 0)
		return r;
	if (place == TYPES_N)
		return bud_error_set(
			error, PATH ".credentialtype", PATH ".credentialtype is missing");
	type = &types[place];
	credential->type = BUD_CREDENTIAL_PLAIN + (enum bud_credential_type)place;
	if (old && old->type != credential->type)
		old = NULL;
	r = check_members(json, type, error);
	for (size_t i = 0; r == 0 && i < type->n; i++)
		r = read_member(json, &type->members[i], old, credential, error);
	if (r == 0 && has_expiry(credential->type)) {
		if (!credential->token_type)
			credential->token_type = bud_strdup("bearer");
		r = read_expiry(json, credential, error);
	}
	return r;
}

void bud_credential_finish(struct bud_credential *credential)
{
	bud_free_secret(credential->identifier);
	bud_free_secret(credential->secret);
	bud_free_secret(credential->access_token);
	free(credential->token_type);
	bud_free_secret(credential->refresh_token);
	free(credential->endpoint);
	free(credential->scope);
	*credential = (struct bud_credential){0};
}

void bud_credential_copy(const struct bud_credential *credential, struct bud_credential *out_copy)
{
	out_copy->type = credential->type;
	out_copy->expires_ms = credential->expires_ms;
	for (size_t i = 0; credential->type && i < type_of(credential->type)->n; i++) {
		const struct member *member = &type_of(credential->type)->members[i];
		const char *text = *field_of(credential, member);
		*field_of(out_copy, member) = text ? bud_strdup(text) : NULL;
	}
}

static bool is_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool bud_credential_equals(const struct bud_credential *a, const struct bud_credential *b)
{
	if (a->type != b->type || a->expires_ms != b->expires_ms)
		return false;
	for (size_t i = 0; a->type != BUD_CREDENTIAL_NONE && i < type_of(a->type)->n; i++) {
		const struct member *member = &type_of(a->type)->members[i];
		if (!is_same(*field_of(a, member), *field_of(b, member)))
			return false;
	}
	return true;
}

bool bud_credential_shares_tokens(const struct bud_credential *a, const struct bud_credential *b)
{
	if (a->type != BUD_CREDENTIAL_REFRESHTOKEN || b->type != BUD_CREDENTIAL_REFRESHTOKEN)
		return bud_credential_equals(a, b);
	return is_same(a->access_token, b->access_token) &&
	       is_same(a->refresh_token, b->refresh_token);
}

bool bud_credential_has_expired(const struct bud_credential *credential, int64_t now_ms)
{
	return credential->type == BUD_CREDENTIAL_ACCESSTOKEN && credential->expires_ms != 0 &&
	       now_ms >= credential->expires_ms;
}

void bud_credential_write(
	const struct bud_credential *credential, bool with_secrets, struct bud_buffer *out)
{
	const struct type *type = type_of(credential->type);
	char expires[25];

	bud_buffer_format(out, "{\"credentialtype\":\"%s\"", type->name);
	for (size_t i = 0; i < type->n; i++) {
		const struct member *member = &type->members[i];
		const char *text = *field_of(credential, member);
		if (!text || (member->is_secret && !with_secrets))
			continue;
		bud_buffer_member_text(out, member->name, text);
	}
	if (credential->expires_ms != 0) {
		bud_clock_write(credential->expires_ms, expires);
		bud_buffer_format(out, ",\"" EXPIRES_NAME "\":\"%s\"", expires);
	}
	bud_buffer_byte(out, '}');
}
