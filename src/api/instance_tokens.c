/* POST /instance-tokens: body read -> token written -> answered. Nothing is stored: who made it and
 * what it opens stands in the token, and what its maker may show is asked for each event. */
#include "api/instance_tokens.h"

#include <inttypes.h>
#include <jansson.h>

#include "access/refusal.h"
#include "api/desk.h"
#include "api/failure.h"
#include "api/json_body.h"
#include "auth/identity.h"
#include "auth/instance_token.h"
#include "auth/need.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/limits.h"
#include "core/metrics.h"
#include "crypto/keyring.h"
#include "http/reply.h"
#include "http/request.h"
#include "read/pull.h"
#include "subscription/body.h"

static void handle_make(void *context, struct bud_request *request);

const struct bud_route bud_instance_tokens_routes[] = {
	{"POST", "/instance-tokens", handle_make, BUD_API_BODY_BYTES_MAX, BUD_NEED_IDENTITY},
};
const size_t bud_instance_tokens_routes_n =
	sizeof(bud_instance_tokens_routes) / sizeof(bud_instance_tokens_routes[0]);

/* False: it is answered. */
static bool may_make(const struct bud_api_desk *desk, struct bud_request *request)
{
	const struct bud_identity *identity = bud_request_identity(request);
	struct bud_error error;

	if (!bud_identity_may(identity, BUD_NEED_PUBLISH) &&
		!bud_identity_may(identity, BUD_NEED_READ)) {
		(void)bud_error_set(&error, "scope", "this needs a scope to publish or to read");
		bud_refusal_reply(request, "", &error);
		return false;
	}
	if (bud_pull_kinds(desk->pull) & 1u << BUD_INDEX_RESOURCEINSTANCE)
		return true;
	(void)bud_error_set(&error, NULL,
		"events are not indexed by resourceinstance: an operator can turn that on with the "
		"settings pull.enabled and pull.resourceinstance");
	bud_reply_problem(request, 501, "not-indexed", "Cannot be read back", &error);
	return false;
}

static int read_body(const json_t *body, int64_t *out_life_s, struct bud_error *error)
{
	static const struct bud_body_integer rule = {
		"expires_in_s", 1, BUD_INSTANCE_TOKEN_LIFE_S_MAX};
	const json_t *instance = json_object_get(body, "resourceinstance");
	size_t len = json_string_length(instance);

	if (len == 0 || len > BUD_INSTANCE_BYTES_MAX || strlen(json_string_value(instance)) != len)
		return bud_error_set(error, "resourceinstance",
			"resourceinstance must be a text of 1 to %d bytes, as the events have it",
			BUD_INSTANCE_BYTES_MAX);
	return bud_body_integer(json_object_get(body, "expires_in_s"), &rule, out_life_s, error);
}

static void answer(struct bud_request *request, const struct bud_instance_token *token,
	const struct bud_buffer *text)
{
	bud_auto(buffer) struct bud_buffer body = {0};
	char expires[25];

	bud_clock_write(token->expires_s * 1000, expires);
	bud_buffer_format(&body,
		"{\"token\":\"%s\",\"expires\":\"%s\",\"resourceinstance\":", text->at, expires);
	bud_buffer_json(&body, bud_span(token->instance));
	bud_buffer_byte(&body, '}');
	bud_reply_header(request, "Cache-Control", "no-store");
	bud_reply(request, 201, "application/json", bud_buffer_as_span(&body));
	explicit_bzero(body.at, body.len);
}

static void make(const struct bud_api_desk *desk, struct bud_request *request,
	struct bud_instance_token *token)
{
	const struct bud_key_set *set = bud_keyring_take(desk->keyring);
	bud_auto(buffer) struct bud_buffer text = {0};
	int r = bud_instance_token_write(set, token, bud_clock_wall_ms(), &text);

	bud_key_set_unref(set);
	if (r < 0) {
		bud_failure_reply(request, r);
		return;
	}
	bud_metrics_add(desk->metrics, BUD_COUNTER_INSTANCE_TOKENS, 1);
	answer(request, token, &text);
}

static void handle_make(void *context, struct bud_request *request)
{
	static const char *const members[] = {"resourceinstance", "expires_in_s", NULL};
	int64_t life_s = BUD_INSTANCE_TOKEN_LIFE_S;
	struct bud_instance_token token = {0};
	struct bud_error error = {0};
	json_auto_t *body = NULL;

	if (!may_make(context, request))
		return;
	body = bud_json_body_take(request, members);
	if (!body)
		return;
	if (read_body(body, &life_s, &error) < 0) {
		bud_json_body_refuse(request, &error);
		return;
	}
	token.maker = bud_strdup(bud_request_identity(request)->name);
	token.instance = bud_strdup(json_string_value(json_object_get(body, "resourceinstance")));
	token.expires_s = bud_clock_wall_ms() / 1000 + life_s;
	make(context, request, &token);
	bud_instance_token_finish(&token);
}
