/* The content mode of an HTTP message, which its Content-Type decides (HTTP binding, 3). */
#pragma once
#include "core/text.h"

enum bud_mode {
	BUD_MODE_BINARY,
	BUD_MODE_STRUCTURED,
	BUD_MODE_BATCH,
	/* CloudEvents in a format or charset we do not read: answer 415. */
	BUD_MODE_UNSUPPORTED,
};

/* `content_type` is the field's value, empty when there is none. */
enum bud_mode bud_mode_of(struct bud_span content_type);
