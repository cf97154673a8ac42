/* Percent-decoding of path segments and query parameters. */
#pragma once
#include "core/text.h"

/* Appends `span` decoded to `out`. -EINVAL, with `out` as before: a bad escape, or the result has a
 * control character or is not UTF-8. */
int bud_percent_decode(struct bud_span span, bool plus_is_space, struct bud_buffer *out);
