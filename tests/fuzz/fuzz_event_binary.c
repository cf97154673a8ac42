/* A message in binary mode, written as lines "name:value", an empty line and the body: what comes
 * out is one JSON value, and no header and no body smuggles a member into it. */
#include <stdint.h>
#include <stdlib.h>

#include "core/limits.h"
#include "event/binary.h"
#include "event/envelope.h"
#include "event/json.h"

#define HEADERS_MAX 80

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* Takes a line off the front. */
static struct bud_span cut_line(struct bud_span *text)
{
	const char *end = text->len > 0 ? memchr(text->at, '\n', text->len) : NULL;
	struct bud_span line = {text->at, end ? (size_t)(end - text->at) : text->len};
	size_t taken = line.len + (end != NULL);

	text->at += taken;
	text->len -= taken;
	return line;
}

static void read_message(struct bud_span text, struct bud_header *headers, struct bud_binary *out)
{
	*out = (struct bud_binary){.headers = headers};
	while (text.len > 0 && out->headers_n < HEADERS_MAX) {
		struct bud_span line = cut_line(&text);
		const char *colon = line.len > 0 ? memchr(line.at, ':', line.len) : NULL;
		struct bud_header header;

		if (!colon)
			break;
		header.name = (struct bud_span){line.at, (size_t)(colon - line.at)};
		header.value = (struct bud_span){colon + 1, line.len - header.name.len - 1};
		if (bud_span_is_nocase(header.name, "content-type"))
			out->content_type = header.value;
		headers[out->headers_n++] = header;
	}
	out->body = text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bud_header headers[HEADERS_MAX];
	struct bud_binary binary;
	struct bud_envelope envelope;
	struct bud_buffer json = {0};
	struct bud_error error = {0};
	const char *wrong;
	size_t expected = 0;

	read_message((struct bud_span){(const char *)data, size}, headers, &binary);
	if (bud_binary_write(&binary, &json, &error) < 0) {
		must(json.len == 0 && error.text[0] != '\0');
		bud_buffer_finish(&json);
		return 0;
	}
	must(bud_json_is_valid(bud_buffer_as_span(&json), BUD_JSON_DEPTH_MAX, &wrong));
	bud_envelope_init(&envelope);
	if (bud_envelope_scan(&envelope, bud_buffer_as_span(&json), NULL) == 0) {
		for (size_t i = 0; i < binary.headers_n; i++)
			expected += bud_span_starts_nocase(headers[i].name, "ce-");
		expected += bud_span_trim(binary.content_type).len > 0;
		must(envelope.attributes_n == expected);
		must((envelope.data_kind == BUD_DATA_KIND_NONE) == (binary.body.len == 0));
	}
	bud_envelope_finish(&envelope);
	bud_buffer_finish(&json);
	return 0;
}
