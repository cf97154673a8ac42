/* An event made on the command line: its JSON form, and the form of binary mode. Pure. */
#pragma once
#include <stdint.h>
#include "core/alloc.h"
#include "core/text.h"

struct bud_envelope; /* event/envelope.h */
struct bud_error;    /* core/error.h */

/* All borrowed, from a command line: not checked yet. */
struct bud_new_event {
	const char *id;
	const char *source;
	const char *type;
	const char *subject; /* NULL: none */
	const char *data;    /* JSON; NULL: none */
	int64_t wall_ms;
};

/* Appends the event in the JSON format. -EINVAL as bud_envelope_scan(), or when a value is not
 * UTF-8; then `out` is as it was. */
BUD_MUST_CHECK int bud_new_event_write(
	const struct bud_new_event *event, struct bud_buffer *out, struct bud_error *error);

/* The same event as an HTTP message in binary mode (HTTP binding 3.1). Starts as {0}. */
struct bud_binary_form {
	char **headers; /* "ce-id: 1", as libcurl takes them; owned */
	size_t headers_n;
	struct bud_buffer body;
};

/* `envelope` was accepted by bud_envelope_scan(). -EINVAL: binary mode cannot carry it. */
BUD_MUST_CHECK int bud_binary_form_make(const struct bud_envelope *envelope,
	struct bud_binary_form *out_form, struct bud_error *error);
void bud_binary_form_finish(struct bud_binary_form *form);
void bud_binary_form_auto(struct bud_binary_form *form);
