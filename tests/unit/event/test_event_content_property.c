/* Random events: what we write in binary mode and read back has the same attributes and the same
 * payload, byte for byte; a head is never longer than its limit and has no byte that no header has.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "core/limits.h"
#include "event/binary.h"
#include "event/content.h"
#include "event/envelope.h"
#include "event/event.h"
#include "event/json.h"
#include "event/media_type.h"

static unsigned seed = 11;
static struct bud_envelope before, after;

static size_t below(size_t n)
{
	return (size_t)rand_r(&seed) % n;
}

static const char *const types[] = {"application/json", "application/vnd.a+json;charset=utf-8",
	"text/plain", "text/xml; charset=\\\"utf-8\\\"", "image/png", "application/xml",
	"application/octet-stream", "text/plain;charset=us-ascii", "text/plain;charset=latin1",
	"application/cloudevents+json"};
static const char *const texts[] = {"a", "%", "\\\"", "\\\\", " ", "\xc3\xa9", "\xf0\x9f\x98\x80",
	"\\u20ac", "%41", "\\ud83d\\ude00", "/", "~", "\\/", ":", "0123456789abcdef"};
static const char *const values[] = {"null", "{}", "[1, 2.50]", "-0", "1e400", "true",
	"{\"a\":{\"b\":\"\\\"}\"}}", "\"\"", "\"\\u0000x\"", " \"blanks\" "};
static const char *const base64s[] = {"", "AA==", "AAE=", "AAEC", "/+/7", "e30=", "\\u0041AEC"};

static void write_text(struct bud_buffer *out)
{
	bud_buffer_byte(out, '"');
	for (size_t n = below(8); n > 0; n--)
		bud_buffer_text(out, texts[below(sizeof(texts) / sizeof(*texts))]);
	bud_buffer_byte(out, '"');
}

static void write_event(struct bud_buffer *out)
{
	size_t data = below(8);

	bud_buffer_text(
		out, "{\"specversion\":\"1.0\",\"source\":\"/s%20\",\"type\":\"t\",\"id\":\"");
	bud_buffer_text(out, texts[below(sizeof(texts) / sizeof(*texts))]);
	bud_buffer_byte(out, '"');
	for (size_t n = below(6); n > 0; n--) {
		bud_buffer_format(out, ",\"e%zu\":", n);
		if (below(4) == 0)
			bud_buffer_text(out, below(2) ? "true" : "-17");
		else
			write_text(out);
	}
	if (below(4))
		bud_buffer_format(out, ",\"datacontenttype\":\"%s\"",
			types[below(sizeof(types) / sizeof(*types))]);
	if (data < 3) {
		bud_buffer_text(out, ",\"data\":");
		write_text(out);
	} else if (data < 5) {
		bud_buffer_format(
			out, ",\"data\":%s", values[below(sizeof(values) / sizeof(*values))]);
	} else if (data < 7) {
		bud_buffer_format(out, ",\"data_base64\":\"%s\"",
			base64s[below(sizeof(base64s) / sizeof(*base64s))]);
	}
	bud_buffer_byte(out, '}');
}

static void decode(struct bud_span base64, struct bud_buffer *out)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i + 3 < base64.len; i += 4) {
		unsigned four = 0;
		int bytes = 3;
		for (size_t k = 0; k < 4; k++) {
			const char *letter = strchr(letters, base64.at[i + k]);
			four = four << 6 | (letter ? (unsigned)(letter - letters) : 0);
			bytes -= base64.at[i + k] == '=';
		}
		for (int k = 0; k < bytes; k++)
			bud_buffer_byte(out, (char)(four >> (16 - 8 * k)));
	}
}

static bool has_json_type(const struct bud_envelope *envelope)
{
	struct bud_media_type type;

	return !envelope->datacontenttype.at ||
	       (bud_media_type_parse(envelope->datacontenttype, &type) &&
		       bud_media_type_is_json(&type));
}

/* The bytes that `data` stands for. */
static void write_payload(const struct bud_envelope *envelope, struct bud_buffer *out)
{
	if (envelope->data_kind == BUD_DATA_KIND_BASE64)
		decode(envelope->data, out);
	else if (has_json_type(envelope))
		bud_buffer_span(out, envelope->data);
	else
		bud_json_unescape(
			(struct bud_span){envelope->data.at + 1, envelope->data.len - 2}, out);
}

static size_t read_lines(const struct bud_content *content, struct bud_header *headers)
{
	size_t bytes = 0;

	for (size_t i = 0; i < content->lines_n; i++) {
		const char *line = content->lines[i];
		const char *colon = strstr(line, ": ");
		assert_non_null(colon);
		bytes += strlen(line) + 1;
		for (const char *c = line; *c; c++)
			assert_in_range(*c, 0x20, 0x7e);
		headers[i] =
			(struct bud_header){{line, (size_t)(colon - line)}, bud_span(colon + 2)};
		assert_true(headers[i].value.len > 0);
	}
	assert_in_range(bytes, 1, BUD_BINARY_HEAD_MAX);
	return content->lines_n;
}

static void assert_same(void)
{
	bud_auto(buffer) struct bud_buffer one = {0};
	bud_auto(buffer) struct bud_buffer two = {0};

	for (size_t i = 0; i < before.attributes_n; i++) {
		const struct bud_attribute *other =
			bud_envelope_find(&after, before.attributes[i].name);
		assert_non_null(other);
		assert_true(bud_span_equals(before.attributes[i].value, other->value));
	}
	assert_int_equal(
		after.attributes_n, before.attributes_n + (before.datacontenttype.at ? 0 : 1));
	write_payload(&before, &one);
	write_payload(&after, &two);
	assert_true(bud_span_equals(bud_buffer_as_span(&one), bud_buffer_as_span(&two)));
}

/* 1 when it went in binary mode and came back. */
static size_t check(struct bud_span json)
{
	struct bud_event *event = bud_event_create(bud_span("local"), json);
	struct bud_header headers[BUD_ATTRIBUTES_MAX + 1];
	bud_auto(buffer) struct bud_buffer back = {0};
	struct bud_content content;
	struct bud_binary binary = {.headers = headers};
	size_t is_back = 0;

	bud_content_init(&content, event, BUD_CONTENT_BINARY);
	if (content.mode == BUD_CONTENT_BINARY) {
		binary.headers_n = read_lines(&content, headers);
		binary.content_type = content.type;
		binary.body = content.body;
		is_back = bud_binary_write(&binary, &back, NULL) == 0;
		/* JSON given as base64 need not be any. */
		assert_true(is_back || event->data_kind == BUD_DATA_KIND_BASE64);
	}
	if (is_back) {
		assert_int_equal(bud_envelope_scan(&after, bud_buffer_as_span(&back), NULL), 0);
		assert_same();
	}
	bud_content_finish(&content);
	bud_event_unref(event);
	return is_back;
}

static void test_binary_comes_back(void **state)
{
	size_t accepted = 0, back = 0;

	(void)state;
	bud_envelope_init(&before);
	bud_envelope_init(&after);
	for (int round = 0; round < 40000; round++) {
		bud_auto(buffer) struct bud_buffer text = {0};
		write_event(&text);
		if (bud_envelope_scan(&before, bud_buffer_as_span(&text), NULL) < 0)
			continue; /* a number where a string must be, say */
		accepted++;
		back += check(before.json);
	}
	bud_envelope_finish(&before);
	bud_envelope_finish(&after);
	/* Both were seen often. */
	assert_in_range(accepted, 20000, 40000);
	assert_in_range(back, 5000, accepted - 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_binary_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
