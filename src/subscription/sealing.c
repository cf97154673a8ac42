/* Sealing. Records are sealed as JSON, so that those who read and write them need not know. */
#include "subscription/sealing.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "crypto/seal.h"
#include "subscription/subscription.h"

#define DEPTH_MAX 4

/* A member of an object, or of each object of an array. */
static const char *const secrets[][DEPTH_MAX + 1] = {
	{"config", "signing", "secret", NULL},
	{"config", "signing", "previous", "secret", NULL},
	{"config", "tls", "key", NULL},
	{"sinkcredential", "secret", NULL},
	{"sinkcredential", "accesstoken", NULL},
	{"sinkcredential", "refreshtoken", NULL},
};

#define SECRETS_N (sizeof(secrets) / sizeof(*secrets))

static void write_member(const char *const *path, struct bud_buffer *out)
{
	for (size_t i = 0; path[i]; i++)
		bud_buffer_format(out, "%s%s", i ? "." : "", path[i]);
}

/* Owners may have a '|', ids and members have none: so no two are written alike. */
static void write_place(
	const struct bud_sealing *sealing, const char *member, struct bud_buffer *out)
{
	bud_buffer_reserve(out, sealing->owner.len + sealing->id.len + strlen(member) + 2);
	bud_buffer_span(out, sealing->owner);
	bud_buffer_byte(out, '|');
	bud_buffer_span(out, sealing->id);
	bud_buffer_byte(out, '|');
	bud_buffer_text(out, member);
}

typedef int (*change_fn)(const struct bud_sealing *sealing, const char *member, struct json_t *text,
	struct bud_error *error);

static int close_one(const struct bud_sealing *sealing, const char *member, struct json_t *text,
	struct bud_error *error)
{
	struct bud_buffer place = {0};
	struct bud_buffer sealed = {0};

	(void)error;
	write_place(sealing, member, &place);
	bud_seal_write(sealing->sealer,
		(struct bud_span){json_string_value(text), json_string_length(text)},
		bud_buffer_as_span(&place), &sealed);
	json_string_setn(text, sealed.at, sealed.len);
	bud_buffer_finish(&place);
	bud_buffer_finish(&sealed);
	return 0;
}

static int open_into(const struct bud_sealing *sealing, const char *member, struct bud_span text,
	struct bud_buffer *out, struct bud_error *error)
{
	struct bud_buffer place = {0};
	enum bud_seal seal;

	write_place(sealing, member, &place);
	seal = bud_seal_open(sealing->sealer, text, bud_buffer_as_span(&place), out);
	bud_buffer_finish(&place);
	if (seal == BUD_SEAL_NO_KEY) {
		(void)bud_error_set(error, member,
			"%s is sealed with a key that this node does not have: secrets.key",
			member);
		return -ENOKEY;
	}
	if (seal == BUD_SEAL_DAMAGED)
		return bud_error_set(
			error, member, "%s is sealed, and was changed or moved here since", member);
	return 0;
}

int bud_sealing_open_member(const struct bud_sealing *sealing, const char *member,
	struct bud_span text, struct bud_buffer *out)
{
	return open_into(sealing, member, text, out, NULL);
}

static int open_one(const struct bud_sealing *sealing, const char *member, struct json_t *text,
	struct bud_error *error)
{
	struct bud_span span = {json_string_value(text), json_string_length(text)};
	struct bud_buffer opened = {0};
	int r = open_into(sealing, member, span, &opened, error);

	if (r == 0 && json_string_setn(text, opened.at ? opened.at : "", opened.len) < 0)
		r = bud_error_set(error, member, "%s is no text", member);
	bud_buffer_finish_secret(&opened);
	return r;
}

/* For the text `name` of `object`, if it has one. */
static int change_text(const struct bud_sealing *sealing, const char *const *path,
	const json_t *object, change_fn fn, struct bud_error *error)
{
	struct bud_buffer member = {0};
	const char *name = path[0];
	json_t *text;
	int r = 0;

	for (size_t i = 0; path[i]; i++)
		name = path[i];
	text = json_object_get(object, name);
	if (!json_is_string(text))
		return 0;
	write_member(path, &member);
	r = fn(sealing, member.at, text, error);
	bud_buffer_finish(&member);
	return r;
}

static int change_all(
	const struct bud_sealing *sealing, json_t *record, change_fn fn, struct bud_error *error)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < SECRETS_N; i++) {
		const json_t *at = record;
		for (size_t k = 0; secrets[i][k + 1]; k++)
			at = json_object_get(at, secrets[i][k]);
		if (!json_is_array(at))
			r = change_text(sealing, secrets[i], at, fn, error);
		for (size_t k = 0; r == 0 && k < json_array_size(at); k++)
			r = change_text(sealing, secrets[i], json_array_get(at, k), fn, error);
	}
	return r;
}

void bud_sealing_close_record(const struct bud_sealing *sealing, struct json_t *record)
{
	(void)change_all(sealing, record, close_one, NULL);
}

int bud_sealing_open_record(
	const struct bud_sealing *sealing, struct json_t *record, struct bud_error *error)
{
	return change_all(sealing, record, open_one, error);
}

bool bud_sealing_is_old(const struct bud_sealer *sealer, struct bud_span text)
{
	return sealer &&
	       (!bud_span_starts(text, bud_span("sealed:")) || bud_seal_is_old(sealer, text));
}

/* -ESTALE: it is old. */
static int check_one(const struct bud_sealing *sealing, const char *member, struct json_t *text,
	struct bud_error *error)
{
	struct bud_span span = {json_string_value(text), json_string_length(text)};

	(void)member;
	(void)error;
	return bud_sealing_is_old(sealing->sealer, span) ? -ESTALE : 0;
}

bool bud_sealing_record_is_old(const struct bud_sealing *sealing, struct json_t *record)
{
	return change_all(sealing, record, check_one, NULL) == -ESTALE;
}

static void write_status_member(const char *member, struct bud_buffer *out)
{
	bud_buffer_format(out, "status.%s", member);
}

static struct bud_sealing sealing_of(const struct bud_subscription *subscription)
{
	return (struct bud_sealing){
		subscription->sealer, bud_span(subscription->owner), bud_span(subscription->id)};
}

char *bud_sealing_close_text(
	const struct bud_subscription *subscription, const char *member, const char *text)
{
	struct bud_sealing sealing = sealing_of(subscription);
	struct bud_buffer name = {0};
	struct bud_buffer place = {0};
	struct bud_buffer sealed = {0};

	if (!text)
		return NULL;
	write_status_member(member, &name);
	write_place(&sealing, name.at, &place);
	bud_seal_write(sealing.sealer, bud_span(text), bud_buffer_as_span(&place), &sealed);
	bud_buffer_finish(&name);
	bud_buffer_finish(&place);
	bud_buffer_byte(&sealed, '\0');
	return sealed.at;
}

char *bud_sealing_open_text(
	const struct bud_subscription *subscription, const char *member, const char *text)
{
	struct bud_sealing sealing = sealing_of(subscription);
	struct bud_buffer name = {0};
	struct bud_buffer opened = {0};
	int r;

	if (!text)
		return NULL;
	write_status_member(member, &name);
	r = open_into(&sealing, name.at, bud_span(text), &opened, NULL);
	bud_buffer_finish(&name);
	if (r < 0) {
		bud_buffer_finish(&opened);
		return NULL;
	}
	bud_buffer_byte(&opened, '\0');
	return opened.at;
}

bool bud_sealing_status_is_old(const struct bud_subscription *subscription)
{
	const struct bud_subscription_status *status = &subscription->status;
	const char *texts[] = {status->callback_key, status->access_token, status->refresh_token};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (texts[i] && bud_sealing_is_old(subscription->sealer, bud_span(texts[i])))
			return true;
	return false;
}

static void renew(const struct bud_subscription *subscription, const char *member, char **text)
{
	char *opened = bud_sealing_open_text(subscription, member, *text);

	if (!opened)
		return;
	free(*text);
	*text = bud_sealing_close_text(subscription, member, opened);
	bud_free_secret(opened);
}

void bud_sealing_renew_status(
	const struct bud_subscription *subscription, struct bud_subscription_status *status)
{
	renew(subscription, "callback_key", &status->callback_key);
	renew(subscription, "access_token", &status->access_token);
	renew(subscription, "refresh_token", &status->refresh_token);
}
