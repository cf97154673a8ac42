/* Binary mode: header values are decoded (HTTP binding, 3.1.3.2) and written as JSON strings, the
 * body becomes data or data_base64 by its media type. Nobody's text is placed unquoted but a JSON
 * body that was checked to be exactly one value. */
#include "event/binary.h"

#include <errno.h>

#include "core/limits.h"
#include "event/attribute.h"
#include "event/json.h"
#include "event/media_type.h"

/* What is under way; `names` are the attributes written so far. */
struct writer {
	const struct bud_binary *binary;
	struct bud_buffer *out;
	struct bud_error *error;
	size_t names_n;
	struct bud_span names[BUD_ATTRIBUTES_MAX]; /* as the headers spell them */
};

static int fail_too_long(struct bud_error *error)
{
	(void)bud_error_set(
		error, NULL, "an event has at most %u bytes, also in JSON", BUD_EVENT_BYTES_MAX);
	return -E2BIG;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes a quoted-string. `value` begins with a quote. */
static const char *unquote(struct bud_span value, struct bud_buffer *out)
{
	size_t i = 1;

	for (; i < value.len && value.at[i] != '"'; i++) {
		if (value.at[i] == '\\' && ++i == value.len)
			break;
		bud_buffer_byte(out, value.at[i]);
	}
	if (i != value.len - 1)
		return "begins with a quote in its header, so it must be one quoted string to the "
		       "end";
	return NULL;
}

/* One round, in place. */
static const char *percent_decode(struct bud_buffer *text)
{
	size_t to = 0;

	for (size_t i = 0; i < text->len; i++) {
		char c = text->at[i];

		if (c == '%') {
			int high = text->len - i > 2 ? hex_digit(text->at[i + 1]) : -1;
			int low = high >= 0 ? hex_digit(text->at[i + 2]) : -1;
			if (low < 0)
				return "has a % in its header without two hex digits; a percent "
				       "sign itself is written %25";
			c = (char)(high << 4 | low);
			i += 2;
		}
		text->at[to++] = c;
	}
	text->len = to;
	return NULL;
}

static const char *decode(struct bud_span value, struct bud_buffer *out)
{
	const char *fault = NULL;

	bud_buffer_reserve(out, value.len); /* an empty value has a place, too */
	if (value.len > 0 && value.at[0] == '"')
		fault = unquote(value, out);
	else
		bud_buffer_span(out, value);
	if (!fault)
		fault = percent_decode(out);
	if (!fault && !bud_utf8_is_valid(out->at, out->len))
		fault = "is no valid UTF-8 once its header is decoded";
	return fault;
}

static void write_member(struct writer *writer, struct bud_span name, struct bud_span value)
{
	/* Names are [a-z0-9_], which JSON takes as they are. */
	bud_buffer_byte(writer->out, '"');
	bud_buffer_span(writer->out, name);
	bud_buffer_text(writer->out, "\":");
	bud_buffer_json(writer->out, value);
	bud_buffer_byte(writer->out, ',');
}

static bool is_taken(const struct writer *writer, const char *name)
{
	for (size_t i = 0; i < writer->names_n; i++)
		if (bud_span_is_nocase(writer->names[i], name))
			return true;
	return false;
}

/* `header_name` is without ce-. */
static int write_attribute(
	struct writer *writer, struct bud_span header_name, struct bud_span header_value)
{
	bud_auto(buffer) struct bud_buffer name_text = {0};
	bud_auto(buffer) struct bud_buffer value_text = {0};
	struct bud_span name;
	const char *fault;
	int r;

	bud_buffer_span(&name_text, header_name);
	for (size_t i = 0; i < name_text.len; i++)
		if (name_text.at[i] >= 'A' && name_text.at[i] <= 'Z')
			name_text.at[i] |= 0x20;
	name = bud_buffer_as_span(&name_text);
	r = bud_attribute_check_name(name, writer->error);
	if (r < 0)
		return r;
	if (bud_span_is(name, "datacontenttype"))
		return bud_attribute_fault(
			writer->error, name, "must not come as a ce- header; Content-Type says it");
	if (is_taken(writer, name.at))
		return bud_attribute_fault(writer->error, name, "has two headers");
	if (writer->names_n == BUD_ATTRIBUTES_MAX)
		return bud_error_set(
			writer->error, NULL, "more than %u attributes", BUD_ATTRIBUTES_MAX);
	writer->names[writer->names_n++] = header_name;
	fault = decode(bud_span_trim(header_value), &value_text);
	if (fault)
		return bud_attribute_fault(writer->error, name, fault);
	write_member(writer, name, bud_buffer_as_span(&value_text));
	return 0;
}

static int write_attributes(struct writer *writer)
{
	const struct bud_binary *binary = writer->binary;

	for (size_t i = 0; i < binary->headers_n; i++) {
		struct bud_span name = binary->headers[i].name;
		int r;

		if (!bud_span_starts_nocase(name, "ce-"))
			continue;
		r = write_attribute(writer, (struct bud_span){name.at + 3, name.len - 3},
			binary->headers[i].value);
		if (r < 0)
			return r;
	}
	return 0;
}

static void write_base64(struct bud_buffer *out, struct bud_span bytes)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *from = (const unsigned char *)bytes.at;
	char *to = bud_buffer_reserve(out, (bytes.len + 2) / 3 * 4);

	for (size_t i = 0; i < bytes.len; i += 3) {
		size_t left = bytes.len - i;
		uint32_t three = (uint32_t)from[i] << 16;

		three |= left > 1 ? (uint32_t)from[i + 1] << 8 : 0;
		three |= left > 2 ? (uint32_t)from[i + 2] : 0;
		to[0] = letters[three >> 18];
		to[1] = letters[three >> 12 & 63];
		to[2] = left > 1 ? letters[three >> 6 & 63] : '=';
		to[3] = left > 2 ? letters[three & 63] : '=';
		to += 4;
	}
	out->len += (bytes.len + 2) / 3 * 4;
}

static int write_json(struct writer *writer)
{
	const char *wrong;

	/* The event itself is the first level. */
	if (!bud_json_is_valid(writer->binary->body, BUD_JSON_DEPTH_MAX - 1, &wrong))
		return bud_error_set(writer->error, "data",
			"data is no valid JSON, which its Content-Type promises: %s", wrong);
	bud_buffer_text(writer->out, "\"data\":");
	bud_buffer_span(writer->out, writer->binary->body);
	bud_buffer_byte(writer->out, ',');
	return 0;
}

static int write_data(struct writer *writer)
{
	struct bud_span body = writer->binary->body;
	struct bud_media_type type;
	/* In a charset that is not ours the bytes are only bytes, JSON and text included. */
	bool is_readable = bud_media_type_parse(writer->binary->content_type, &type) &&
			   bud_media_type_is_utf8(&type);

	if (body.len == 0)
		return 0;
	if (is_readable && bud_media_type_is_json(&type))
		return write_json(writer);
	if (is_readable && bud_media_type_is_text(&type) && bud_utf8_is_valid(body.at, body.len)) {
		write_member(writer, bud_span("data"), body);
		return 0;
	}
	bud_buffer_text(writer->out, "\"data_base64\":\"");
	write_base64(writer->out, body);
	bud_buffer_text(writer->out, "\",");
	return 0;
}

/* Members end with a comma each; the last one becomes the }. */
static int write_event(struct writer *writer)
{
	struct bud_buffer *out = writer->out;
	struct bud_span type = bud_span_trim(writer->binary->content_type);
	int r;

	bud_buffer_byte(out, '{');
	r = write_attributes(writer);
	if (r < 0)
		return r;
	if (type.len > 0) {
		if (!bud_utf8_is_valid(type.at, type.len))
			return bud_error_set(writer->error, "datacontenttype",
				"Content-Type must be a media type, like application/json");
		write_member(writer, bud_span("datacontenttype"), type);
	}
	r = write_data(writer);
	if (r < 0)
		return r;
	if (out->at[out->len - 1] == ',')
		out->len--;
	bud_buffer_byte(out, '}');
	return 0;
}

int bud_binary_write(
	const struct bud_binary *binary, struct bud_buffer *out, struct bud_error *error)
{
	struct writer writer;
	size_t before = out->len;
	int r;

	if (binary->body.len > BUD_EVENT_BYTES_MAX)
		return fail_too_long(error);
	writer.binary = binary;
	writer.out = out;
	writer.error = error;
	writer.names_n = 0;
	r = write_event(&writer);
	if (r == 0 && out->len - before > BUD_EVENT_BYTES_MAX)
		r = fail_too_long(error);
	if (r < 0) {
		out->len = before;
		if (out->at)
			out->at[before] = '\0';
	}
	return r;
}
