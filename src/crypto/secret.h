/* A signing secret of Standard Webhooks: 24 to 64 bytes, written `whsec_` and base64. */
#pragma once
#include <stddef.h>
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"

#define BUD_SECRET_BYTES_MIN  24
#define BUD_SECRET_BYTES_MAX  64
#define BUD_SECRET_BYTES_MADE 32
/* The longest text form, with its NUL. */
#define BUD_SECRET_TEXT_BYTES 95

/* The decoded bytes are the key. Held by value; bud_secret_finish() before its memory goes. */
struct bud_secret {
	unsigned char bytes[BUD_SECRET_BYTES_MAX];
	size_t len;
};

/* Accepts base64 without its padding. -EINVAL: `error` (may be NULL) says what is right and never
 * quotes the text. */
BUD_MUST_CHECK int bud_secret_parse(
	struct bud_span text, struct bud_secret *out_secret, struct bud_error *error);
/* Makes a new one from the kernel's random bytes. */
void bud_secret_generate(struct bud_secret *out_secret);
/* Appends the text form, padded. The caller keeps the buffer from logs and answers. */
void bud_secret_write(const struct bud_secret *secret, struct bud_buffer *out);
/* Overwrites it. */
void bud_secret_finish(struct bud_secret *secret);
void bud_secret_auto(struct bud_secret *secret);
