/* The quick reader. It knows what most records have, and gives up on anything else: escapes in a
 * text, blanks, credentials, certificates, secrets that were rotated. So a rule is never
 * told wrong here, at worst it is looked at twice. Filters, and configs that are new to the pool,
 * are parsed as everywhere. */
#include "subscription/quick.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "core/limits.h"
#include "crypto/secret.h"
#include "event/json.h"
#include "event/timestamp.h"
#include "event/uri.h"
#include "subscription/body.h"
#include "subscription/compact.h"
#include "subscription/filter.h"
#include "subscription/pool.h"
#include "subscription/push_config.h"
#include "subscription/push_config_json.h"
#include "subscription/sealing.h"
#include "subscription/sink_header.h"
#include "subscription/subscription.h"

#define SECRET "config.signing.secret"

struct reading {
	struct bud_json json;
	const struct bud_subscription_defaults *defaults;
	struct bud_pool *pool;
	struct bud_subscription made; /* all but its texts */
	struct bud_span config;
	struct bud_span stored_secret;
	struct bud_buffer secret;
	struct bud_subscription_texts texts; /* last, because its types are not cleared */
};

static bool pass_byte(struct reading *reading, char byte)
{
	if (reading->json.at == reading->json.end || *reading->json.at != byte)
		return false;
	reading->json.at++;
	return true;
}

static bool read_string(struct reading *reading, struct bud_span *out_text)
{
	struct bud_json_string string;

	if (reading->json.at == reading->json.end || *reading->json.at != '"' ||
		!bud_json_read_string(&reading->json, &string) || string.has_escapes)
		return false;
	*out_text = string.raw;
	return true;
}

/* As bud_body_text(). */
static bool read_text(struct reading *reading, size_t max, struct bud_span *out_text)
{
	return read_string(reading, out_text) && out_text->len > 0 && out_text->len <= max &&
	       !memchr(out_text->at, 0x7f, out_text->len);
}

static bool read_value(struct reading *reading, struct bud_span *out_value)
{
	const char *from = reading->json.at;

	if (!bud_json_pass_value(&reading->json, BUD_JSON_DEPTH_MAX))
		return false;
	*out_value = (struct bud_span){from, (size_t)(reading->json.at - from)};
	return true;
}

static bool read_number(struct reading *reading, uint64_t max, uint64_t *out_number)
{
	struct bud_span value;

	return read_value(reading, &value) && bud_span_number(value, max, out_number);
}

static bool read_time(struct bud_span text, int64_t *out_ms)
{
	return bud_time_parse(text, out_ms) == 0;
}

/* Steps into an object or on to its next member, whose value stands there then. False at its end,
 * which it passes, or when something else stands there; then `out_name` has no length. */
static bool next_member(struct reading *reading, bool *is_inside, struct bud_span *out_name)
{
	*out_name = (struct bud_span){NULL, 0};
	if (*is_inside && pass_byte(reading, '}')) {
		*is_inside = false;
		return false;
	}
	if (!pass_byte(reading, *is_inside ? ',' : '{'))
		return false;
	*is_inside = true;
	return read_string(reading, out_name) && pass_byte(reading, ':');
}

static bool read_format(struct reading *reading)
{
	uint64_t format;

	return read_number(reading, BUD_SUBSCRIPTION_FORMAT, &format) && format > 0;
}

/* The one beside it counts, and is newer when only the status changed: so for the etag. */
static bool read_serial(struct reading *reading)
{
	uint64_t serial;

	return read_number(reading, INT64_MAX, &serial);
}

static bool read_etag(struct reading *reading)
{
	struct bud_span etag;

	return read_text(reading, BUD_SUBSCRIPTION_ID_MAX, &etag);
}

static bool read_id(struct reading *reading)
{
	static const char legal[] = "0123456789abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ_-";
	struct bud_span *id = &reading->texts.id;

	if (!read_text(reading, BUD_SUBSCRIPTION_ID_MAX, id))
		return false;
	for (size_t i = 0; i < id->len; i++)
		if (!memchr(legal, id->at[i], sizeof(legal) - 1))
			return false;
	return true;
}

static bool read_owner(struct reading *reading)
{
	return read_text(reading, BUD_FILTER_TEXT_MAX, &reading->texts.owner);
}

static bool read_created(struct reading *reading)
{
	struct bud_span created;

	return read_string(reading, &created) && read_time(created, &reading->made.created_ms);
}

static bool read_name(struct reading *reading)
{
	return read_text(reading, BUD_NAME_BYTES_MAX, &reading->texts.name);
}

static bool read_source(struct reading *reading)
{
	return read_text(reading, BUD_FILTER_TEXT_MAX, &reading->texts.source) &&
	       bud_uri_is_reference(reading->texts.source);
}

static bool has_type(const struct bud_subscription_texts *texts, struct bud_span type)
{
	for (size_t i = 0; i < texts->n_types; i++)
		if (bud_span_equals(texts->types[i], type))
			return true;
	return false;
}

static bool read_types(struct reading *reading)
{
	struct bud_subscription_texts *texts = &reading->texts;

	if (!pass_byte(reading, '['))
		return false;
	do {
		struct bud_span type;
		if (texts->n_types == BUD_TYPES_MAX ||
			!read_text(reading, BUD_FILTER_TEXT_MAX, &type) || has_type(texts, type))
			return false;
		texts->types[texts->n_types++] = type;
	} while (pass_byte(reading, ','));
	return pass_byte(reading, ']');
}

static bool read_filters(struct reading *reading)
{
	return read_value(reading, &reading->texts.filters);
}

static bool read_sink(struct reading *reading)
{
	struct bud_span *sink = &reading->texts.sink;

	return read_text(reading, BUD_SINK_BYTES_MAX, sink) && !memchr(sink->at, ' ', sink->len);
}

static bool read_protocol(struct reading *reading)
{
	struct bud_span protocol;

	return read_string(reading, &protocol) && bud_span_is(protocol, "HTTP");
}

static bool read_settings(struct reading *reading)
{
	struct bud_subscription *made = &reading->made;
	json_auto_t *settings = NULL;
	struct bud_span text;
	struct bud_error error;

	if (!read_value(reading, &text))
		return false;
	if (bud_span_is(text, "{\"method\":\"POST\"}"))
		return true;
	settings = json_loadb(text.at, text.len, JSON_REJECT_DUPLICATES, NULL);
	return settings &&
	       bud_sink_settings_parse(settings, &made->headers, &made->n_headers, &error) == 0;
}

static bool read_expires(struct reading *reading)
{
	int64_t *ms = &reading->made.expires_ms;

	if (!read_text(reading, 64, &reading->texts.expires) ||
		!read_time(reading->texts.expires, ms))
		return false;
	if (*ms < 1)
		*ms = 1; /* 0 says never */
	return true;
}

static bool read_from(struct reading *reading)
{
	struct bud_span *from = &reading->texts.from;

	return read_text(reading, 64, from) &&
	       (bud_span_is(*from, "earliest") || read_time(*from, &reading->made.from_ms));
}

static bool read_signing(struct reading *reading)
{
	struct bud_span name, value;
	bool is_inside = false;

	while (next_member(reading, &is_inside, &name)) {
		if (bud_span_is(name, "secret")) {
			if (reading->stored_secret.at ||
				!read_string(reading, &reading->stored_secret))
				return false;
		} else if (bud_span_is(name, "previous") || !read_value(reading, &value)) {
			return false;
		}
	}
	return !is_inside && reading->stored_secret.at;
}

static bool read_timeout(struct reading *reading)
{
	uint64_t ms;

	if (!read_number(reading, BUD_TIMEOUT_MS_MAX, &ms) || ms < BUD_TIMEOUT_MS_MIN)
		return false;
	reading->made.timeout_ms = (uint32_t)ms;
	reading->made.timeout_is_given = true;
	return true;
}

/* Takes the record's own members; the rest is parsed once it is known that all is well. */
static bool read_config(struct reading *reading)
{
	const char *from = reading->json.at;
	struct bud_span name, value;
	bool is_inside = false;

	while (next_member(reading, &is_inside, &name)) {
		if (bud_span_is(name, "signing")) {
			if (!read_signing(reading))
				return false;
		} else if (bud_span_is(name, "timeout_ms")) {
			if (!read_timeout(reading))
				return false;
		} else if (bud_span_is(name, "tls") || !read_value(reading, &value)) {
			return false;
		}
	}
	reading->config = (struct bud_span){from, (size_t)(reading->json.at - from)};
	return !is_inside && reading->stored_secret.at;
}

struct member {
	const char *name;
	bool (*read)(struct reading *reading);
	bool must_be;
};

/* In the order in which they are written. */
static const struct member members[] = {
	{"format", read_format, true},
	{"serial", read_serial, false},
	{"etag", read_etag, false},
	{"id", read_id, true},
	{"owner", read_owner, true},
	{"created", read_created, true},
	{"name", read_name, false},
	{"source", read_source, false},
	{"types", read_types, false},
	{"filters", read_filters, false},
	{"sink", read_sink, true},
	{"protocol", read_protocol, true},
	{"protocolsettings", read_settings, false},
	{"expires", read_expires, false},
	{"from", read_from, false},
	{"config", read_config, true},
};

#define MEMBERS_N (sizeof(members) / sizeof(*members))

/* Each name stands behind those that are written before it, so none is there twice. */
static bool read_members(struct reading *reading)
{
	struct bud_span name;
	bool is_inside = false;
	size_t i = 0;

	while (next_member(reading, &is_inside, &name)) {
		while (i < MEMBERS_N && !bud_span_is(name, members[i].name))
			if (members[i++].must_be)
				return false;
		if (i == MEMBERS_N || !members[i++].read(reading))
			return false;
	}
	return !is_inside && name.len == 0 && i == MEMBERS_N &&
	       reading->json.at == reading->json.end;
}

/* Opened and checked as everywhere: whoever signs relies on it. */
static bool open_secret(struct reading *reading)
{
	const struct bud_sealer *sealer = reading->defaults->sealer;
	struct bud_sealing sealing = {sealer, reading->texts.owner, reading->texts.id};
	bud_auto(secret) struct bud_secret secret = {.len = 0};
	struct bud_buffer opened = {0};
	bool is_good;

	is_good = bud_sealing_open_member(&sealing, SECRET, reading->stored_secret, &opened) == 0 &&
		  bud_secret_parse(bud_buffer_as_span(&opened), &secret, NULL) == 0;
	bud_buffer_finish_secret(&opened);
	if (!is_good)
		return false;
	bud_buffer_reserve(&reading->secret, BUD_SECRET_TEXT_BYTES); /* so that it never moves */
	bud_secret_write(&secret, &reading->secret);
	reading->texts.secret = bud_buffer_as_span(&reading->secret);
	reading->made.is_sealed_old = bud_sealing_is_old(sealer, reading->stored_secret);
	return true;
}

static const struct bud_push_config *parse_config(struct bud_pool *pool, struct bud_span text)
{
	struct bud_push_config_source source = {.is_stored = true};
	const struct bud_push_config *config;
	json_auto_t *root = NULL;
	struct bud_error error;

	if (bud_body_parse(text, &root, &error) < 0)
		return NULL;
	source.config = root;
	if (bud_push_config_parse(&source, &config, &error) < 0)
		return NULL;
	if (config == &bud_push_config_default)
		return config;
	return bud_pool_add_config(pool, text, (struct bud_push_config *)(uintptr_t)config);
}

/* Configs are told apart by their text, from which the secret is cut. */
static bool take_config(struct reading *reading)
{
	static const char usual[] = "{\"signing\":{\"secret\":\"\"}}";
	struct bud_span config = reading->config;
	const char *behind = reading->stored_secret.at + reading->stored_secret.len;
	bud_auto(buffer) struct bud_buffer key = {0};
	const struct bud_push_config **out = &reading->made.config;

	bud_buffer_reserve(&key, config.len);
	bud_buffer_add(&key, config.at, (size_t)(reading->stored_secret.at - config.at));
	bud_buffer_add(&key, behind, (size_t)(config.at + config.len - behind));
	if (bud_span_is(bud_buffer_as_span(&key), usual))
		*out = &bud_push_config_default;
	else
		*out = bud_pool_take_config(reading->pool, bud_buffer_as_span(&key));
	if (!*out)
		*out = parse_config(reading->pool, bud_buffer_as_span(&key));
	return *out;
}

/* Of what it has by now. An array without a filter is left to the usual way, which drops it. */
static bool compile_filter(struct bud_subscription *made)
{
	struct bud_filter_source source = {NULL, made->source, made->types, made->n_types};
	json_auto_t *filters = NULL;
	struct bud_error error;

	if (made->filters) {
		filters = json_loads(made->filters, JSON_REJECT_DUPLICATES, NULL);
		if (json_array_size(filters) == 0)
			return false;
	}
	source.filters = filters;
	return bud_filter_compile_all(&source, &made->filter, &error) == 0;
}

static bool read_all(struct reading *reading, const struct bud_subscription_beside *beside)
{
	struct bud_error error;

	return read_members(reading) && open_secret(reading) && take_config(reading) &&
	       bud_status_parse(beside->status, &reading->made.status, &error) == 0;
}

struct bud_subscription *bud_subscription_read_quickly(struct bud_span json,
	const struct bud_subscription_beside *beside,
	const struct bud_subscription_defaults *defaults, struct bud_pool *pool)
{
	bud_auto(subscription) struct bud_subscription *made = NULL;
	struct reading reading;

	memset(&reading, 0, offsetof(struct reading, texts.types));
	reading.json = (struct bud_json){json.at, json.at + json.len, NULL};
	reading.defaults = defaults;
	reading.pool = pool;
	reading.texts.etag = beside->etag;
	reading.made.serial = beside->serial;
	reading.made.timeout_ms = defaults->timeout_ms;
	reading.made.sealer = defaults->sealer;
	if (read_all(&reading, beside)) {
		made = bud_subscription_assemble(&reading.texts, &reading.made, pool);
	} else {
		bud_push_config_destroy(reading.made.config);
		bud_sink_headers_destroy(reading.made.headers, reading.made.n_headers);
	}
	bud_buffer_finish_secret(&reading.secret);
	return made && compile_filter(made) ? bud_move(made) : NULL;
}
