/* Subscriptions, read: POST, PUT, PATCH and the stored form go through the same steps, so what was
 * accepted can be loaded, and an unknown member is an error wherever it stands. */
#include "subscription/subscription.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/limits.h"
#include "core/random.h"
#include "event/timestamp.h"
#include "event/uri.h"
#include "subscription/filter.h"
#include "subscription/body.h"
#include "subscription/credential.h"
#include "subscription/push_config.h"
#include "subscription/push_config_json.h"
#include "subscription/patch.h"
#include "subscription/sealing.h"
#include "subscription/signing_secret.h"
#include "subscription/sink_header.h"

enum origin {
	ORIGIN_NEW,
	ORIGIN_CHANGE,
	ORIGIN_STORE,
};

struct reading {
	enum origin origin;
	const json_t *root;
	const struct bud_subscription *old; /* for a change */
	const struct bud_subscription_defaults *defaults;
	struct bud_subscription *made;
	struct bud_error *error;
};

static const char *const api_members[] = {"id", "owner", "created", "name", "source", "types",
	"filters", "sink", "protocol", "protocolsettings", "config", "sinkcredential", "expires",
	"from", "status", NULL};
static const char *const stored_members[] = {"format", "serial", "etag", "id", "owner", "created",
	"name", "source", "types", "filters", "sink", "protocol", "protocolsettings", "config",
	"sinkcredential", "expires", "from", NULL};

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

static int read_text(const struct reading *reading, const char *name, size_t max, char **out_text)
{
	struct bud_body_text rule = {name, max};

	return bud_body_text(get(reading->root, name), &rule, out_text, reading->error);
}

static int read_name(struct reading *reading)
{
	return read_text(reading, "name", BUD_NAME_BYTES_MAX, &reading->made->name);
}

static int read_source(struct reading *reading)
{
	struct bud_subscription *made = reading->made;
	int r = read_text(reading, "source", BUD_FILTER_TEXT_MAX, &made->source);

	if (r == 0 && made->source && !bud_uri_is_reference(bud_span(made->source)))
		return refuse(reading, "source", "must be a URI reference");
	return r;
}

static bool has_type(const struct bud_subscription *made, const char *type)
{
	for (size_t i = 0; i < made->n_types; i++)
		if (strcmp(made->types[i], type) == 0)
			return true;
	return false;
}

static int read_types(struct reading *reading)
{
	const json_t *types = get(reading->root, "types");
	struct bud_subscription *made = reading->made;
	size_t n = json_array_size(types);

	if (!types)
		return 0;
	if (n == 0 || n > BUD_TYPES_MAX)
		return bud_error_set(reading->error, "types",
			"types must be an array of 1 to %u texts", BUD_TYPES_MAX);
	made->types = bud_alloc_zero(n * sizeof(*made->types));
	for (size_t i = 0; i < n; i++) {
		char path[24];
		struct bud_body_text rule = {path, BUD_FILTER_TEXT_MAX};
		const json_t *item = json_array_get(types, i);
		int r;

		snprintf(path, sizeof(path), "types[%zu]", i);
		if (!json_is_string(item))
			return refuse(reading, path, "must be a text");
		if (has_type(made, json_string_value(item)))
			continue;
		r = bud_body_text(item, &rule, &made->types[made->n_types], reading->error);
		if (r < 0)
			return r;
		made->n_types++;
	}
	return 0;
}

/* After source and types, which become one with them. */
static int read_filters(struct reading *reading)
{
	const json_t *filters = get(reading->root, "filters");
	struct bud_subscription *made = reading->made;
	struct bud_filter_source source = {filters, made->source, made->types, made->n_types};
	int r = bud_filter_compile_all(&source, &made->filter, reading->error);

	if (r < 0)
		return r;
	if (reading->origin != ORIGIN_STORE && bud_filter_is_wide(made->filter))
		return bud_error_set(reading->error, "filters",
			"filters has an any of more than %u alternatives and nothing else that "
			"every event must have",
			BUD_FILTER_POSTINGS_MAX);
	if (json_array_size(filters) > 0)
		made->filters = json_dumps(filters, JSON_COMPACT | JSON_SORT_KEYS);
	return 0;
}

static int read_sink(struct reading *reading)
{
	struct bud_subscription *made = reading->made;
	int r = read_text(reading, "sink", BUD_SINK_BYTES_MAX, &made->sink);

	if (r < 0)
		return r;
	if (!made->sink)
		return refuse(reading, "sink", "is missing: the URL to push to");
	if (strchr(made->sink, ' '))
		return refuse(reading, "sink", "has a space");
	return 0;
}

static int read_protocol(struct reading *reading)
{
	const json_t *protocol = get(reading->root, "protocol");

	if (!protocol)
		return refuse(reading, "protocol", "is missing: \"HTTP\"");
	if (!json_is_string(protocol) || strcmp(json_string_value(protocol), "HTTP") != 0)
		return refuse(reading, "protocol", "must be \"HTTP\", in capitals");
	return 0;
}

static int read_settings(struct reading *reading)
{
	const json_t *settings = get(reading->root, "protocolsettings");
	struct bud_subscription *made = reading->made;

	return settings ? bud_sink_settings_parse(
				  settings, &made->headers, &made->n_headers, reading->error)
			: 0;
}

static int read_timeout(struct reading *reading, const json_t *config)
{
	static const struct bud_body_integer rule = {
		"config.timeout_ms", BUD_TIMEOUT_MS_MIN, BUD_TIMEOUT_MS_MAX};
	const json_t *timeout = get(config, "timeout_ms");
	int64_t ms = reading->defaults->timeout_ms;
	int r = bud_body_integer(timeout, &rule, &ms, reading->error);

	reading->made->timeout_ms = (uint32_t)ms;
	reading->made->timeout_is_given = timeout != NULL;
	return r;
}

/* In its canonical text, or that of the old record, or a new one. */
static int read_secret(struct reading *reading, const json_t *config)
{
	const json_t *signing = get(config, "signing");
	const json_t *text = get(signing, "secret");
	struct bud_span span = {json_string_value(text), json_string_length(text)};

	if (json_is_null(json_object_get(signing, "secret")))
		return refuse(reading, "config.signing.secret",
			"cannot be taken away: POST .../secret sets another");
	if (!text && reading->origin == ORIGIN_STORE)
		return refuse(reading, "config.signing.secret", "is missing");
	if (!text && reading->old) {
		reading->made->secret = bud_strdup(reading->old->secret);
		return 0;
	}
	if (text && !json_is_string(text))
		return refuse(reading, "config.signing.secret", "must be a text");
	return bud_signing_secret_make(span, &reading->made->secret, reading->error);
}

static int read_config(struct reading *reading)
{
	struct bud_push_config_source source = {
		.config = get(reading->root, "config"),
		.credential = json_object_get(reading->root, "sinkcredential"),
		.old = reading->old ? reading->old->config : NULL,
		.renewed_until_ms = reading->old ? reading->old->status.token_expires_ms : 0,
		.is_stored = reading->origin == ORIGIN_STORE,
	};
	int r = bud_push_config_parse(&source, &reading->made->config, reading->error);

	if (r == 0)
		r = read_timeout(reading, source.config);
	return r < 0 ? r : read_secret(reading, source.config);
}

/* With a credential the field is ours to set. */
static int check_authorization(struct reading *reading)
{
	const struct bud_subscription *made = reading->made;

	if (made->config->credential.type == BUD_CREDENTIAL_NONE)
		return 0;
	for (size_t i = 0; i < made->n_headers; i++)
		if (bud_span_is_nocase(bud_span(made->headers[i].name), "authorization"))
			return refuse(reading, "protocolsettings.headers.Authorization",
				"does not go with sinkcredential");
	return 0;
}

/* What is stored already is left. */
static int check_signature_fields(struct reading *reading)
{
	const struct bud_subscription *made = reading->made;
	const char *name = bud_sink_headers_signature_field(made->headers, made->n_headers);
	char path[64];

	if (!name || reading->origin == ORIGIN_STORE ||
		!(made->config->signatures & BUD_SIGNATURE_RFC9421))
		return 0;
	snprintf(path, sizeof(path), "protocolsettings.headers.%s", name);
	return refuse(reading, path, "does not go with the signing scheme \"rfc9421\"");
}

/* A time that has passed is a mistake where it is new, and a fact where it was there before. */
static int read_expires(struct reading *reading)
{
	struct bud_subscription *made = reading->made;
	const struct bud_subscription *old = reading->old;
	int r = read_text(reading, "expires", 64, &made->expires);

	if (r < 0 || !made->expires)
		return r;
	if (bud_time_parse(bud_span(made->expires), &made->expires_ms) < 0)
		return refuse(reading, "expires",
			"must be a time as in RFC 3339, such as 2030-01-31T12:00:00Z");
	if (made->expires_ms < 1)
		made->expires_ms = 1; /* 0 says never */
	if (reading->origin == ORIGIN_STORE ||
		(old && old->expires && strcmp(old->expires, made->expires) == 0))
		return 0;
	if (made->expires_ms <= reading->defaults->now_ms)
		return refuse(reading, "expires", "has passed already");
	return 0;
}

/* A wish of the creation; whoever made the record starts the replay. */
static int read_from(struct reading *reading)
{
	const json_t *from = get(reading->root, "from");
	struct bud_subscription *made = reading->made;
	const struct bud_subscription *old = reading->old;
	int r = read_text(reading, "from", 64, &made->from);

	if (r == 0 && old && from && (!old->from || strcmp(old->from, made->from) != 0))
		return refuse(reading, "from", "can only be said when it is made: POST .../replay");
	if (old && old->from && !from)
		made->from = bud_strdup(old->from);
	if (r < 0 || !made->from || strcmp(made->from, "earliest") == 0)
		return r;
	if (bud_time_parse(bud_span(made->from), &made->from_ms) < 0)
		return refuse(reading, "from",
			"must be \"earliest\" or a time as in RFC 3339, such as "
			"2030-01-31T12:00:00Z");
	if (reading->origin == ORIGIN_NEW && made->from_ms > reading->defaults->now_ms)
		return refuse(reading, "from", "is a time to come");
	if (made->from_ms < 0)
		made->from_ms = 0; /* a replay begins in 1970 at the earliest */
	return 0;
}

/* It may come back as GET shows it, and cannot be changed this way. */
static int check_status(struct reading *reading)
{
	const json_t *status = get(reading->root, "status");
	const char *state = json_string_value(json_object_get(status, "state"));
	enum bud_subscription_state now =
		reading->old ? reading->old->status.state : BUD_SUBSCRIPTION_ACTIVE;

	if (!status || (state && strcmp(state, bud_subscription_state_word(now)) == 0))
		return 0;
	return refuse(reading, "status", "is read-only: use POST .../pause, .../resume");
}

static int read_all(struct reading *reading)
{
	static int (*const steps[])(struct reading *) = {read_name, read_source, read_types,
		read_filters, read_sink, read_protocol, read_settings, read_config,
		check_authorization, check_signature_fields, read_expires, read_from, check_status};
	const char *const *known = reading->origin == ORIGIN_STORE ? stored_members : api_members;
	int r = bud_body_check(reading->root, "", known, reading->error);

	for (size_t i = 0; r == 0 && i < sizeof(steps) / sizeof(*steps); i++)
		r = steps[i](reading);
	return r;
}

static bool is_id(const char *id)
{
	static const char legal[] = "0123456789abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ_-";
	size_t len = strspn(id, legal);

	return len > 0 && len <= BUD_SUBSCRIPTION_ID_MAX && id[len] == '\0';
}

static char *make_hex(size_t bytes)
{
	char *text = bud_alloc(2 * bytes + 1);

	bud_random_hex(text, bytes);
	return text;
}

int bud_subscription_parse(struct bud_span json, const struct bud_subscription_defaults *defaults,
	struct bud_subscription **out_subscription, struct bud_error *error)
{
	bud_auto(subscription) struct bud_subscription *made = bud_new(struct bud_subscription);
	json_auto_t *root = NULL;
	struct reading reading = {
		.origin = ORIGIN_NEW, .defaults = defaults, .made = made, .error = error};
	int r = bud_body_parse(json, &root, error);

	if (r < 0)
		return r;
	reading.root = root;
	r = read_all(&reading);
	if (r < 0)
		return r;
	assert(!defaults->id || is_id(defaults->id));
	made->id = defaults->id ? bud_strdup(defaults->id) : make_hex(16);
	made->owner = bud_strdup(defaults->owner);
	made->created_ms = defaults->now_ms;
	made->etag = make_hex(8);
	made->sealer = defaults->sealer;
	*out_subscription = bud_move(made);
	return 0;
}

/* What GET shows may come back, as long as it is what it was. */
static int check_fixed(const struct reading *reading, const char *name, const char *is)
{
	const json_t *given = get(reading->root, name);

	if (!given || (json_is_string(given) && strcmp(json_string_value(given), is) == 0))
		return 0;
	return refuse(reading, name, "cannot be changed");
}

static int change(struct reading *reading, struct bud_subscription **out_subscription)
{
	const struct bud_subscription *old = reading->old;
	bud_auto(subscription) struct bud_subscription *made = bud_new(struct bud_subscription);
	char created[25];
	int r;

	bud_clock_write(old->created_ms, created);
	reading->made = made;
	r = check_fixed(reading, "id", old->id);
	if (r == 0)
		r = check_fixed(reading, "owner", old->owner);
	if (r == 0)
		r = check_fixed(reading, "created", created);
	if (r == 0)
		r = read_all(reading);
	if (r < 0)
		return r;
	made->id = bud_strdup(old->id);
	made->owner = bud_strdup(old->owner);
	made->created_ms = old->created_ms;
	made->serial = old->serial;
	made->sealer = reading->defaults->sealer;
	bud_status_copy(&old->status, &made->status);
	bud_status_change_credential(
		&made->status, &old->config->credential, &made->config->credential);
	made->etag = make_hex(8);
	*out_subscription = bud_move(made);
	return 0;
}

int bud_subscription_replace(const struct bud_subscription *old, struct bud_span json,
	const struct bud_subscription_defaults *defaults,
	struct bud_subscription **out_subscription, struct bud_error *error)
{
	json_auto_t *root = NULL;
	struct reading reading = {
		.origin = ORIGIN_CHANGE, .old = old, .defaults = defaults, .error = error};
	int r = bud_body_parse(json, &root, error);

	if (r < 0)
		return r;
	reading.root = root;
	return change(&reading, out_subscription);
}

int bud_subscription_patch(const struct bud_subscription *old, struct bud_span json,
	const struct bud_subscription_defaults *defaults,
	struct bud_subscription **out_subscription, struct bud_error *error)
{
	json_auto_t *root = bud_patch_base(old);
	json_auto_t *patch = NULL;
	struct reading reading = {ORIGIN_CHANGE, root, old, defaults, NULL, error};
	int r = bud_body_parse(json, &patch, error);

	if (r < 0)
		return r;
	bud_patch_merge(root, patch);
	return change(&reading, out_subscription);
}

/* What only the store knows. */
static int read_stored(struct reading *reading)
{
	struct bud_subscription *made = reading->made;
	const json_t *created = get(reading->root, "created");
	struct bud_span time = {json_string_value(created), json_string_length(created)};
	int r = read_text(reading, "id", BUD_SUBSCRIPTION_ID_MAX, &made->id);

	if (r == 0)
		r = read_text(reading, "owner", BUD_FILTER_TEXT_MAX, &made->owner);
	if (r == 0)
		r = read_text(reading, "etag", BUD_SUBSCRIPTION_ID_MAX, &made->etag);
	if (r < 0)
		return r;
	if (!made->id || !is_id(made->id))
		return refuse(reading, "id", "is no id");
	if (!made->owner)
		return refuse(reading, "owner", "is missing");
	if (!time.at || bud_time_parse(time, &made->created_ms) < 0)
		return refuse(reading, "created", "is no time");
	made->serial = (uint64_t)json_integer_value(get(reading->root, "serial"));
	return 0;
}

int bud_subscription_load(struct bud_span json, const struct bud_subscription_defaults *defaults,
	struct bud_subscription **out_subscription, struct bud_error *error)
{
	bud_auto(subscription) struct bud_subscription *made = bud_new(struct bud_subscription);
	json_auto_t *root = NULL;
	struct reading reading = {
		.origin = ORIGIN_STORE, .defaults = defaults, .made = made, .error = error};
	int r = bud_body_parse(json, &root, error);
	struct bud_sealing sealing;
	json_int_t format;

	if (r < 0)
		return r;
	reading.root = root;
	format = json_integer_value(json_object_get(root, "format"));
	if (format < 1)
		return refuse(&reading, "format", "is missing");
	if (format > BUD_SUBSCRIPTION_FORMAT) {
		(void)refuse(&reading, "format", "is of a newer version");
		return -EPROTONOSUPPORT;
	}
	r = read_stored(&reading);
	if (r < 0)
		return r;
	sealing = (struct bud_sealing){defaults->sealer, bud_span(made->owner), bud_span(made->id)};
	made->is_sealed_old = bud_sealing_record_is_old(&sealing, root);
	r = bud_sealing_open_record(&sealing, root, error);
	if (r == 0)
		r = read_all(&reading);
	if (r < 0)
		return r;
	made->sealer = defaults->sealer;
	*out_subscription = bud_move(made);
	return 0;
}
