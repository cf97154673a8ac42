/* Statuses. */
#include "subscription/status.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

#include "core/clock.h"
#include "subscription/body.h"
#include "subscription/credential.h"
#include "subscription/push_config.h"
#include "subscription/subscription.h"

static const char *const words[] = {"active", "pending", "paused", "disabled"};

const char *bud_subscription_state_word(enum bud_subscription_state state)
{
	return words[state];
}

static char *copy_text(const json_t *root, const char *name)
{
	const char *text = json_string_value(json_object_get(root, name));

	return text ? bud_strdup(text) : NULL;
}

static bool read_state(const json_t *root, enum bud_subscription_state *out_state)
{
	const char *word = json_string_value(json_object_get(root, "state"));

	for (size_t i = 0; word && i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(word, words[i]) == 0) {
			*out_state = (enum bud_subscription_state)i;
			return true;
		}
	}
	return false;
}

int bud_status_parse(
	struct bud_span json, struct bud_subscription_status *out_status, struct bud_error *error)
{
	json_auto_t *root = NULL;
	enum bud_subscription_state state;
	int r;

	*out_status = (struct bud_subscription_status){0};
	if (json.len == 0)
		return 0;
	r = bud_body_parse(json, &root, error);
	if (r < 0)
		return r;
	if (!read_state(root, &state))
		return bud_error_set(error, "status.state", "status.state is no state");
	*out_status = (struct bud_subscription_status){
		.state = state,
		.since_ms = json_integer_value(json_object_get(root, "since_ms")),
		.reason = copy_text(root, "reason"),
		.detail = copy_text(root, "detail"),
		.granted_ms = json_integer_value(json_object_get(root, "granted_ms")),
		.rate_per_min = (uint32_t)json_integer_value(json_object_get(root, "rate_per_min")),
		.callback_key = copy_text(root, "callback_key"),
		.access_token = copy_text(root, "access_token"),
		.token_since_ms = json_integer_value(json_object_get(root, "token_since_ms")),
		.token_expires_ms = json_integer_value(json_object_get(root, "token_expires_ms")),
		.refresh_token = copy_text(root, "refresh_token"),
	};
	return 0;
}

void bud_status_finish(struct bud_subscription_status *status)
{
	free(status->reason);
	free(status->detail);
	bud_free_secret(status->callback_key);
	bud_free_secret(status->access_token);
	bud_free_secret(status->refresh_token);
	*status = (struct bud_subscription_status){0};
}

static void replace(char **text, const char *with)
{
	free(*text);
	*text = with ? bud_strdup(with) : NULL;
}

bool bud_status_is_credential_told(const struct bud_subscription_status *status)
{
	return status->reason && strcmp(status->reason, BUD_STATUS_CREDENTIAL) == 0;
}

void bud_status_take_credential_back(struct bud_subscription_status *status)
{
	bool is_pending = status->state == BUD_SUBSCRIPTION_PENDING;

	if (!bud_status_is_credential_told(status))
		return;
	replace(&status->reason, is_pending ? "consent" : NULL);
	replace(&status->detail, is_pending ? "its receiver has not been asked yet" : NULL);
}

bool bud_status_has_forgotten(
	const struct bud_subscription_status *old, const struct bud_subscription_status *status)
{
	return (old->access_token && !status->access_token) ||
	       (bud_status_is_credential_told(old) && !bud_status_is_credential_told(status));
}

void bud_status_change_credential(struct bud_subscription_status *status,
	const struct bud_credential *old, const struct bud_credential *now)
{
	if (bud_credential_equals(old, now))
		return;
	bud_status_take_credential_back(status);
	if (bud_credential_shares_tokens(old, now))
		return;
	bud_free_secret(bud_move(status->access_token));
	bud_free_secret(bud_move(status->refresh_token));
	status->token_since_ms = 0;
	status->token_expires_ms = 0;
}

static char *copy(const char *text)
{
	return text ? bud_strdup(text) : NULL;
}

void bud_status_copy(
	const struct bud_subscription_status *status, struct bud_subscription_status *out_copy)
{
	*out_copy = *status;
	out_copy->reason = copy(status->reason);
	out_copy->detail = copy(status->detail);
	out_copy->callback_key = copy(status->callback_key);
	out_copy->access_token = copy(status->access_token);
	out_copy->refresh_token = copy(status->refresh_token);
}

static void write_number(struct bud_buffer *out, const char *name, int64_t number)
{
	if (number != 0)
		bud_buffer_format(out, ",\"%s\":%" PRId64, name, number);
}

static bool is_untouched(const struct bud_subscription_status *status)
{
	return status->state == BUD_SUBSCRIPTION_ACTIVE && status->since_ms == 0 &&
	       !status->reason && !status->detail && status->granted_ms == 0 &&
	       status->rate_per_min == 0 && !status->callback_key && !status->access_token &&
	       !status->refresh_token;
}

void bud_status_write(const struct bud_subscription_status *status, struct bud_buffer *out)
{
	if (is_untouched(status))
		return;
	bud_buffer_format(out, "{\"state\":\"%s\"", words[status->state]);
	write_number(out, "since_ms", status->since_ms);
	bud_buffer_member_text(out, "reason", status->reason);
	bud_buffer_member_text(out, "detail", status->detail);
	write_number(out, "granted_ms", status->granted_ms);
	write_number(out, "rate_per_min", status->rate_per_min);
	bud_buffer_member_text(out, "callback_key", status->callback_key);
	bud_buffer_member_text(out, "access_token", status->access_token);
	write_number(out, "token_since_ms", status->token_since_ms);
	write_number(out, "token_expires_ms", status->token_expires_ms);
	bud_buffer_member_text(out, "refresh_token", status->refresh_token);
	bud_buffer_byte(out, '}');
}

void bud_status_write_api(
	const struct bud_subscription *subscription, int64_t now_ms, struct bud_buffer *out)
{
	const struct bud_subscription_status *status = &subscription->status;
	const char *reason = status->reason;
	const char *detail = status->detail;

	if (!reason && bud_subscription_has_expired(subscription, now_ms)) {
		reason = "expired";
		detail = "it has expired: no new events come to it, and those parked before go";
	} else if (!reason &&
		   bud_credential_has_expired(&subscription->config->credential, now_ms)) {
		reason = BUD_STATUS_CREDENTIAL;
		detail = "its access token has expired: give another";
	}
	bud_buffer_format(out, "{\"state\":\"%s\"", words[status->state]);
	if (status->since_ms > 0) {
		char since[25];
		bud_clock_write(status->since_ms, since);
		bud_buffer_member_text(out, "since", since);
	}
	bud_buffer_member_text(out, "reason", reason);
	bud_buffer_member_text(out, "detail", detail);
	write_number(out, "rate_per_min", status->rate_per_min);
	bud_buffer_byte(out, '}');
}
