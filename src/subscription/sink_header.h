/* A sink header: a field that the subscriber wants in every push, `protocolsettings.headers`. */
#pragma once
#include <stddef.h>
#include "core/alloc.h"
#include "core/error.h"

struct json_t; /* jansson */

struct bud_sink_header {
	char *name;
	char *value;
};

/* From an object of texts. -EINVAL: a name that is ours to set or no field name, a name twice in
 * any case, a value that is empty or has other than visible ASCII and blanks inside, too many, too
 * long (core/limits.h). The caller destroys the array; NULL when there are none. */
BUD_MUST_CHECK int bud_sink_headers_parse(const struct json_t *headers,
	struct bud_sink_header **out_headers, size_t *out_n, struct bud_error *error);
/* The same from all of `protocolsettings`; -EINVAL also for a member that is not known, and for a
 * method other than POST. */
BUD_MUST_CHECK int bud_sink_settings_parse(const struct json_t *settings,
	struct bud_sink_header **out_headers, size_t *out_n, struct bud_error *error);
/* The name of the first one that a signature by RFC 9421 has for itself: a receiver joins two of a
 * name, and then nothing fits. NULL: there is none. */
const char *bud_sink_headers_signature_field(const struct bud_sink_header *headers, size_t n);
void bud_sink_headers_destroy(struct bud_sink_header *headers, size_t n);
