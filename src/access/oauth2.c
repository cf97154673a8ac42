/* OAuth2's token endpoint. */
#include "access/oauth2.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <strings.h>

#include "core/limits.h"
#include "crypto/base64.h"
#include "subscription/push_config.h"

#define LIFE_S        3600 /* where the answer does not say */
#define CODE_MAX      64
#define LIFE_TEXT_MAX 20

/* application/x-www-form-urlencoded, as strict as any reader could want it. */
static void write_encoded(struct bud_buffer *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		if (isalnum(c) || strchr("-._~", c))
			bud_buffer_byte(out, (char)c);
		else
			bud_buffer_format(out, "%%%02X", c);
	}
}

void bud_oauth2_write_form(
	const struct bud_credential *credential, const char *refresh_token, struct bud_buffer *out)
{
	if (refresh_token) {
		bud_buffer_text(out, "grant_type=refresh_token&refresh_token=");
		write_encoded(out, refresh_token);
	} else {
		bud_buffer_text(out, "grant_type=client_credentials");
	}
	if (credential->scope) {
		bud_buffer_text(out, "&scope=");
		write_encoded(out, credential->scope);
	}
}

bool bud_oauth2_write_authorization(const struct bud_credential *credential, struct bud_buffer *out)
{
	struct bud_buffer pair = {0};

	if (!credential->identifier || !credential->secret)
		return false;
	write_encoded(&pair, credential->identifier);
	bud_buffer_byte(&pair, ':');
	write_encoded(&pair, credential->secret);
	bud_buffer_text(out, "Authorization: Basic ");
	bud_base64_write(bud_buffer_as_span(&pair), out);
	bud_buffer_finish_secret(&pair);
	return true;
}

/* It goes into a header: visible ASCII. NULL when it is none. */
static const char *token_of(const json_t *root, const char *name)
{
	const json_t *value = json_object_get(root, name);
	const char *text = json_string_value(value);
	size_t len = text ? json_string_length(value) : 0;

	if (len == 0 || len > BUD_TOKEN_BYTES_MAX)
		return NULL;
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return NULL;
	return text;
}

/* Some write the number as a text. What is said is believed, however short: 0 has ended already. */
static int64_t life_of(const json_t *root)
{
	const json_t *value = json_object_get(root, "expires_in");
	const char *text = json_string_value(value);
	uint64_t number = LIFE_S;

	if (json_is_integer(value))
		number = json_integer_value(value) > 0 ? (uint64_t)json_integer_value(value) : 0;
	else if (json_is_real(value) && json_real_value(value) < BUD_OAUTH2_LIFE_MAX_S)
		number = json_real_value(value) > 0 ? (uint64_t)json_real_value(value) : 0;
	else if (json_is_real(value))
		number = BUD_OAUTH2_LIFE_MAX_S;
	else if (text && (strlen(text) > LIFE_TEXT_MAX ||
				 !bud_span_number(bud_span(text), UINT64_MAX, &number)))
		number = LIFE_S;
	return number > BUD_OAUTH2_LIFE_MAX_S ? BUD_OAUTH2_LIFE_MAX_S : (int64_t)number;
}

/* The code is a word of the RFC or of the issuer; anything else is left out. */
static int refuse(int status, const json_t *root, struct bud_error *error)
{
	const char *code = json_string_value(json_object_get(root, "error"));
	bool is_code = code && code[0] && strlen(code) <= CODE_MAX;

	for (const char *at = code; is_code && *at; at++)
		is_code = isalnum((unsigned char)*at) || *at == '_' || *at == '-' || *at == '.';
	if (is_code)
		return bud_error_set(
			error, NULL, "the token endpoint answered %d (%s)", status, code);
	return bud_error_set(error, NULL, "the token endpoint answered %d", status);
}

static int read_tokens(
	const json_t *root, struct bud_oauth2_tokens *tokens, struct bud_error *error)
{
	const char *access = token_of(root, "access_token");
	const char *refresh = token_of(root, "refresh_token");
	const char *type = json_string_value(json_object_get(root, "token_type"));

	if (!access)
		return bud_error_set(
			error, NULL, "the token endpoint's answer has no usable access_token");
	if (type && strcasecmp(type, "bearer") != 0)
		return bud_error_set(error, NULL,
			"the token endpoint's answer has a token_type that is not bearer");
	tokens->access_token = bud_strdup(access);
	tokens->refresh_token = refresh ? bud_strdup(refresh) : NULL;
	tokens->life_s = life_of(root);
	return 0;
}

int bud_oauth2_read(int status, struct bud_span body, struct bud_oauth2_tokens *out_tokens,
	struct bud_error *error)
{
	json_auto_t *root = NULL;

	if (body.len > 0 && body.len <= BUD_OAUTH2_BODY_MAX)
		root = json_loadb(body.at, body.len, JSON_REJECT_DUPLICATES, NULL);
	if (status != 200)
		return refuse(status, root, error);
	if (!json_is_object(root))
		return bud_error_set(error, NULL, "the token endpoint's answer is no JSON object");
	return read_tokens(root, out_tokens, error);
}

void bud_oauth2_tokens_finish(struct bud_oauth2_tokens *tokens)
{
	bud_free_secret(tokens->access_token);
	bud_free_secret(tokens->refresh_token);
	*tokens = (struct bud_oauth2_tokens){0};
}
