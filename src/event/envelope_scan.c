/* The full scan of a structured event, in one pass over its bytes. The members are read in the
 * order they come and each attribute is checked at once; what concerns several members (required
 * ones, data against datacontenttype) is checked at the end. */
#include "event/envelope.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "event/json.h"
#include "event/media_type.h"

/* A pair of \u escapes: the longest thing that a cut at the limit can go through. */
#define ESCAPE_BYTES_MAX 12

struct scan {
	struct bud_envelope *envelope;
	struct bud_json json;
	struct bud_error *error;
	bool has_data;
	bool has_base64; /* the member, be it null */
	size_t nulls_n;
	struct bud_span nulls[BUD_ATTRIBUTES_MAX]; /* absent, but their names are taken */
};

/* `member` is empty when the fault is not inside one. */
static int fail_json(struct scan *scan, struct bud_span member)
{
	char text[160];
	size_t offset = (size_t)(scan->json.at - scan->envelope->json.at);

	snprintf(text, sizeof(text), "is no valid JSON: byte %zu: %s", offset, scan->json.wrong);
	if (member.len > 0)
		return bud_attribute_fault(scan->error, member, text);
	return bud_error_set(scan->error, NULL, "the event %s", text);
}

static int fail_syntax(struct scan *scan, const char *wrong)
{
	scan->json.wrong = scan->json.at == scan->json.end ? "the JSON text ends too early" : wrong;
	return fail_json(scan, (struct bud_span){0});
}

/* The byte that comes next, '\0' at the end (which no grammar accepts here). */
static char next_byte(struct scan *scan)
{
	bud_json_pass_blanks(&scan->json);
	return scan->json.at < scan->json.end ? *scan->json.at : '\0';
}

static int read_text(struct scan *scan, struct bud_span member, struct bud_span *out_text)
{
	struct bud_json_string string;

	if (!bud_json_read_string(&scan->json, &string))
		return fail_json(scan, member);
	*out_text =
		string.has_escapes ? bud_envelope_unescape(scan->envelope, string.raw) : string.raw;
	return 0;
}

static bool is_taken(const struct scan *scan, struct bud_span name)
{
	if (bud_envelope_find(scan->envelope, name))
		return true;
	for (size_t i = 0; i < scan->nulls_n; i++)
		if (bud_span_equals(scan->nulls[i], name))
			return true;
	return false;
}

static int fail_twice(struct scan *scan, struct bud_span name)
{
	return bud_attribute_fault(scan->error, name, "stands twice in the event");
}

/* A signed 32 bit integer, without fraction or exponent. */
static int read_integer(struct scan *scan, struct bud_attribute *attribute)
{
	const char *from = scan->json.at;
	char digits[16];
	size_t len;
	long long number;

	if (!bud_json_pass_number(&scan->json))
		return fail_json(scan, attribute->name);
	len = (size_t)(scan->json.at - from);
	attribute->value = (struct bud_span){from, len};
	attribute->type = BUD_ATTRIBUTE_INTEGER;
	if (memchr(from, '.', len) || memchr(from, 'e', len) || memchr(from, 'E', len))
		return bud_attribute_fault(scan->error, attribute->name,
			"must be an integer without fraction and exponent");
	if (len < sizeof(digits)) {
		memcpy(digits, from, len);
		digits[len] = '\0';
		number = strtoll(digits, NULL, 10);
		if (number >= INT32_MIN && number <= INT32_MAX)
			return 0;
	}
	return bud_attribute_fault(
		scan->error, attribute->name, "must be an integer from -2147483648 to 2147483647");
}

static int read_boolean(struct scan *scan, struct bud_attribute *attribute)
{
	const char *from = scan->json.at;

	if (!bud_json_pass_value(&scan->json, 0))
		return fail_json(scan, attribute->name);
	attribute->value = (struct bud_span){from, (size_t)(scan->json.at - from)};
	attribute->type = BUD_ATTRIBUTE_BOOLEAN;
	return 0;
}

static bool must_be_string(struct bud_span name)
{
	static const char *const core[] = {"id", "source", "specversion", "type", "subject", "time",
		"datacontenttype", "dataschema"};

	for (size_t i = 0; i < sizeof(core) / sizeof(core[0]); i++)
		if (bud_span_is(name, core[i]))
			return true;
	return false;
}

static int read_null(struct scan *scan, struct bud_span name)
{
	if (!bud_json_pass_value(&scan->json, 0))
		return fail_json(scan, name);
	scan->nulls[scan->nulls_n++] = name;
	return 0;
}

static int read_attribute(struct scan *scan, struct bud_span name, char first)
{
	struct bud_attribute attribute = {.name = name};
	int r = bud_attribute_check_name(name, scan->error);

	if (r < 0)
		return r;
	if (is_taken(scan, name))
		return fail_twice(scan, name);
	if (scan->envelope->attributes_n + scan->nulls_n == BUD_ATTRIBUTES_MAX)
		return bud_error_set(
			scan->error, NULL, "more than %u attributes", BUD_ATTRIBUTES_MAX);
	if (first == 'n')
		return read_null(scan, name);
	if (first == '"')
		r = read_text(scan, name, &attribute.value);
	else if (first == '{' || first == '[')
		return bud_attribute_fault(scan->error, name,
			"must be a string, a boolean or an integer, no object or array");
	else if (must_be_string(name))
		return bud_attribute_fault(scan->error, name, "must be a string");
	else if (first == 't' || first == 'f')
		r = read_boolean(scan, &attribute);
	else
		r = read_integer(scan, &attribute);
	if (r == 0)
		r = bud_attribute_check(&attribute, scan->error);
	if (r == 0)
		bud_envelope_keep(scan->envelope, &attribute);
	return r;
}

static int read_data(struct scan *scan, struct bud_span name)
{
	struct bud_envelope *envelope = scan->envelope;
	const char *from = scan->json.at;

	if (scan->has_data)
		return fail_twice(scan, name);
	scan->has_data = true;
	/* The event itself is the first level. */
	if (!bud_json_pass_value(&scan->json, BUD_JSON_DEPTH_MAX - 1))
		return fail_json(scan, name);
	if (envelope->data_kind != BUD_DATA_KIND_NONE)
		return bud_attribute_fault(scan->error, name, "and data_base64 exclude each other");
	envelope->data = (struct bud_span){from, (size_t)(scan->json.at - from)};
	envelope->data_kind = BUD_DATA_KIND_JSON;
	return 0;
}

/* RFC 4648, section 4, padded. */
static bool is_base64(struct bud_span text)
{
	size_t len = text.len;

	if (len % 4 != 0)
		return false;
	if (len > 0 && text.at[len - 1] == '=')
		len -= text.at[len - 2] == '=' ? 2 : 1;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text.at[i];
		if (!((unsigned char)((c | 0x20) - 'a') < 26 || (unsigned char)(c - '0') < 10 ||
			    c == '+' || c == '/'))
			return false;
	}
	return true;
}

static int read_base64(struct scan *scan, struct bud_span name, char first)
{
	struct bud_envelope *envelope = scan->envelope;
	int r;

	if (scan->has_base64)
		return fail_twice(scan, name);
	scan->has_base64 = true;
	if (first == 'n')
		return bud_json_pass_value(&scan->json, 0) ? 0 : fail_json(scan, name);
	if (first != '"')
		return bud_attribute_fault(scan->error, name, "must be a string of base64");
	r = read_text(scan, name, &envelope->data);
	if (r < 0)
		return r;
	if (!is_base64(envelope->data))
		return bud_attribute_fault(
			scan->error, name, "must be base64 (RFC 4648, 4) with its padding");
	if (scan->has_data)
		return bud_attribute_fault(scan->error, name, "and data exclude each other");
	envelope->data_kind = BUD_DATA_KIND_BASE64;
	return 0;
}

static int read_member(struct scan *scan)
{
	struct bud_span name;
	char first;
	int r;

	if (next_byte(scan) != '"')
		return fail_syntax(scan, "a member's name in quotes must stand here");
	r = read_text(scan, (struct bud_span){0}, &name);
	if (r < 0)
		return r;
	if (next_byte(scan) != ':')
		return fail_syntax(scan, "a colon must stand between name and value");
	scan->json.at++;
	first = next_byte(scan);
	if (first == '\0')
		return fail_syntax(scan, "a JSON value must stand here");
	if (bud_span_is(name, "data"))
		return read_data(scan, name);
	if (bud_span_is(name, "data_base64"))
		return read_base64(scan, name, first);
	return read_attribute(scan, name, first);
}

/* From { to }. */
static int read_members(struct scan *scan)
{
	int r;

	if (next_byte(scan) != '{')
		return fail_syntax(scan, "an event is a JSON object, it begins with {");
	scan->envelope->json.len -= (size_t)(scan->json.at - scan->envelope->json.at);
	scan->envelope->json.at = scan->json.at;
	scan->json.at++;
	if (next_byte(scan) != '}') {
		for (;;) {
			r = read_member(scan);
			if (r < 0)
				return r;
			if (next_byte(scan) != ',')
				break;
			scan->json.at++;
		}
	}
	if (next_byte(scan) != '}')
		return fail_syntax(scan, "a comma or } must stand here");
	scan->json.at++;
	scan->envelope->json.len = (size_t)(scan->json.at - scan->envelope->json.at);
	return 0;
}

static int check_whole(struct scan *scan)
{
	const struct bud_envelope *envelope = scan->envelope;
	const struct {
		const char *name;
		const struct bud_span *value;
	} required[] = {
		{"specversion", &envelope->specversion},
		{"id", &envelope->id},
		{"source", &envelope->source},
		{"type", &envelope->type},
	};
	struct bud_media_type type;

	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++)
		if (!required[i].value->at)
			return bud_attribute_fault(scan->error, bud_span(required[i].name),
				"is missing; every event needs it");
	/* JSON format, 3.1.2: data under any other type is the text of its content. */
	if (envelope->data_kind == BUD_DATA_KIND_JSON && envelope->datacontenttype.at &&
		envelope->data.at[0] != '"' &&
		bud_media_type_parse(envelope->datacontenttype, &type) &&
		!bud_media_type_is_json(&type))
		return bud_attribute_fault(scan->error, bud_span("data"),
			"must be a string, since datacontenttype is not JSON");
	return 0;
}

static int fail_too_long(struct bud_error *error)
{
	(void)bud_error_set(error, NULL, "an event has at most %u bytes", BUD_EVENT_BYTES_MAX);
	return -E2BIG;
}

int bud_envelope_scan_first(
	struct bud_envelope *envelope, struct bud_span json, struct bud_error *error)
{
	struct scan scan;
	struct bud_span text = json;
	bool is_cut;
	int r;

	while (text.len > 0 && memchr(" \t\r\n", text.at[0], 4)) {
		text.at++;
		text.len--;
	}
	if (text.len == 0)
		return bud_error_set(error, NULL, "there is no event: not a byte of JSON");
	is_cut = text.len > BUD_EVENT_BYTES_MAX;
	if (is_cut)
		text.len = BUD_EVENT_BYTES_MAX;
	if (bud_span_starts(text, bud_span("\xef\xbb\xbf")))
		return bud_error_set(error, NULL,
			"a byte order mark stands before the JSON; send UTF-8 without one");
	bud_envelope_start(envelope, text);
	scan.envelope = envelope;
	scan.json = (struct bud_json){text.at, text.at + text.len, NULL};
	scan.error = error;
	scan.has_data = false;
	scan.has_base64 = false;
	scan.nulls_n = 0;
	r = read_members(&scan);
	if (r < 0)
		return is_cut && scan.json.end - scan.json.at < ESCAPE_BYTES_MAX
			       ? fail_too_long(error)
			       : r;
	return check_whole(&scan);
}

int bud_envelope_scan(struct bud_envelope *envelope, struct bud_span json, struct bud_error *error)
{
	int r = bud_envelope_scan_first(envelope, json, error);
	struct bud_json rest;

	if (r < 0)
		return r;
	rest = (struct bud_json){envelope->json.at + envelope->json.len, json.at + json.len, NULL};
	bud_json_pass_blanks(&rest);
	if (rest.at != rest.end)
		return bud_error_set(error, NULL,
			"something stands behind the event's last }; one event is one object");
	return 0;
}
