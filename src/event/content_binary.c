/* Binary content. JSON data is the body where it stands; text without escapes, too. What else is
 * written goes into one buffer, lines first, and gets its pointers when the buffer is full. */
#include "event/content_binary.h"

#include <stdint.h>

#include "core/alloc.h"
#include "core/limits.h"
#include "event/content.h"
#include "event/event.h"
#include "event/json.h"
#include "event/media_type.h"

#define TYPE_NAME "Content-Type: "

/* Percent-encoded are space, quote, percent and what is not visible ASCII (3.1.3.2). */
static bool is_plain(unsigned char c)
{
	return c > 0x20 && c < 0x7f && c != '"' && c != '%';
}

static void write_value(struct bud_span value, struct bud_buffer *out)
{
	static const char digits[] = "0123456789ABCDEF";
	char *to = bud_buffer_reserve(out, 3 * value.len);
	char *from = to;

	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.at[i];
		if (is_plain(c)) {
			*to++ = (char)c;
			continue;
		}
		*to++ = '%';
		*to++ = digits[c >> 4];
		*to++ = digits[c & 15];
	}
	out->len += (size_t)(to - from);
}

/* Each ends with a NUL; returns how many. 0: too long, or something that no header has. */
static size_t write_lines(
	const struct bud_event *event, struct bud_span type, struct bud_buffer *out)
{
	size_t n = 1;

	bud_buffer_text(out, TYPE_NAME);
	bud_buffer_span(out, type);
	bud_buffer_byte(out, '\0');
	for (size_t i = 0; i < event->attributes_n; i++) {
		const struct bud_attribute *attribute = &event->attributes[i];

		if (bud_span_is(attribute->name, "datacontenttype"))
			continue;
		/* The length is looked at before the value is written three times as long. */
		if (bud_attribute_check_name(attribute->name, NULL) < 0 ||
			attribute->value.len == 0 ||
			out->len + attribute->name.len + attribute->value.len > BUD_BINARY_HEAD_MAX)
			return 0;
		bud_buffer_text(out, "ce-");
		bud_buffer_span(out, attribute->name);
		bud_buffer_text(out, ": ");
		write_value(attribute->value, out);
		bud_buffer_byte(out, '\0');
		n++;
	}
	return out->len <= BUD_BINARY_HEAD_MAX ? n : 0;
}

static int six_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* The full scan has checked the text; what a store damaged is told, not read. */
static bool write_decoded(struct bud_span base64, struct bud_buffer *out)
{
	uint32_t bits = 0;
	unsigned bits_n = 0;
	size_t len = base64.len;
	char *to = bud_buffer_reserve(out, len / 4 * 3 + 3);
	char *from = to;

	while (len > 0 && base64.at[len - 1] == '=')
		len--;
	for (size_t i = 0; i < len; i++) {
		int six = six_of(base64.at[i]);

		if (six < 0)
			return false;
		bits = bits << 6 | (uint32_t)six;
		bits_n += 6;
		if (bits_n >= 8) {
			bits_n -= 8;
			*to++ = (char)(bits >> bits_n);
			bits &= (1u << bits_n) - 1;
		}
	}
	out->len += (size_t)(to - from);
	return true;
}

static bool is_ascii(struct bud_span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.at[i] & 0x80)
			return false;
	return true;
}

/* Where the body is; at == NULL: behind the lines in the buffer. */
static bool find_body(
	const struct bud_event *event, bool is_json, struct bud_buffer *out, struct bud_span *body)
{
	struct bud_span data = event->data;

	*body = (struct bud_span){0};
	if (event->data_kind == BUD_DATA_KIND_BASE64)
		return write_decoded(data, out);
	if (is_json) {
		*body = data;
		return true;
	}
	if (data.len < 2 || data.at[0] != '"')
		return false;
	data = (struct bud_span){data.at + 1, data.len - 2};
	if (data.len > 0 && memchr(data.at, '\\', data.len))
		bud_json_unescape(data, out);
	else
		*body = data;
	return true;
}

static bool choose_type(
	const struct bud_event *event, struct bud_span *out_type, struct bud_media_type *out_parsed)
{
	bool is_base64 = event->data_kind == BUD_DATA_KIND_BASE64;
	struct bud_span type = bud_span_trim(event->datacontenttype);

	if (event->data_kind == BUD_DATA_KIND_NONE || (is_base64 && type.len == 0))
		return false;
	if (type.len == 0)
		type = bud_span("application/json"); /* JSON format, 3.1 */
	for (size_t i = 0; i < type.len; i++)
		if (type.at[i] < 0x20 || type.at[i] > 0x7e)
			return false;
	if (!bud_media_type_parse(type, out_parsed) ||
		bud_span_starts_nocase(type, "application/cloudevents"))
		return false;
	*out_type = type;
	/* The bytes of data_base64 are what they are, in any charset. */
	return is_base64 || bud_media_type_is_utf8(out_parsed);
}

/* The number of lines; 0: binary mode cannot carry it. */
static size_t write(struct bud_content *content, const struct bud_event *event)
{
	struct bud_buffer *text = &content->text;
	struct bud_media_type parsed;
	struct bud_span type;
	size_t head_len, n;

	if (!choose_type(event, &type, &parsed))
		return 0;
	n = write_lines(event, type, text);
	if (n == 0)
		return 0;
	head_len = text->len;
	if (!find_body(event, bud_media_type_is_json(&parsed), text, &content->body))
		return 0;
	if (!content->body.at)
		content->body = (struct bud_span){text->at + head_len, text->len - head_len};
	if (content->body.len == 0 ||
		(event->data_kind != BUD_DATA_KIND_BASE64 &&
			bud_span_is_nocase(parsed.charset, "us-ascii") && !is_ascii(content->body)))
		return 0;
	return n;
}

static void point_to_lines(struct bud_content *content, size_t n)
{
	const char *line = content->text.at;

	content->table = bud_alloc(n * sizeof(*content->table));
	for (size_t i = 0; i < n; i++) {
		content->table[i] = line;
		line += strlen(line) + 1;
	}
	content->lines = content->table;
	content->lines_n = n;
	content->type = bud_span(content->lines[0] + strlen(TYPE_NAME));
}

bool bud_content_binary_write(struct bud_content *content, const struct bud_event *event)
{
	size_t n = write(content, event);

	if (n == 0) {
		bud_content_finish(content);
		return false;
	}
	content->mode = BUD_CONTENT_BINARY;
	point_to_lines(content, n);
	return true;
}
