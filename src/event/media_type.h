/* A media type (RFC 9110, 8.3.1) in its parts, as far as we act on them. */
#pragma once
#include <stdbool.h>
#include "core/alloc.h"
#include "core/text.h"

struct bud_media_type {
	struct bud_span essence; /* type/subtype, in the letters it came in */
	struct bud_span subtype;
	struct bud_span charset; /* without quotes; empty when not given */
};

/* False when `text` is none. Blanks around it are allowed, a charset given twice is not. */
BUD_MUST_CHECK bool bud_media_type_parse(struct bud_span text, struct bud_media_type *out_type);
/* By CloudEvents' JSON format, 3.1: the subtype is json or ends with +json. */
bool bud_media_type_is_json(const struct bud_media_type *type);
/* text/anything, or XML. */
bool bud_media_type_is_text(const struct bud_media_type *type);
/* True when the charset is UTF-8, US-ASCII or not given. */
bool bud_media_type_is_utf8(const struct bud_media_type *type);
