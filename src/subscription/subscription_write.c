/* Subscriptions, written: one shape, of which the API shows a part and the store keeps all. */
#include "subscription/subscription.h"

#include <assert.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

#include "core/clock.h"
#include "subscription/credential.h"
#include "subscription/push_config.h"
#include "subscription/push_config_json.h"
#include "subscription/sealing.h"
#include "subscription/sink_header.h"

static void write_types(struct bud_buffer *out, const struct bud_subscription *subscription)
{
	if (subscription->n_types == 0)
		return;
	bud_buffer_member(out, "types");
	for (size_t i = 0; i < subscription->n_types; i++) {
		bud_buffer_byte(out, i ? ',' : '[');
		bud_buffer_json(out, bud_span(subscription->types[i]));
	}
	bud_buffer_byte(out, ']');
}

static void write_protocol(struct bud_buffer *out, const struct bud_subscription *subscription)
{
	bud_buffer_member_text(out, "protocol", "HTTP");
	bud_buffer_member(out, "protocolsettings");
	bud_buffer_text(out, "{\"method\":\"POST\"");
	if (subscription->n_headers > 0) {
		bud_buffer_text(out, ",\"headers\":{");
		for (size_t i = 0; i < subscription->n_headers; i++)
			bud_buffer_member_text(
				out, subscription->headers[i].name, subscription->headers[i].value);
		bud_buffer_byte(out, '}');
	}
	bud_buffer_byte(out, '}');
}

static void write_config(struct bud_buffer *out, const struct bud_subscription *subscription,
	enum bud_push_config_form form, bool with_secret)
{
	bool with_timeout = form == BUD_PUSH_CONFIG_SHOWN || subscription->timeout_is_given;
	struct bud_credential credential = subscription->config->credential;
	struct bud_push_config_rest rest = {
		.timeout_ms = with_timeout ? subscription->timeout_ms : 0,
		.secret = with_secret ? subscription->secret : NULL,
	};

	bud_buffer_member(out, "config");
	bud_push_config_write(subscription->config, form, &rest, out);
	if (credential.type == BUD_CREDENTIAL_NONE)
		return;
	/* Whoever looks wants to know of the token that is sent. */
	if (form == BUD_PUSH_CONFIG_SHOWN && credential.type == BUD_CREDENTIAL_REFRESHTOKEN &&
		subscription->status.access_token)
		credential.expires_ms = subscription->status.token_expires_ms;
	bud_buffer_member(out, "sinkcredential");
	bud_credential_write(&credential, form == BUD_PUSH_CONFIG_STORED, out);
}

/* After the opening brace. */
static void write_common(struct bud_buffer *out, const struct bud_subscription *subscription)
{
	char created[25];

	bud_clock_write(subscription->created_ms, created);
	bud_buffer_member_text(out, "id", subscription->id);
	bud_buffer_member_text(out, "owner", subscription->owner);
	bud_buffer_member_text(out, "created", created);
	bud_buffer_member_text(out, "name", subscription->name);
	bud_buffer_member_text(out, "source", subscription->source);
	write_types(out, subscription);
	if (subscription->filters) {
		bud_buffer_member(out, "filters");
		bud_buffer_text(out, subscription->filters);
	}
	bud_buffer_member_text(out, "sink", subscription->sink);
	write_protocol(out, subscription);
	bud_buffer_member_text(out, "expires", subscription->expires);
	bud_buffer_member_text(out, "from", subscription->from);
}

void bud_subscription_write_api(const struct bud_subscription *subscription,
	enum bud_subscription_secret secret, int64_t now_ms, struct bud_buffer *out)
{
	bud_buffer_byte(out, '{');
	write_common(out, subscription);
	write_config(
		out, subscription, BUD_PUSH_CONFIG_SHOWN, secret == BUD_SUBSCRIPTION_SECRET_SHOWN);
	bud_buffer_member(out, "status");
	bud_status_write_api(subscription, now_ms, out);
	bud_buffer_byte(out, '}');
}

void bud_subscription_write_given(
	const struct bud_subscription *subscription, struct bud_buffer *out)
{
	bud_buffer_byte(out, '{');
	write_common(out, subscription);
	write_config(out, subscription, BUD_PUSH_CONFIG_GIVEN, false);
	bud_buffer_member(out, "status");
	bud_status_write_api(subscription, 0, out);
	bud_buffer_byte(out, '}');
}

static void write_plain(const struct bud_subscription *subscription, struct bud_buffer *out)
{
	bud_buffer_format(out, "{\"format\":%d", BUD_SUBSCRIPTION_FORMAT);
	if (subscription->serial) {
		bud_buffer_member(out, "serial");
		bud_buffer_format(out, "%" PRIu64, subscription->serial);
	}
	bud_buffer_member_text(out, "etag", subscription->etag);
	write_common(out, subscription);
	write_config(out, subscription, BUD_PUSH_CONFIG_STORED, true);
	bud_buffer_byte(out, '}');
}

void bud_subscription_write_record(
	const struct bud_subscription *subscription, struct bud_buffer *out)
{
	struct bud_sealing sealing = {
		subscription->sealer, bud_span(subscription->owner), bud_span(subscription->id)};
	struct bud_buffer plain = {0};
	json_t *root;
	char *text;

	if (!subscription->sealer) {
		write_plain(subscription, out);
		return;
	}
	write_plain(subscription, &plain);
	root = json_loadb(plain.at, plain.len, 0, NULL);
	assert(root);
	bud_sealing_close_record(&sealing, root);
	text = json_dumps(root, JSON_COMPACT);
	bud_buffer_text(out, text);
	free(text);
	json_decref(root);
	explicit_bzero(plain.at, plain.len);
	bud_buffer_finish(&plain);
}
