/* Push configs, read: member by member, then what does not go together. */
#include "subscription/push_config_json.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "core/limits.h"
#include "subscription/body.h"
#include "subscription/credential.h"
#include "subscription/push_config.h"
#include "subscription/push_config_words.h"
#include "subscription/retry.h"

struct reading {
	const struct bud_push_config_source *source;
	const json_t *config;
	struct bud_push_config *made;
	struct bud_error *error;
};

/* NULL when it is absent; null counts as absent. */
static const json_t *get(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return json_is_null(value) ? NULL : value;
}

static int refuse(const struct reading *reading, const char *member, const char *text)
{
	return bud_error_set(reading->error, member, "%s %s", member, text);
}

static int read_retry(struct reading *reading)
{
	const json_t *retry = get(reading->config, "retry");

	return retry ? bud_retry_parse(retry, &reading->made->retry, reading->error) : 0;
}

static int read_rate(struct reading *reading)
{
	static const struct bud_body_number rule = {"config.rate_per_s", 0.01, 10000};

	return bud_body_number(get(reading->config, "rate_per_s"), &rule,
		&reading->made->rate_per_s, reading->error);
}

/* `out` keeps its value when it is absent. */
static int read_integer(const struct reading *reading, const json_t *value,
	const struct bud_body_integer *rule, unsigned *out)
{
	int64_t number = *out;
	int r = bud_body_integer(value, rule, &number, reading->error);

	*out = (unsigned)number;
	return r;
}

static int read_in_flight(struct reading *reading)
{
	static const struct bud_body_integer rule = {"config.max_in_flight", 1, 64};

	return read_integer(reading, get(reading->config, "max_in_flight"), &rule,
		&reading->made->max_in_flight);
}

static int read_order(struct reading *reading)
{
	struct bud_push_config *made = reading->made;
	const json_t *on_blocked = get(reading->config, "on_blocked");
	size_t word = made->on_blocked;
	int r = bud_body_truth(get(reading->config, "ordered"), "config.ordered", &made->is_ordered,
		reading->error);

	if (r == 0)
		r = bud_body_word(on_blocked, "config.on_blocked", bud_on_blocked_words, &word,
			reading->error);
	if (r < 0)
		return r;
	made->on_blocked = (enum bud_on_blocked)word;
	if (on_blocked && !made->is_ordered)
		return refuse(reading, "config.on_blocked", "needs config.ordered");
	if (made->is_ordered && made->rate_per_s > 0)
		return refuse(reading, "config.rate_per_s",
			"does not go with config.ordered: order is kept per key, not per "
			"subscription");
	if (made->is_ordered && made->max_in_flight > 0)
		return refuse(reading, "config.max_in_flight",
			"does not go with config.ordered: order is kept per key, one at a time");
	return 0;
}

static int read_batch(struct reading *reading)
{
	static const char *const known[] = {"max_events", "max_bytes", "max_wait_ms", NULL};
	static const struct bud_body_integer events = {
		"config.batch.max_events", 1, BUD_PUSH_BATCH_EVENTS_MAX};
	static const struct bud_body_integer bytes = {"config.batch.max_bytes", 1024, 1 << 20};
	static const struct bud_body_integer wait = {"config.batch.max_wait_ms", 0, 60000};
	const json_t *batch = get(reading->config, "batch");
	struct bud_push_config *made = reading->made;
	int r;

	if (!batch)
		return 0;
	r = bud_body_check(batch, "config.batch", known, reading->error);
	if (r == 0)
		r = read_integer(reading, get(batch, "max_events"), &events, &made->batch_events);
	if (r == 0)
		r = read_integer(reading, get(batch, "max_bytes"), &bytes, &made->batch_bytes);
	if (r == 0)
		r = read_integer(reading, get(batch, "max_wait_ms"), &wait, &made->batch_wait_ms);
	if (r == 0 && made->mode != BUD_MODE_BATCH)
		return refuse(reading, "config.batch", "needs config.mode \"batch\"");
	return r;
}

static int read_mode(struct reading *reading)
{
	struct bud_push_config *made = reading->made;
	size_t word = made->mode;
	int r = bud_body_word(
		get(reading->config, "mode"), "config.mode", bud_mode_words, &word, reading->error);

	if (r < 0)
		return r;
	made->mode = (enum bud_mode)word;
	if (made->mode == BUD_MODE_BATCH && made->is_ordered)
		return refuse(reading, "config.mode",
			"\"batch\" does not go with config.ordered: a batch has events of all "
			"keys");
	return read_batch(reading);
}

/* Without a signature a receiver cannot tell us from anybody else; those of Slack and of Altinn
 * never look, so there it may be left out. */
static int read_schemes(struct reading *reading, const json_t *schemes)
{
	struct bud_push_config *made = reading->made;
	bool may_be_none = made->mode == BUD_MODE_SLACK || made->mode == BUD_MODE_ALTINN;
	size_t n = json_array_size(schemes);

	if (!schemes)
		return 0;
	if (!json_is_array(schemes) || n > 3 || (n == 0 && !may_be_none))
		return refuse(reading, "config.signing.schemes",
			"must be an array of at least one of \"v1\", \"v1a\", \"rfc9421\"; it may "
			"be empty with config.mode \"slack\" or \"altinn\"");
	made->signatures = 0;
	for (size_t i = 0; i < n; i++) {
		const json_t *scheme = json_array_get(schemes, i);
		char path[40];
		size_t bit = 0;

		snprintf(path, sizeof(path), "config.signing.schemes[%zu]", i);
		if (json_is_null(scheme))
			return refuse(reading, path, "must not be null");
		if (bud_body_word(scheme, path, bud_signature_words, &bit, reading->error) < 0)
			return -EINVAL;
		if (made->signatures & (1u << bit))
			return refuse(reading, path, "is there twice");
		made->signatures |= 1u << bit;
	}
	return 0;
}

static int read_previous(struct reading *reading, const json_t *previous)
{
	struct bud_push_config *made = reading->made;

	for (size_t i = 0; i < json_array_size(previous); i++) {
		const json_t *item = json_array_get(previous, i);
		const char *secret = json_string_value(json_object_get(item, "secret"));
		if (!secret || made->previous_n == BUD_PREVIOUS_SECRETS_MAX)
			return refuse(reading, "config.signing.previous", "cannot be read");
		made->previous[made->previous_n++] = (struct bud_previous_secret){
			bud_strdup(secret), json_integer_value(json_object_get(item, "until"))};
	}
	return 0;
}

static void keep_previous(struct reading *reading)
{
	const struct bud_push_config *old = reading->source->old;
	struct bud_push_config *made = reading->made;

	for (size_t i = 0; i < old->previous_n; i++)
		made->previous[made->previous_n++] = (struct bud_previous_secret){
			bud_strdup(old->previous[i].secret), old->previous[i].until_ms};
}

static int read_signing(struct reading *reading)
{
	static const char *const known[] = {"secret", "schemes", "components", NULL};
	static const char *const stored[] = {"secret", "schemes", "components", "previous", NULL};
	const json_t *signing = get(reading->config, "signing");
	bool is_stored = reading->source->is_stored;
	size_t component = 0;

	/* A secret that is set at once replaces all; with an overlap it is rotated. */
	if (reading->source->old && !get(signing, "secret"))
		keep_previous(reading);
	if (!signing)
		return 0;
	if (bud_body_check(signing, "config.signing", is_stored ? stored : known, reading->error) <
			0 ||
		read_schemes(reading, get(signing, "schemes")) < 0 ||
		bud_body_word(get(signing, "components"), "config.signing.components",
			bud_component_words, &component, reading->error) < 0)
		return -EINVAL;
	reading->made->signs_authority = component == 1;
	return read_previous(reading, get(signing, "previous"));
}

static int read_verify(struct reading *reading)
{
	const json_t *verify = get(reading->config, "verify");
	size_t word = 0;
	int r = bud_body_word(verify, "config.verify", bud_verify_words, &word, reading->error);

	if (r == 0 && verify)
		reading->made->verify = BUD_VERIFY_OFF + (enum bud_verify)word;
	return r;
}

/* `label` is what its first line must have. The text itself is checked by who uses it. */
static int read_pem(
	const struct reading *reading, const char *name, const char *label, char **out_pem)
{
	const json_t *value = get(get(reading->config, "tls"), name);
	const char *text = json_string_value(value);
	const char *line = text ? strstr(text, "-----BEGIN ") : NULL;
	char path[32];

	if (!value)
		return 0;
	snprintf(path, sizeof(path), "config.tls.%s", name);
	/* "sealed:" would be taken for a sealed one when it is loaded. */
	if (!line || !strstr(line, label) || strncmp(text, "sealed:", 7) == 0)
		return bud_error_set(
			reading->error, path, "%s must be a PEM text with %s", path, label);
	if (json_string_length(value) > BUD_PEM_BYTES_MAX)
		return bud_error_set(reading->error, path, "%s is longer than %u bytes", path,
			BUD_PEM_BYTES_MAX);
	if (strstr(line, "ENCRYPTED"))
		return refuse(reading, path, "must not be encrypted");
	/* Files with both are common; only of the key nothing is shown, and it alone is sealed. */
	if (!reading->source->is_stored && strcmp(name, "key") != 0 &&
		strstr(line, "PRIVATE KEY-----"))
		return refuse(reading, path,
			"must not have a private key, for it is shown: config.tls.key is for that");
	*out_pem = bud_strdup(text);
	return 0;
}

static int read_tls(struct reading *reading)
{
	static const char *const known[] = {"ca", "certificate", "key", NULL};
	const struct bud_push_config *old = reading->source->old;
	const json_t *tls = get(reading->config, "tls");
	struct bud_push_config *made = reading->made;

	if (!tls)
		return 0;
	if (bud_body_check(tls, "config.tls", known, reading->error) < 0 ||
		read_pem(reading, "ca", "CERTIFICATE-----", &made->ca_pem) < 0 ||
		read_pem(reading, "certificate", "CERTIFICATE-----", &made->certificate_pem) < 0 ||
		read_pem(reading, "key", "PRIVATE KEY-----", &made->key_pem) < 0)
		return -EINVAL;
	/* The key belongs to its certificate: it stays as long as there is one. */
	if (made->certificate_pem && old && old->key_pem && !json_object_get(tls, "key"))
		made->key_pem = bud_strdup(old->key_pem);
	if (made->certificate_pem && !made->key_pem)
		return refuse(
			reading, "config.tls.key", "is missing: config.tls.certificate needs it");
	if (made->key_pem && !made->certificate_pem)
		return refuse(
			reading, "config.tls.certificate", "is missing: config.tls.key needs it");
	return 0;
}

static int read_credential(struct reading *reading)
{
	const json_t *json = reading->source->credential;
	const struct bud_push_config *old = reading->source->old;
	struct bud_credential *credential = &reading->made->credential;
	int64_t shown_ms = reading->source->renewed_until_ms;
	int r;

	if (!json && old)
		bud_credential_copy(&old->credential, credential);
	if (!json || json_is_null(json))
		return 0;
	r = bud_credential_parse(json, old ? &old->credential : NULL, credential, reading->error);
	/* What is shown of the token in force comes back, and is not said of the owner's own. */
	if (r == 0 && old && shown_ms != 0 && credential->expires_ms == shown_ms &&
		bud_credential_shares_tokens(&old->credential, credential))
		credential->expires_ms = old->credential.expires_ms;
	return r;
}

static int read_all(struct reading *reading)
{
	static const char *const known[] = {"timeout_ms", "retry", "rate_per_s", "max_in_flight",
		"ordered", "on_blocked", "mode", "batch", "signing", "verify", "tls", NULL};
	static int (*const steps[])(struct reading *) = {read_retry, read_rate, read_in_flight,
		read_order, read_mode, read_signing, read_verify, read_tls, read_credential};
	int r = 0;

	if (reading->config)
		r = bud_body_check(reading->config, "config", known, reading->error);
	for (size_t i = 0; r == 0 && i < sizeof(steps) / sizeof(*steps); i++)
		r = steps[i](reading);
	return r;
}

static bool is_default(const struct bud_push_config *config)
{
	static const struct bud_push_config_rest rest = {0};
	struct bud_buffer written = {0};
	bool is_empty;

	bud_push_config_write(config, BUD_PUSH_CONFIG_STORED, &rest, &written);
	is_empty = bud_span_is(bud_buffer_as_span(&written), "{}");
	explicit_bzero(written.at, written.len);
	bud_buffer_finish(&written);
	return is_empty && config->credential.type == BUD_CREDENTIAL_NONE;
}

int bud_push_config_parse(const struct bud_push_config_source *source,
	const struct bud_push_config **out_config, struct bud_error *error)
{
	struct bud_push_config *made = bud_new(struct bud_push_config);
	struct reading reading = {source, source->config, made, error};
	int r;

	if (json_is_null(source->config))
		reading.config = NULL;
	*made = bud_push_config_default;
	r = read_all(&reading);
	if (r == 0)
		*out_config = is_default(made) ? &bud_push_config_default : made;
	if (r < 0 || *out_config != made)
		bud_push_config_destroy(made);
	return r;
}
