/* A request for tokens: form and fields made -> posted -> read -> told. A redirect is an answer
 * like any other that is not 200: nobody else gets the secret. */
#include "lifecycle/token_request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "access/oauth2.h"
#include "core/error.h"
#include "fetch/fetch.h"
#include "fetch/target.h"
#include "subscription/push_config.h"

#define WHY_BYTES 160

struct call {
	bud_token_fn fn;
	void *owner;
	struct bud_buffer form;
	struct bud_buffer authorization;
	const char *lines[3];
};

static void destroy(struct call *call)
{
	bud_buffer_finish_secret(&call->form);
	bud_buffer_finish_secret(&call->authorization);
	free(call);
}

static void on_result(void *owner, const struct bud_fetch_result *result)
{
	struct call *call = owner;
	struct bud_oauth2_tokens tokens = {0};
	struct bud_error error = {0};
	int r = -EINVAL;

	if (result->kind == BUD_FETCH_CANCELLED) {
		call->fn(call->owner, NULL, NULL);
		destroy(call);
		return;
	}
	if (result->kind != BUD_FETCH_RESPONSE)
		(void)bud_error_set(
			&error, NULL, "the token endpoint could not be asked: %s", result->text);
	else if (result->body_is_cut)
		(void)bud_error_set(&error, NULL, "the token endpoint's answer is too long");
	else
		r = bud_oauth2_read(result->status, result->body, &tokens, &error);
	call->fn(call->owner, r == 0 ? &tokens : NULL, r == 0 ? NULL : error.text);
	bud_oauth2_tokens_finish(&tokens);
	destroy(call);
}

static struct call *create(const struct bud_token_request *request, size_t *out_lines_n)
{
	bool refreshes = request->credential->type == BUD_CREDENTIAL_REFRESHTOKEN;
	struct call *call = bud_new(struct call);

	call->fn = request->fn;
	call->owner = request->owner;
	bud_oauth2_write_form(
		request->credential, refreshes ? request->refresh_token : NULL, &call->form);
	call->lines[0] = "Content-Type: application/x-www-form-urlencoded";
	call->lines[1] = "Accept: application/json";
	*out_lines_n = 2;
	if (bud_oauth2_write_authorization(request->credential, &call->authorization))
		call->lines[(*out_lines_n)++] = call->authorization.at;
	return call;
}

int bud_token_request_start(
	struct bud_fetch *fetch, const struct bud_token_request *request, struct bud_error *error)
{
	struct bud_target_options options = {.allow_http = request->allow_http};
	struct bud_target *target =
		bud_target_create(bud_span(request->credential->endpoint), &options, error);
	struct call *call;
	size_t lines_n;
	int r;

	if (!target)
		return -EINVAL;
	call = create(request, &lines_n);
	r = bud_fetch_start(fetch,
		&(struct bud_fetch_request){
			.target = target,
			.headers = call->lines,
			.headers_n = lines_n,
			.body = bud_buffer_as_span(&call->form),
			.timeout_ms = request->timeout_ms,
			.keep_body_bytes = BUD_OAUTH2_BODY_MAX,
		},
		on_result, call, NULL);
	bud_target_unref(target);
	if (r == 0)
		return 0;
	destroy(call);
	return r == -EPROTONOSUPPORT || r == -EINVAL
		       ? bud_error_set(error, NULL, "the token endpoint is not allowed any more")
		       : r;
}
