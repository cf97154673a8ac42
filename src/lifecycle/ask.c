/* A question to a receiver: target and fields made -> sent -> judged -> told. */
#include "lifecycle/ask.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "access/sink_signer.h"
#include "access/sink_target.h"
#include "config/config.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/random.h"
#include "crypto/keyring.h"
#include "crypto/signer.h"
#include "event/content.h"
#include "event/event.h"
#include "fetch/fetch.h"
#include "fetch/target.h"
#include "subscription/altinn_filters.h"
#include "subscription/consent.h"
#include "subscription/push_config.h"
#include "subscription/sealing.h"
#include "subscription/subscription.h"

#define FIELDS_MAX (3 + BUD_SIGNATURE_LINES_MAX)
#define WHY_BYTES  160

struct ask {
	const struct bud_config *config;
	struct bud_ask_then then;
	enum bud_verify method;
	uint32_t rate; /* that we asked for */
	struct bud_buffer fields[FIELDS_MAX];
	const char *lines[FIELDS_MAX];
	size_t fields_n;
	struct bud_buffer body;
	char why[WHY_BYTES];
};

static void destroy(struct ask *ask)
{
	for (size_t i = 0; i < ask->fields_n; i++) {
		explicit_bzero(ask->fields[i].at, ask->fields[i].len); /* the key */
		bud_buffer_finish(&ask->fields[i]);
	}
	bud_buffer_finish(&ask->body);
	free(ask);
}

__attribute__((format(printf, 2, 3))) static void add_field(
	struct ask *ask, const char *format, ...)
{
	struct bud_buffer *field = &ask->fields[ask->fields_n];
	va_list list, again;
	int len;

	va_start(list, format);
	va_copy(again, list);
	len = vsnprintf(NULL, 0, format, list);
	va_end(list);
	vsnprintf(bud_buffer_reserve(field, (size_t)len + 1), (size_t)len + 1, format, again);
	va_end(again);
	field->len += (size_t)len;
	ask->lines[ask->fields_n++] = field->at;
}

/* CloudEvents HTTP webhooks 4.1. */
static void write_options(struct ask *ask, const struct bud_subscription *subscription)
{
	const char *callback = ask->config->delivery.callback_url;
	char *key = bud_sealing_open_text(
		subscription, "callback_key", subscription->status.callback_key);

	add_field(ask, "WebHook-Request-Origin: %s", ask->config->delivery.origin);
	if (callback[0] && key)
		add_field(ask, "WebHook-Request-Callback: %s/subscriptions/%s/consent?key=%s",
			callback, subscription->id, key);
	if (ask->rate > 0)
		add_field(ask, "WebHook-Request-Rate: %" PRIu32, ask->rate);
	if (key)
		explicit_bzero(key, strlen(key));
	free(key);
}

static void sign(struct ask *ask, struct bud_signer *signer, struct bud_signing *what)
{
	bud_auto(buffer) struct bud_buffer scratch = {0};
	struct bud_signature_headers signature;
	char *text = bud_alloc(bud_signer_bytes(signer));

	what->timestamp_s = bud_clock_wall_ms() / 1000;
	what->body = bud_buffer_as_span(&ask->body);
	add_field(ask, "webhook-id: %.*s", (int)what->id.len, what->id.at);
	add_field(ask, "webhook-timestamp: %" PRId64, what->timestamp_s);
	bud_signer_sign(signer, what, &scratch, text, &signature);
	for (size_t i = 0; i < signature.n; i++)
		add_field(ask, "%s", signature.lines[i]);
	free(text);
}

/* The same four attributes that Altinn sends, and no data. `id` is a hexadecimal number. */
static void write_event(const struct ask *ask, const struct bud_subscription *subscription,
	const char *id, struct bud_buffer *out)
{
	bud_buffer_format(out, "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"%s", id,
		ask->config->delivery.callback_url);
	if (bud_altinn_filters_are(subscription))
		bud_buffer_format(
			out, "/events/api/v1/subscriptions/%" PRIu64, subscription->serial);
	else
		bud_buffer_format(out, "/subscriptions/%s", subscription->id);
	bud_buffer_text(out, "\",\"type\":\"platform.events.validatesubscription\"}");
}

static enum bud_content_mode content_of(enum bud_mode mode)
{
	if (mode == BUD_MODE_SLACK)
		return BUD_CONTENT_SLACK;
	return mode == BUD_MODE_ALTINN ? BUD_CONTENT_ALTINN : BUD_CONTENT_STRUCTURED;
}

/* In the form that its deliveries will have; signed, as a receiver may refuse what is not. */
static void write_validation(struct ask *ask, const struct bud_subscription *subscription,
	const struct bud_target *target, struct bud_signer *signer)
{
	bud_auto(buffer) struct bud_buffer json = {0};
	struct bud_event event = {0};
	struct bud_signing what = {.target_uri = bud_span(bud_target_url(target))};
	struct bud_content content;
	char id[4 + 33] = "msg_";

	bud_random_hex(id + 4, 16);
	write_event(ask, subscription, id + 4, &json);
	event.bytes = bud_buffer_as_span(&json);
	bud_content_init(&content, &event, content_of(subscription->config->mode));
	bud_buffer_span(&ask->body, content.body);
	add_field(ask, "%s", content.lines[0]);
	what.id = bud_span(id);
	what.content_type = content.type;
	sign(ask, signer, &what);
	bud_content_finish(&content);
}

/* -EAGAIN: there is no key to sign with yet. */
static int write_request(struct ask *ask, const struct bud_ask_means *means,
	const struct bud_subscription *subscription, const struct bud_target *target)
{
	bool needs_keys = means->keyring && bud_sink_needs_keys(subscription);
	const struct bud_key_set *set = NULL;
	struct bud_signer *signer;
	int64_t until_ms;

	if (ask->method != BUD_VERIFY_ALTINN) {
		write_options(ask, subscription);
		return 0;
	}
	set = needs_keys ? bud_keyring_take(means->keyring) : NULL;
	signer = bud_sink_signer_create(subscription, set, bud_clock_wall_ms(), &until_ms);
	bud_key_set_unref(set);
	if (!signer)
		return -EAGAIN;
	write_validation(ask, subscription, target, signer);
	bud_signer_destroy(signer);
	return 0;
}

static void judge_validation(struct ask *ask, int status, struct bud_answer *answer)
{
	answer->agrees = status >= 200 && status <= 299;
	if (!answer->agrees)
		snprintf(ask->why, sizeof(ask->why),
			"its receiver answered the validation event with %d", status);
}

static void on_result(void *owner, const struct bud_fetch_result *result)
{
	struct ask *ask = owner;
	bool is_heard = result->kind == BUD_FETCH_RESPONSE;
	struct bud_answer answer = {.why = ask->why, .is_unheard = !is_heard};

	if (result->kind == BUD_FETCH_CANCELLED) {
		ask->then.fn(ask->then.owner, NULL);
		destroy(ask);
		return;
	}
	if (!is_heard)
		snprintf(ask->why, sizeof(ask->why), "its receiver could not be asked: %s",
			result->text);
	else if (ask->method == BUD_VERIFY_ALTINN)
		judge_validation(ask, result->status, &answer);
	else
		answer.agrees = bud_consent_judge(result->headers, ask->config->delivery.origin,
			ask->rate, &answer.rate_per_min, &answer.why);
	if (answer.agrees)
		answer.why = NULL;
	ask->then.fn(ask->then.owner, &answer);
	destroy(ask);
}

static int send(struct ask *ask, struct bud_fetch *fetch,
	const struct bud_subscription *subscription, struct bud_target *target)
{
	return bud_fetch_start(fetch,
		&(struct bud_fetch_request){
			.target = target,
			.method = ask->method == BUD_VERIFY_ALTINN ? "POST" : "OPTIONS",
			.headers = ask->lines,
			.headers_n = ask->fields_n,
			.body = bud_buffer_as_span(&ask->body),
			.timeout_ms = subscription->timeout_ms,
			.keep_headers = true,
		},
		on_result, ask, NULL);
}

int bud_ask_start(const struct bud_ask_means *means, const struct bud_subscription *subscription,
	const struct bud_ask_then *then, struct bud_error *error)
{
	const struct bud_config *config = means->config;
	int64_t until_ms;
	/* As a push reaches it, but without the owner's own token when that has ended: the question
	 * may do without. */
	struct bud_target *target = bud_sink_target_create(
		subscription, config->delivery.allow_http, bud_clock_wall_ms(), &until_ms, error);
	struct ask *ask;
	int r;

	if (!target)
		return -EINVAL;
	ask = bud_new(struct ask);
	ask->config = config;
	ask->then = *then;
	ask->method = bud_consent_method(config->delivery.verify, subscription);
	ask->rate = (uint32_t)config->delivery.request_rate;
	r = write_request(ask, means, subscription, target);
	if (r == 0)
		r = send(ask, means->fetch, subscription, target);
	bud_target_unref(target);
	if (r == 0)
		return 0;
	destroy(ask);
	return r == -EPROTONOSUPPORT || r == -EINVAL
		       ? bud_error_set(error, NULL, "its sink is not allowed any more")
		       : r;
}
