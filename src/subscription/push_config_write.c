/* Push configs, written. */
#include "subscription/push_config_json.h"

#include <inttypes.h>

#include "core/clock.h"
#include "subscription/push_config.h"
#include "subscription/push_config_words.h"
#include "subscription/retry.h"

struct writing {
	const struct bud_push_config *config;
	enum bud_push_config_form form;
	struct bud_buffer *out;
};

static void write_number(struct bud_buffer *out, const char *name, int64_t number)
{
	bud_buffer_member(out, name);
	bud_buffer_format(out, "%" PRId64, number);
}

/* Appends `name` and an object; close_object() takes both back when it stayed empty. */
static size_t open_object(struct bud_buffer *out, const char *name)
{
	size_t start = out->len;

	bud_buffer_member(out, name);
	bud_buffer_byte(out, '{');
	return start;
}

static void close_object(struct bud_buffer *out, size_t start)
{
	if (out->at[out->len - 1] != '{') {
		bud_buffer_byte(out, '}');
		return;
	}
	out->len = start;
	out->at[start] = '\0';
}

static void write_retry(const struct writing *writing)
{
	size_t start = writing->out->len;

	bud_buffer_member(writing->out, "retry");
	bud_retry_write(
		&writing->config->retry, writing->form == BUD_PUSH_CONFIG_SHOWN, writing->out);
	if (writing->out->at[writing->out->len - 2] != '{')
		return;
	writing->out->len = start;
	writing->out->at[start] = '\0';
}

static void write_flow(const struct writing *writing)
{
	const struct bud_push_config *config = writing->config;
	struct bud_buffer *out = writing->out;
	bool is_shown = writing->form == BUD_PUSH_CONFIG_SHOWN;

	if (config->rate_per_s > 0) {
		bud_buffer_member(out, "rate_per_s");
		bud_buffer_format(out, "%.15g", config->rate_per_s);
	}
	if (config->max_in_flight > 0)
		write_number(out, "max_in_flight", config->max_in_flight);
	if (is_shown || config->is_ordered) {
		bud_buffer_member(out, "ordered");
		bud_buffer_text(out, config->is_ordered ? "true" : "false");
	}
	if (config->is_ordered && (is_shown || config->on_blocked != BUD_ON_BLOCKED_WAIT))
		bud_buffer_member_text(out, "on_blocked", bud_on_blocked_words[config->on_blocked]);
}

static void write_content(const struct writing *writing)
{
	const struct bud_push_config *config = writing->config;
	const struct bud_push_config *usual = &bud_push_config_default;
	struct bud_buffer *out = writing->out;
	bool is_shown = writing->form == BUD_PUSH_CONFIG_SHOWN;
	size_t start;

	if (is_shown || config->mode != usual->mode)
		bud_buffer_member_text(out, "mode", bud_mode_words[config->mode]);
	if (config->mode != BUD_MODE_BATCH)
		return;
	start = open_object(out, "batch");
	if (is_shown || config->batch_events != usual->batch_events)
		write_number(out, "max_events", config->batch_events);
	if (is_shown || config->batch_bytes != usual->batch_bytes)
		write_number(out, "max_bytes", config->batch_bytes);
	if (is_shown || config->batch_wait_ms != usual->batch_wait_ms)
		write_number(out, "max_wait_ms", config->batch_wait_ms);
	close_object(out, start);
}

static void write_schemes(const struct writing *writing)
{
	const char *comma = "";

	bud_buffer_member(writing->out, "schemes");
	bud_buffer_byte(writing->out, '[');
	for (unsigned i = 0; bud_signature_words[i]; i++) {
		if (!(writing->config->signatures & (1u << i)))
			continue;
		bud_buffer_format(writing->out, "%s\"%s\"", comma, bud_signature_words[i]);
		comma = ",";
	}
	bud_buffer_byte(writing->out, ']');
}

static void write_previous(const struct writing *writing)
{
	struct bud_buffer *out = writing->out;

	bud_buffer_member(out, "previous");
	for (size_t i = 0; i < writing->config->previous_n; i++) {
		const struct bud_previous_secret *previous = &writing->config->previous[i];
		bud_buffer_byte(out, i ? ',' : '[');
		bud_buffer_byte(out, '{');
		bud_buffer_member_text(out, "secret", previous->secret);
		write_number(out, "until", previous->until_ms);
		bud_buffer_byte(out, '}');
	}
	bud_buffer_byte(out, ']');
}

static void write_signing(const struct writing *writing, const char *secret)
{
	const struct bud_push_config *config = writing->config;
	struct bud_buffer *out = writing->out;
	bool is_shown = writing->form == BUD_PUSH_CONFIG_SHOWN;
	size_t start = open_object(out, "signing");

	bud_buffer_member_text(out, "secret", secret);
	if (is_shown || config->signatures != bud_push_config_default.signatures)
		write_schemes(writing);
	if (config->signs_authority ||
		(is_shown && (config->signatures & BUD_SIGNATURE_RFC9421) != 0))
		bud_buffer_member_text(
			out, "components", bud_component_words[config->signs_authority]);
	if (writing->form == BUD_PUSH_CONFIG_STORED && config->previous_n > 0)
		write_previous(writing);
	close_object(out, start);
}

static void write_tls(const struct writing *writing)
{
	size_t start = open_object(writing->out, "tls");

	bud_buffer_member_text(writing->out, "ca", writing->config->ca_pem);
	bud_buffer_member_text(writing->out, "certificate", writing->config->certificate_pem);
	if (writing->form == BUD_PUSH_CONFIG_STORED)
		bud_buffer_member_text(writing->out, "key", writing->config->key_pem);
	close_object(writing->out, start);
}

void bud_push_config_write(const struct bud_push_config *config, enum bud_push_config_form form,
	const struct bud_push_config_rest *rest, struct bud_buffer *out)
{
	struct writing writing = {config, form, out};

	bud_buffer_byte(out, '{');
	if (rest->timeout_ms > 0)
		write_number(out, "timeout_ms", rest->timeout_ms);
	write_retry(&writing);
	write_flow(&writing);
	write_content(&writing);
	write_signing(&writing, rest->secret);
	if (config->verify != BUD_VERIFY_DEFAULT)
		bud_buffer_member_text(
			out, "verify", bud_verify_words[config->verify - BUD_VERIFY_OFF]);
	write_tls(&writing);
	bud_buffer_byte(out, '}');
}
