/* Instance tokens. */
#include "auth/instance_token.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

#include "core/random.h"
#include "crypto/own_token.h"

#define TYPE "instance+jwt"

void bud_instance_token_finish(struct bud_instance_token *token)
{
	free(token->maker);
	free(token->instance);
	*token = (struct bud_instance_token){0};
}

int bud_instance_token_write(const struct bud_key_set *set, struct bud_instance_token *token,
	int64_t now_ms, struct bud_buffer *out)
{
	bud_auto(buffer) struct bud_buffer payload = {0};

	bud_random_hex(token->id, (BUD_INSTANCE_TOKEN_ID_BYTES - 1) / 2);
	bud_buffer_format(&payload, "{\"jti\":\"%s\",\"maker\":", token->id);
	bud_buffer_json(&payload, bud_span(token->maker));
	bud_buffer_text(&payload, ",\"resourceinstance\":");
	bud_buffer_json(&payload, bud_span(token->instance));
	bud_buffer_format(&payload, ",\"iat\":%" PRId64 ",\"exp\":%" PRId64 "}", now_ms / 1000,
		token->expires_s);
	return bud_own_token_write(set, TYPE, bud_buffer_as_span(&payload), out);
}

bool bud_instance_token_is(struct bud_span text)
{
	return bud_own_token_is(text, TYPE);
}

/* What we have signed ourselves has all of them, in the right form. */
static int read_payload(
	const json_t *payload, struct bud_instance_token *token, struct bud_error *error)
{
	const json_t *id = json_object_get(payload, "jti");
	const json_t *maker = json_object_get(payload, "maker");
	const json_t *instance = json_object_get(payload, "resourceinstance");
	const json_t *expires = json_object_get(payload, "exp");

	if (json_string_length(id) != BUD_INSTANCE_TOKEN_ID_BYTES - 1 || !json_is_string(maker) ||
		!json_is_string(instance) || !json_is_integer(expires))
		return bud_error_set(error, NULL, "the token is not valid: it lacks something");
	memcpy(token->id, json_string_value(id), BUD_INSTANCE_TOKEN_ID_BYTES);
	token->maker = bud_strdup(json_string_value(maker));
	token->instance = bud_strdup(json_string_value(instance));
	token->expires_s = json_integer_value(expires);
	return 0;
}

int bud_instance_token_read(const struct bud_key_set *set, struct bud_span text, int64_t now_ms,
	struct bud_instance_token *out_token, struct bud_error *error)
{
	struct bud_instance_token token = {0};
	json_t *payload = NULL;
	int r = bud_own_token_read(set, TYPE, text, &payload, error);

	if (r < 0)
		return r;
	r = read_payload(payload, &token, error);
	json_decref(payload);
	if (r == 0 && now_ms / 1000 >= token.expires_s)
		r = bud_error_set(error, NULL, "the token is not valid: it has expired");
	if (r < 0)
		bud_instance_token_finish(&token);
	else
		*out_token = token;
	return r;
}
