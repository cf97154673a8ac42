/* Consent. */
#include "subscription/consent.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/random.h"
#include "subscription/sealing.h"
#include "subscription/subscription.h"

#define KEY_RANDOM_BYTES 32
#define RATE_MAX         1000000000u /* more than that is no bound */

enum bud_verify bud_consent_method(
	enum bud_verify_rule rule, const struct bud_subscription *subscription)
{
	enum bud_verify wish = subscription->config->verify;

	if (wish == BUD_VERIFY_CLOUDEVENTS || wish == BUD_VERIFY_ALTINN)
		return wish;
	return rule == BUD_VERIFY_RULE_OFF ? BUD_VERIFY_OFF : BUD_VERIFY_CLOUDEVENTS;
}

bool bud_consent_is_needed(enum bud_verify_rule rule, const struct bud_subscription *old,
	const struct bud_subscription *made)
{
	enum bud_verify method = bud_consent_method(rule, made);

	if (method == BUD_VERIFY_OFF)
		return false;
	return !old || strcmp(old->sink, made->sink) != 0 ||
	       bud_consent_method(rule, old) != method;
}

static void replace(char **text, const char *with)
{
	free(*text);
	*text = with ? bud_strdup(with) : NULL;
}

static void forget_key(struct bud_subscription_status *status)
{
	if (status->callback_key)
		explicit_bzero(status->callback_key, strlen(status->callback_key));
	replace(&status->callback_key, NULL);
}

void bud_consent_forget(struct bud_subscription_status *status)
{
	status->granted_ms = 0;
	status->rate_per_min = 0;
	forget_key(status);
	if (!status->reason || strcmp(status->reason, BUD_CONSENT_NOT_GRANTED) != 0)
		return;
	replace(&status->reason, NULL);
	replace(&status->detail, NULL);
}

void bud_consent_start(struct bud_subscription_status *status, int64_t now_ms)
{
	bud_consent_forget(status);
	if (status->state != BUD_SUBSCRIPTION_ACTIVE && status->state != BUD_SUBSCRIPTION_PENDING)
		return;
	status->state = BUD_SUBSCRIPTION_PENDING;
	status->since_ms = now_ms;
	replace(&status->reason, "consent");
	replace(&status->detail, "its receiver has not been asked yet");
}

void bud_consent_grant(
	struct bud_subscription_status *status, uint32_t rate_per_min, int64_t now_ms)
{
	status->granted_ms = now_ms;
	status->rate_per_min = rate_per_min;
	if (status->state != BUD_SUBSCRIPTION_ACTIVE && status->state != BUD_SUBSCRIPTION_PENDING)
		return;
	if (status->state == BUD_SUBSCRIPTION_PENDING)
		status->since_ms = now_ms;
	status->state = BUD_SUBSCRIPTION_ACTIVE;
	replace(&status->reason, NULL);
	replace(&status->detail, NULL);
}

bool bud_consent_read_rate(struct bud_span text, uint32_t *out_rate_per_min)
{
	struct bud_span value = bud_span_trim(text);
	uint64_t rate;

	if (bud_span_is(value, "*")) {
		*out_rate_per_min = 0;
		return true;
	}
	for (size_t i = 0; i < value.len; i++)
		if (value.at[i] < '0' || value.at[i] > '9')
			return false;
	while (value.len > 0 && value.at[0] == '0')
		value = (struct bud_span){value.at + 1, value.len - 1};
	if (value.len == 0)
		return false;
	*out_rate_per_min = bud_span_number(value, RATE_MAX, &rate) ? (uint32_t)rate : 0;
	return true;
}

/* What the fields of an answer say. */
struct answer {
	bool has_origin;
	bool is_allowed;
	bool has_rate;
	bool is_rate_wrong;
	uint32_t rate;
};

static void read_field(
	struct answer *answer, struct bud_span name, struct bud_span value, const char *origin)
{
	uint32_t rate;

	if (bud_span_is_nocase(name, "webhook-allowed-origin")) {
		answer->has_origin = true;
		answer->is_allowed |= bud_span_is(value, "*") || bud_span_is_nocase(value, origin);
	}
	if (!bud_span_is_nocase(name, "webhook-allowed-rate"))
		return;
	if (!bud_consent_read_rate(value, &rate)) {
		answer->is_rate_wrong = true;
		return;
	}
	/* Of two, the lower one; 0 is no bound. */
	if (!answer->has_rate || answer->rate == 0 || (rate != 0 && rate < answer->rate))
		answer->rate = rate;
	answer->has_rate = true;
}

static void read_head(struct answer *answer, struct bud_span head, const char *origin)
{
	while (head.len > 0) {
		struct bud_span value = bud_span_take_until(&head, '\n');
		struct bud_span name;

		if (value.len > 0 && value.at[value.len - 1] == '\r')
			value.len--;
		name = bud_span_take_until(&value, ':');
		read_field(answer, name, bud_span_trim(value), origin);
	}
}

bool bud_consent_judge(struct bud_span head, const char *origin, uint32_t asked_rate_per_min,
	uint32_t *out_rate_per_min, const char **out_why)
{
	struct answer answer = {.rate = asked_rate_per_min};

	read_head(&answer, head, origin);
	*out_why = NULL;
	if (!answer.has_origin)
		*out_why = "its receiver's answer has no WebHook-Allowed-Origin";
	else if (!answer.is_allowed)
		*out_why = "its receiver allows another origin than ours";
	else if (answer.is_rate_wrong)
		*out_why = "its receiver's WebHook-Allowed-Rate is neither * nor a positive number";
	if (*out_why)
		return false;
	*out_rate_per_min = answer.rate;
	return true;
}

void bud_consent_make_key(int64_t until_ms, char out[BUD_CONSENT_KEY_BYTES])
{
	char random[2 * KEY_RANDOM_BYTES + 1];

	bud_random_hex(random, KEY_RANDOM_BYTES);
	snprintf(out, BUD_CONSENT_KEY_BYTES, "%" PRId64 "-%s", until_ms, random);
	explicit_bzero(random, sizeof(random));
}

static int64_t until_of(const char *key)
{
	struct bud_span until = {key, strcspn(key, "-")};
	uint64_t ms;

	return bud_span_number(until, INT64_MAX, &ms) ? (int64_t)ms : 0;
}

static char *open_key(const struct bud_subscription *subscription)
{
	return bud_sealing_open_text(
		subscription, "callback_key", subscription->status.callback_key);
}

int64_t bud_consent_key_until(const struct bud_subscription *subscription)
{
	char *key = open_key(subscription);
	int64_t until_ms = key ? until_of(key) : 0;

	bud_free_secret(key);
	return until_ms;
}

bool bud_consent_key_is(
	const struct bud_subscription *subscription, struct bud_span key, int64_t now_ms)
{
	char *right = open_key(subscription);
	bool is_candidate = right && strlen(right) == key.len && until_of(right) > now_ms;
	unsigned char difference = 0;

	for (size_t i = 0; is_candidate && i < key.len; i++)
		difference |= (unsigned char)(right[i] ^ key.at[i]);
	bud_free_secret(right);
	return is_candidate && difference == 0;
}
