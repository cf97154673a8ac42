/* Attributes: names, forbidden characters, and the types of those that have one. */
#include "event/attribute.h"

#include <endian.h>
#include <errno.h>
#include <stdint.h>

#include "event/media_type.h"
#include "event/timestamp.h"
#include "event/uri.h"

enum kind {
	KIND_TEXT, /* not empty, nothing else */
	KIND_VERSION,
	KIND_TIME,
	KIND_REFERENCE,
	KIND_URI,
	KIND_MEDIA_TYPE,
};

struct rule {
	const char *name;
	unsigned char name_len;
	unsigned char kind;
};

#define RULE(name, kind)                                                                           \
	{                                                                                          \
		name, sizeof(name) - 1, kind                                                       \
	}

/* By length, so that a look-up stops early. Whatever is not here is free text, empty included. */
static const struct rule rules[] = {
	RULE("id", KIND_TEXT),
	RULE("type", KIND_TEXT),
	RULE("time", KIND_TIME),
	RULE("source", KIND_REFERENCE),
	RULE("subject", KIND_TEXT),
	RULE("dataref", KIND_REFERENCE),
	RULE("sequence", KIND_TEXT),
	RULE("dataschema", KIND_URI),
	RULE("expirytime", KIND_TIME),
	RULE("specversion", KIND_VERSION),
	RULE("traceparent", KIND_TEXT),
	RULE("causationid", KIND_TEXT),
	RULE("partitionkey", KIND_TEXT),
	RULE("recordedtime", KIND_TIME),
	RULE("correlationid", KIND_TEXT),
	RULE("datacontenttype", KIND_MEDIA_TYPE),
};

static const struct rule *rule_of(struct bud_span name)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i].name_len < name.len)
			continue;
		if (rules[i].name_len > name.len)
			return NULL;
		if (memcmp(rules[i].name, name.at, name.len) == 0)
			return &rules[i];
	}
	return NULL;
}

/* True for U+007F to U+009F, U+FDD0 to U+FDEF and U+xxFFFE, U+xxFFFF; `s` is valid UTF-8. */
static bool is_forbidden(const unsigned char *s)
{
	if (s[0] < 0x80)
		return s[0] < 0x20 || s[0] == 0x7f;
	if (s[0] < 0xe0)
		return s[0] == 0xc2 && s[1] < 0xa0;
	if (s[0] == 0xef)
		return (s[1] == 0xb7 && s[2] >= 0x90 && s[2] <= 0xaf) ||
		       (s[1] == 0xbf && s[2] >= 0xbe);
	return s[0] >= 0xf0 && (s[1] & 0x0f) == 0x0f && s[2] == 0xbf && s[3] >= 0xbe;
}

/* True when none of eight bytes is a control, DEL or not ASCII. */
static bool is_plain(const unsigned char *s)
{
	const uint64_t ones = 0x0101010101010101ULL;
	uint64_t eight;

	memcpy(&eight, s, 8);
	return ((eight | (eight + ones) | (eight - ones * 0x20)) & ones * 0x80) == 0;
}

static bool has_forbidden(struct bud_span value)
{
	const unsigned char *s = (const unsigned char *)value.at;
	const unsigned char *end = s + value.len;

	while (s < end) {
		if (end - s >= 8 && is_plain(s)) {
			s += 8;
			continue;
		}
		if (is_forbidden(s))
			return true;
		s += s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	}
	return false;
}

/* NULL, or what is wrong and what would be right. */
static const char *fault_of(enum kind kind, struct bud_span value)
{
	struct bud_media_type type;
	int64_t wall_ms;

	if (value.len == 0)
		return "is empty; leave it out or give it a value";
	switch (kind) {
	case KIND_TEXT:
		return NULL;
	case KIND_VERSION:
		return bud_span_is(value, "1.0") ? NULL : "must be \"1.0\", the version read here";
	case KIND_TIME:
		return bud_time_parse(value, &wall_ms) == 0
			       ? NULL
			       : "must be an RFC 3339 time with an offset, like "
				 "2026-02-28T13:05:00Z";
	case KIND_REFERENCE:
		return bud_uri_is_reference(value)
			       ? NULL
			       : "must be a URI reference (RFC 3986), other characters "
				 "percent-encoded, like /orders or urn:shop:orders";
	case KIND_URI:
		return bud_uri_is_absolute(value)
			       ? NULL
			       : "must be an absolute URI (RFC 3986), like https://host/schema";
	case KIND_MEDIA_TYPE:
		return bud_media_type_parse(value, &type)
			       ? NULL
			       : "must be a media type, like application/json";
	}
	return NULL;
}

int bud_attribute_fault(struct bud_error *error, struct bud_span name, const char *text)
{
	char member[BUD_ERROR_MEMBER_MAX];
	size_t len = name.len < sizeof(member) - 1 ? name.len : sizeof(member) - 1;

	memcpy(member, name.at, len);
	member[len] = '\0';
	return bud_error_set(error, member, "%s %s", member, text);
}

int bud_attribute_check_name(struct bud_span name, struct bud_error *error)
{
	if (name.len == 0)
		return bud_error_set(error, NULL, "an attribute's name is empty");
	for (size_t i = 0; i < name.len; i++) {
		char c = name.at[i];
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')))
			return bud_attribute_fault(error, name,
				"is no attribute name: only a to z and 0 to 9 may stand in one");
	}
	if (bud_span_is(name, "data"))
		return bud_attribute_fault(error, name, "is no attribute name");
	return 0;
}

int bud_attribute_check(const struct bud_attribute *attribute, struct bud_error *error)
{
	const struct rule *rule;
	const char *fault;

	if (has_forbidden(attribute->value))
		return bud_attribute_fault(error, attribute->name,
			"has a character that no attribute may have: a control character or a "
			"noncharacter");
	rule = rule_of(attribute->name);
	fault = rule ? fault_of(rule->kind, attribute->value) : NULL;
	return fault ? bud_attribute_fault(error, attribute->name, fault) : 0;
}
