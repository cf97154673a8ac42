/* Base64 in the standard alphabet (RFC 4648 section 4), as signatures and secrets are written. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "core/alloc.h"
#include "core/text.h"

/* Characters for `bytes` bytes, padded, without a NUL. */
#define BUD_BASE64_LEN(bytes) (((bytes) + 2) / 3 * 4)
/* The most bytes that `chars` characters can stand for. */
#define BUD_BASE64_DECODED_MAX(chars) ((chars) / 4 * 3 + 3)

/* Writes BUD_BASE64_LEN(len) characters, no NUL, and returns how many. */
size_t bud_base64_encode(const void *bytes, size_t len, char *out);
void bud_base64_write(struct bud_span bytes, struct bud_buffer *out);
/* The same in the URL alphabet and without padding (RFC 4648 section 5), as JOSE writes it; `out`
 * has room for BUD_BASE64_LEN(len) characters. */
size_t bud_base64url_encode(const void *bytes, size_t len, char *out);

enum bud_base64_padding {
	BUD_BASE64_PADDED,   /* "=" must be there */
	BUD_BASE64_UNPADDED, /* "=" may be left out */
};

/* Strict: no spaces, no other alphabet, no bits left over. -EINVAL: not base64; -ENOSPC: does not
 * fit into `room` bytes (and `out` may be half written). */
BUD_MUST_CHECK int bud_base64_decode(struct bud_span text, enum bud_base64_padding padding,
	void *out, size_t room, size_t *out_len);
/* The same in the URL alphabet, where padding is not allowed. */
BUD_MUST_CHECK int bud_base64url_decode(
	struct bud_span text, void *out, size_t room, size_t *out_len);
