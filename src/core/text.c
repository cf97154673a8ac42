/* Text: spans and buffers. */
#include "core/text.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "core/alloc.h"

bool bud_span_is_nocase(struct bud_span span, const char *text)
{
	return span.len == strlen(text) && strncasecmp(span.at, text, span.len) == 0;
}

bool bud_span_starts(struct bud_span span, struct bud_span prefix)
{
	return span.len >= prefix.len && memcmp(span.at, prefix.at, prefix.len) == 0;
}

bool bud_span_starts_nocase(struct bud_span span, const char *prefix)
{
	size_t len = strlen(prefix);

	return span.len >= len && strncasecmp(span.at, prefix, len) == 0;
}

bool bud_span_ends(struct bud_span span, struct bud_span suffix)
{
	return span.len >= suffix.len &&
	       memcmp(span.at + span.len - suffix.len, suffix.at, suffix.len) == 0;
}

struct bud_span bud_span_take_until(struct bud_span *rest, char c)
{
	const char *found = rest->len ? memchr(rest->at, c, rest->len) : NULL;
	size_t len = found ? (size_t)(found - rest->at) : rest->len;
	struct bud_span taken = {rest->at, len};

	rest->at += len + (found ? 1 : 0);
	rest->len -= len + (found ? 1 : 0);
	return taken;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct bud_span bud_span_trim(struct bud_span span)
{
	while (span.len > 0 && is_blank(span.at[0])) {
		span.at++;
		span.len--;
	}
	while (span.len > 0 && is_blank(span.at[span.len - 1]))
		span.len--;
	return span;
}

bool bud_span_number(struct bud_span span, uint64_t max, uint64_t *out_number)
{
	uint64_t number = 0;

	if (span.len == 0 || span.len > 20)
		return false;
	for (size_t i = 0; i < span.len; i++) {
		uint64_t digit = (uint64_t)(unsigned char)span.at[i] - '0';
		if (digit > 9 || number > (UINT64_MAX - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	if (number > max)
		return false;
	*out_number = number;
	return true;
}

char *bud_buffer_reserve(struct bud_buffer *buffer, size_t len)
{
	size_t need = buffer->len + len + 1;

	if (need > buffer->room) {
		size_t room = buffer->room ? buffer->room * 2 : 64;
		buffer->room = room < need ? need : room;
		buffer->at = bud_realloc(buffer->at, buffer->room);
	}
	return buffer->at + buffer->len;
}

void bud_buffer_add(struct bud_buffer *buffer, const void *bytes, size_t len)
{
	char *to = bud_buffer_reserve(buffer, len);

	if (len > 0)
		memcpy(to, bytes, len);
	buffer->len += len;
	buffer->at[buffer->len] = '\0';
}

void bud_buffer_text(struct bud_buffer *buffer, const char *text)
{
	bud_buffer_add(buffer, text, strlen(text));
}

void bud_buffer_span(struct bud_buffer *buffer, struct bud_span span)
{
	bud_buffer_add(buffer, span.at, span.len);
}

void bud_buffer_byte(struct bud_buffer *buffer, char byte)
{
	bud_buffer_add(buffer, &byte, 1);
}

void bud_buffer_format(struct bud_buffer *buffer, const char *format, ...)
{
	va_list args;
	va_list again;
	int len;

	va_start(args, format);
	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	vsnprintf(bud_buffer_reserve(buffer, (size_t)len), (size_t)len + 1, format, again);
	va_end(again);
	buffer->len += (size_t)len;
}

void bud_buffer_json(struct bud_buffer *buffer, struct bud_span span)
{
	size_t from = 0;

	bud_buffer_byte(buffer, '"');
	for (size_t i = 0; i < span.len; i++) {
		unsigned char c = (unsigned char)span.at[i];
		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		bud_buffer_add(buffer, span.at + from, i - from);
		from = i + 1;
		if (c == '"' || c == '\\')
			bud_buffer_format(buffer, "\\%c", c);
		else
			bud_buffer_format(buffer, "\\u%04x", c);
	}
	bud_buffer_add(buffer, span.at + from, span.len - from);
	bud_buffer_byte(buffer, '"');
}

void bud_buffer_member(struct bud_buffer *buffer, const char *name)
{
	assert(buffer->len > 0);
	if (buffer->at[buffer->len - 1] != '{')
		bud_buffer_byte(buffer, ',');
	bud_buffer_format(buffer, "\"%s\":", name);
}

void bud_buffer_member_span(struct bud_buffer *buffer, const char *name, struct bud_span value)
{
	if (value.len == 0)
		return;
	bud_buffer_member(buffer, name);
	bud_buffer_json(buffer, value);
}

void bud_buffer_member_text(struct bud_buffer *buffer, const char *name, const char *value)
{
	if (!value)
		return;
	bud_buffer_member(buffer, name);
	bud_buffer_json(buffer, bud_span(value));
}

void bud_buffer_clear(struct bud_buffer *buffer)
{
	buffer->len = 0;
	if (buffer->at)
		buffer->at[0] = '\0';
}

void bud_buffer_finish(struct bud_buffer *buffer)
{
	free(buffer->at);
	*buffer = (struct bud_buffer){0};
}

void bud_buffer_finish_secret(struct bud_buffer *buffer)
{
	if (buffer->at)
		explicit_bzero(buffer->at, buffer->room);
	bud_buffer_finish(buffer);
}

void bud_buffer_auto(struct bud_buffer *buffer)
{
	bud_buffer_finish(buffer);
}

static bool is_follower(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/* RFC 3629, section 4. */
size_t bud_utf8_sequence_len(const char *bytes, size_t len)
{
	const unsigned char *s = (const unsigned char *)bytes;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	if (s[0] < 0xe0)
		return len >= 2 && is_follower(s[1]) ? 2 : 0;
	if (s[0] < 0xf0) {
		if (len < 3 || !is_follower(s[1]) || !is_follower(s[2]))
			return 0;
		if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f))
			return 0;
		return 3;
	}
	if (len < 4 || !is_follower(s[1]) || !is_follower(s[2]) || !is_follower(s[3]))
		return 0;
	if ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return 4;
}

bool bud_utf8_is_valid(const char *bytes, size_t len)
{
	const unsigned char *s = (const unsigned char *)bytes;

	for (size_t i = 0; i < len;) {
		size_t step;
		uint64_t eight;
		/* Eight ASCII bytes at a time: most text is ASCII. */
		while (i + 8 <= len) {
			memcpy(&eight, s + i, 8);
			if (eight & 0x8080808080808080ULL)
				break;
			i += 8;
		}
		if (i == len)
			break;
		step = bud_utf8_sequence_len(bytes + i, len - i);
		if (step == 0)
			return false;
		i += step;
	}
	return true;
}
