/* An envelope: its fields, and the quick scan of what our store gave back. The full scan is
 * envelope_scan.c. */
#include "event/envelope.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>

#include "event/json.h"

#define QUICK(name)                                                                                \
	{                                                                                          \
#name, sizeof(#name) - 1, offsetof(struct bud_envelope, name)                      \
	}

/* Attributes with a field of their own, by length. */
static const struct quick {
	const char *name;
	size_t name_len;
	size_t offset;
} quicks[] = {
	QUICK(id),
	QUICK(type),
	QUICK(time),
	QUICK(source),
	QUICK(subject),
	QUICK(expirytime),
	QUICK(specversion),
	QUICK(traceparent),
	QUICK(partitionkey),
	QUICK(datacontenttype),
};

void bud_envelope_init(struct bud_envelope *envelope)
{
	memset(envelope, 0, offsetof(struct bud_envelope, attributes));
	envelope->side = (struct bud_buffer){0};
}

void bud_envelope_finish(struct bud_envelope *envelope)
{
	bud_buffer_finish(&envelope->side);
	bud_envelope_init(envelope);
}

void bud_envelope_start(struct bud_envelope *envelope, struct bud_span json)
{
	memset(envelope, 0, offsetof(struct bud_envelope, attributes)); /* and leave their 2 KiB */
	envelope->side.len = 0;
	envelope->json = json;
}

static struct bud_span *quick_field(struct bud_envelope *envelope, struct bud_span name)
{
	for (size_t i = 0; i < sizeof(quicks) / sizeof(quicks[0]); i++) {
		if (quicks[i].name_len < name.len)
			continue;
		if (quicks[i].name_len > name.len)
			return NULL;
		if (memcmp(quicks[i].name, name.at, name.len) == 0)
			return (struct bud_span *)((char *)envelope + quicks[i].offset);
	}
	return NULL;
}

void bud_envelope_keep(struct bud_envelope *envelope, const struct bud_attribute *attribute)
{
	struct bud_span *quick = quick_field(envelope, attribute->name);
	struct bud_attribute *kept = &envelope->attributes[envelope->attributes_n];

	assert(envelope->attributes_n < BUD_ATTRIBUTES_MAX);
	envelope->attributes_n++;
	*kept = *attribute;
	/* The one integer that JSON can write in two ways; the text of a value has one. */
	if (kept->type == BUD_ATTRIBUTE_INTEGER && bud_span_is(kept->value, "-0"))
		kept->value = (struct bud_span){kept->value.at + 1, 1};
	if (quick)
		*quick = kept->value;
}

struct bud_span bud_envelope_unescape(struct bud_envelope *envelope, struct bud_span raw)
{
	struct bud_buffer *side = &envelope->side;
	size_t from = side->len;

	/* All of it together is not longer than the event, so the buffer gets that room at its
	 * first use and never moves under the spans that point into it. */
	bud_buffer_reserve(side, envelope->json.len - from);
	bud_json_unescape(raw, side);
	return (struct bud_span){side->at + from, side->len - from};
}

const struct bud_attribute *bud_envelope_find(
	const struct bud_envelope *envelope, struct bud_span name)
{
	for (size_t i = 0; i < envelope->attributes_n; i++)
		if (bud_span_equals(envelope->attributes[i].name, name))
			return &envelope->attributes[i];
	return NULL;
}

/* The quick scan: the bytes passed the full one before, so only their end is watched. */

/* Behind the blanks; '\0' at the end. */
static char next_byte(struct bud_json *json)
{
	bud_json_pass_blanks(json);
	return json->at < json->end ? *json->at : '\0';
}

/* The first quote or backslash from `at` on. */
static const char *string_stop(const char *at, const char *end)
{
	const uint64_t ones = 0x0101010101010101ULL;

	while (end - at >= 8) {
		uint64_t eight, quotes, backslashes, stops;

		memcpy(&eight, at, 8);
		eight = le64toh(eight);
		quotes = eight ^ ones * '"';
		backslashes = eight ^ ones * '\\';
		stops = ((quotes - ones) & ~quotes) | ((backslashes - ones) & ~backslashes);
		stops &= ones * 0x80;
		if (stops)
			return at + (__builtin_ctzll(stops) >> 3);
		at += 8;
	}
	while (at < end && *at != '"' && *at != '\\')
		at++;
	return at;
}

/* `json` stands on the opening quote. */
static bool cut_string(struct bud_json *json, struct bud_span *out_raw, bool *out_has_escapes)
{
	const char *from = json->at + 1;
	const char *at = string_stop(from, json->end);
	bool has_escapes = false;

	while (at < json->end && *at == '\\') {
		has_escapes = true;
		if (json->end - at < 2)
			return false;
		at = string_stop(at + 2, json->end);
	}
	if (at == json->end)
		return false;
	json->at = at + 1;
	*out_raw = (struct bud_span){from, (size_t)(at - from)};
	*out_has_escapes = has_escapes;
	return true;
}

/* An array or object: counts brackets outside of strings. */
static bool pass_nested(struct bud_json *json)
{
	struct bud_span raw;
	size_t depth = 0;
	bool has_escapes;

	while (json->at < json->end) {
		char c = *json->at;

		if (c == '"') {
			if (!cut_string(json, &raw, &has_escapes))
				return false;
			continue;
		}
		json->at++;
		if (c == '{' || c == '[')
			depth++;
		else if ((c == '}' || c == ']') && --depth == 0)
			return true;
	}
	return false;
}

static bool cut_text(
	struct bud_envelope *envelope, struct bud_json *json, struct bud_span *out_text)
{
	struct bud_span raw;
	bool has_escapes;

	if (next_byte(json) != '"' || !cut_string(json, &raw, &has_escapes))
		return false;
	*out_text = has_escapes ? bud_envelope_unescape(envelope, raw) : raw;
	return true;
}

/* The value as it was written, quotes and all. */
static bool cut_value(struct bud_json *json, struct bud_span *out_value)
{
	char first = next_byte(json);
	const char *from = json->at;
	struct bud_span raw;
	bool has_escapes;

	if (first == '"') {
		if (!cut_string(json, &raw, &has_escapes))
			return false;
	} else if (first == '{' || first == '[') {
		if (!pass_nested(json))
			return false;
	} else {
		while (json->at < json->end && !memchr(",} \t\r\n", *json->at, 6))
			json->at++;
	}
	*out_value = (struct bud_span){from, (size_t)(json->at - from)};
	return out_value->len > 0;
}

static bool take_member(struct bud_envelope *envelope, struct bud_json *json)
{
	struct bud_attribute attribute = {.type = BUD_ATTRIBUTE_TEXT};
	char first;

	if (!cut_text(envelope, json, &attribute.name) || next_byte(json) != ':')
		return false;
	json->at++;
	if (bud_span_is(attribute.name, "data")) {
		envelope->data_kind = BUD_DATA_KIND_JSON;
		return cut_value(json, &envelope->data);
	}
	first = next_byte(json);
	if (first != '"') {
		if (!cut_value(json, &attribute.value))
			return false;
		if (first == 'n') /* null: absent */
			return true;
		attribute.type = first == 't' || first == 'f' ? BUD_ATTRIBUTE_BOOLEAN
							      : BUD_ATTRIBUTE_INTEGER;
	} else if (!cut_text(envelope, json, &attribute.value)) {
		return false;
	}
	if (bud_span_is(attribute.name, "data_base64")) {
		envelope->data_kind = BUD_DATA_KIND_BASE64;
		envelope->data = attribute.value;
		return true;
	}
	if (envelope->attributes_n == BUD_ATTRIBUTES_MAX)
		return false;
	bud_envelope_keep(envelope, &attribute);
	return true;
}

int bud_envelope_scan_stored(struct bud_envelope *envelope, struct bud_span json)
{
	struct bud_json reader = {json.at, json.at + json.len, NULL};

	bud_envelope_start(envelope, json);
	if (json.len < 2 || *reader.at != '{')
		return -EINVAL;
	do {
		reader.at++;
		if (!take_member(envelope, &reader))
			return -EINVAL;
	} while (next_byte(&reader) == ',');
	if (reader.at != reader.end - 1 || *reader.at != '}' || !envelope->id.at ||
		!envelope->source.at || !envelope->type.at)
		return -EINVAL;
	return 0;
}
