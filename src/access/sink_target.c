/* Targets of sinks. Secrets are overwritten where they were copied. */
#include "access/sink_target.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "crypto/base64.h"
#include "fetch/target.h"
#include "subscription/push_config.h"
#include "subscription/sealing.h"
#include "subscription/sink_header.h"
#include "subscription/subscription.h"

static int add_line(struct bud_target *target, const char *name, struct bud_span value)
{
	struct bud_buffer line = {0};
	int r;

	bud_buffer_text(&line, name);
	bud_buffer_text(&line, ": ");
	bud_buffer_span(&line, value);
	r = bud_target_header_add(target, line.at);
	explicit_bzero(line.at, line.len);
	bud_buffer_finish(&line);
	return r;
}

static int add_basic(struct bud_target *target, const struct bud_credential *credential)
{
	struct bud_buffer plain = {0};
	struct bud_buffer value = {0};
	int r;

	bud_buffer_text(&plain, credential->identifier);
	bud_buffer_byte(&plain, ':');
	bud_buffer_text(&plain, credential->secret);
	bud_buffer_text(&value, "Basic ");
	bud_base64_write(bud_buffer_as_span(&plain), &value);
	r = add_line(target, "Authorization", bud_buffer_as_span(&value));
	explicit_bzero(plain.at, plain.len);
	explicit_bzero(value.at, value.len);
	bud_buffer_finish(&plain);
	bud_buffer_finish(&value);
	return r;
}

static int add_bearer(struct bud_target *target, const char *token)
{
	struct bud_buffer value = {0};
	int r;

	bud_buffer_text(&value, "Bearer ");
	bud_buffer_text(&value, token);
	r = add_line(target, "Authorization", bud_buffer_as_span(&value));
	explicit_bzero(value.at, value.len);
	bud_buffer_finish(&value);
	return r;
}

/* A token of ours that is good still, else the owner's own one, where there is one. */
static int add_token(struct bud_target *target, const struct bud_subscription *subscription,
	int64_t now_ms, int64_t *out_until_ms)
{
	const struct bud_credential *credential = &subscription->config->credential;
	const struct bud_subscription_status *status = &subscription->status;
	char *ours = NULL;
	const char *token = credential->access_token;
	int64_t until_ms = credential->expires_ms;
	int r = 0;

	if (credential->type != BUD_CREDENTIAL_ACCESSTOKEN)
		ours = bud_sealing_open_text(subscription, "access_token", status->access_token);
	if (ours) {
		token = ours;
		until_ms = status->token_expires_ms;
	}
	if (until_ms == 0)
		until_ms = INT64_MAX;
	*out_until_ms = token && now_ms < until_ms ? until_ms : 0;
	if (*out_until_ms > 0)
		r = add_bearer(target, token);
	if (ours)
		explicit_bzero(ours, strlen(ours));
	free(ours);
	return r;
}

static int add_credential(struct bud_target *target, const struct bud_subscription *subscription,
	int64_t now_ms, int64_t *out_until_ms)
{
	const struct bud_credential *credential = &subscription->config->credential;

	switch (credential->type) {
	case BUD_CREDENTIAL_NONE:
		break;
	case BUD_CREDENTIAL_PLAIN:
		return add_basic(target, credential);
	case BUD_CREDENTIAL_ACCESSTOKEN:
	case BUD_CREDENTIAL_REFRESHTOKEN:
	case BUD_CREDENTIAL_CLIENT:
		return add_token(target, subscription, now_ms, out_until_ms);
	}
	return 0;
}

static struct bud_span pem(const char *text)
{
	return text ? bud_span(text) : (struct bud_span){NULL, 0};
}

bool bud_sink_lacks_token(const struct bud_subscription *subscription, int64_t now_ms)
{
	const struct bud_credential *credential = &subscription->config->credential;
	const struct bud_subscription_status *status = &subscription->status;

	if (credential->type != BUD_CREDENTIAL_REFRESHTOKEN &&
		credential->type != BUD_CREDENTIAL_CLIENT)
		return false;
	if (status->access_token)
		return status->token_expires_ms != 0 && now_ms >= status->token_expires_ms;
	return !credential->access_token ||
	       (credential->expires_ms != 0 && now_ms >= credential->expires_ms);
}

struct bud_target *bud_sink_target_create(const struct bud_subscription *subscription,
	bool allow_http, int64_t now_ms, int64_t *out_until_ms, struct bud_error *error)
{
	const struct bud_push_config *config = subscription->config;
	struct bud_target_options options = {
		.allow_http = allow_http,
		.ca_pem = pem(config->ca_pem),
		.certificate_pem = pem(config->certificate_pem),
		.key_pem = pem(config->key_pem),
	};
	struct bud_target *target =
		bud_target_create(bud_span(subscription->sink), &options, error);
	int r = 0;

	if (!target)
		return NULL;
	*out_until_ms = INT64_MAX;
	for (size_t i = 0; r == 0 && i < subscription->n_headers; i++)
		r = add_line(target, subscription->headers[i].name,
			bud_span(subscription->headers[i].value));
	assert(r == 0); /* the API accepted none that could fail here */
	if (add_credential(target, subscription, now_ms, out_until_ms) < 0)
		*out_until_ms = 0; /* a token endpoint may give anything */
	return target;
}
