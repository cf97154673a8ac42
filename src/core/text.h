/* Text: a span that points into somebody's bytes, and a buffer that owns and grows its own. */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Borrowed bytes, not NUL-terminated. */
struct bud_span {
	const char *at;
	size_t len;
};

/* A header field as it came. */
struct bud_header {
	struct bud_span name;
	struct bud_span value;
};

/* Owned bytes; `at` is NUL-terminated once anything was written. Starts as {0}. */
struct bud_buffer {
	char *at;
	size_t len;
	size_t room;
};

static inline struct bud_span bud_span(const char *text)
{
	return (struct bud_span){text, strlen(text)};
}

static inline bool bud_span_equals(struct bud_span a, struct bud_span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static inline bool bud_span_is(struct bud_span span, const char *text)
{
	return bud_span_equals(span, bud_span(text));
}

bool bud_span_is_nocase(struct bud_span span, const char *text);
bool bud_span_starts(struct bud_span span, struct bud_span prefix);
bool bud_span_starts_nocase(struct bud_span span, const char *prefix);
bool bud_span_ends(struct bud_span span, struct bud_span suffix);
/* Splits at the first `c`: what is before it is returned, what is after it stays in `rest`; all of
 * it and an empty rest when there is none. */
struct bud_span bud_span_take_until(struct bud_span *rest, char c);
/* Without spaces and tabs at both ends. */
struct bud_span bud_span_trim(struct bud_span span);
/* The whole span as a decimal number without sign; false when it is not one or above `max`. */
bool bud_span_number(struct bud_span span, uint64_t max, uint64_t *out_number);

/* Appends; these never fail (core/alloc.h). */
void bud_buffer_add(struct bud_buffer *buffer, const void *bytes, size_t len);
void bud_buffer_text(struct bud_buffer *buffer, const char *text);
void bud_buffer_span(struct bud_buffer *buffer, struct bud_span span);
void bud_buffer_byte(struct bud_buffer *buffer, char byte);
__attribute__((format(printf, 2, 3))) void bud_buffer_format(
	struct bud_buffer *buffer, const char *format, ...);
/* A JSON string with its quotes. `span` is valid UTF-8. */
void bud_buffer_json(struct bud_buffer *buffer, struct bud_span span);
/* The name of an object's member and its colon, behind a comma unless it is the first. */
void bud_buffer_member(struct bud_buffer *buffer, const char *name);
/* A member that is a text; nothing when it is empty, or NULL. `value` is valid UTF-8. */
void bud_buffer_member_span(struct bud_buffer *buffer, const char *name, struct bud_span value);
void bud_buffer_member_text(struct bud_buffer *buffer, const char *name, const char *value);
/* Makes room for `len` more bytes and returns where they go; the caller adds to `len` itself. */
char *bud_buffer_reserve(struct bud_buffer *buffer, size_t len);
/* Forgets the content, keeps the memory. */
void bud_buffer_clear(struct bud_buffer *buffer);
void bud_buffer_finish(struct bud_buffer *buffer);
/* Overwrites it first; what it left when it grew is not reached: reserve before. */
void bud_buffer_finish_secret(struct bud_buffer *buffer);
void bud_buffer_auto(struct bud_buffer *buffer);

static inline struct bud_span bud_buffer_as_span(const struct bud_buffer *buffer)
{
	return (struct bud_span){buffer->at, buffer->len};
}

/* True when the bytes are well-formed UTF-8 (no overlong forms, no surrogates). */
bool bud_utf8_is_valid(const char *bytes, size_t len);
/* The length of the well-formed sequence that begins at `bytes`, of which `len` >= 1 are there; 0
 * when there is none. */
size_t bud_utf8_sequence_len(const char *bytes, size_t len);
