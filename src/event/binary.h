/* Binary mode: an event whose attributes came as ce- headers, turned into the JSON format. */
#pragma once
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"

/* Everything is borrowed. Headers without ce- before their name are passed over. */
struct bud_binary {
	const struct bud_header *headers;
	size_t headers_n;
	struct bud_span content_type; /* empty when there was none */
	struct bud_span body;         /* empty: an event without data */
};

/* Appends the event in the JSON format to `out`; bud_envelope_scan() then has the last word, since
 * only decoding is checked here. A JSON body is placed byte for byte; text becomes a JSON string
 * and everything else base64. On failure `out` is as it was. -EINVAL: `error` names the attribute;
 * -E2BIG: longer than BUD_EVENT_BYTES_MAX. */
BUD_MUST_CHECK int bud_binary_write(
	const struct bud_binary *binary, struct bud_buffer *out, struct bud_error *error);
