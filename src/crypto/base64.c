/* Base64. Characters are mapped by arithmetic: secrets pass here, and looking them up in a table
 * would leave their traces in the cache. */
#include "crypto/base64.h"

#include <errno.h>
#include <stdint.h>

/* `six` < 64. Each term is added when `six` lies above the end of a range of the alphabet. */
static char to_char(uint32_t six)
{
	uint32_t c = 'A' + six;

	c += (25 - six) >> 8 & ('a' - 'Z' - 1);
	c -= (51 - six) >> 8 & ('z' + 1 - '0');
	c -= (61 - six) >> 8 & ('9' + 1 - '+');
	c += (62 - six) >> 8 & ('/' - '+' - 1);
	return (char)c;
}

/* All ones when low <= c <= high, else 0. */
static uint32_t in_range(uint32_t c, uint32_t low, uint32_t high)
{
	return (((c - low) | (high - c)) >> 31) - 1;
}

/* 0 to 63, or above when `c` is not of the alphabet. */
static uint32_t to_six(char character)
{
	uint32_t c = (unsigned char)character;
	uint32_t six = 0;
	uint32_t known = 0;

	six |= in_range(c, 'A', 'Z') & (c - 'A');
	six |= in_range(c, 'a', 'z') & (c - 'a' + 26);
	six |= in_range(c, '0', '9') & (c - '0' + 52);
	six |= in_range(c, '+', '+') & 62;
	six |= in_range(c, '/', '/') & 63;
	known |= in_range(c, 'A', 'Z') | in_range(c, 'a', 'z') | in_range(c, '0', '9');
	known |= in_range(c, '+', '+') | in_range(c, '/', '/');
	return six | (~known & 64);
}

size_t bud_base64_encode(const void *bytes, size_t len, char *out)
{
	const unsigned char *from = bytes;
	char *to = out;

	for (; len >= 3; len -= 3, from += 3) {
		uint32_t three = (uint32_t)from[0] << 16 | (uint32_t)from[1] << 8 | from[2];
		*to++ = to_char(three >> 18);
		*to++ = to_char(three >> 12 & 63);
		*to++ = to_char(three >> 6 & 63);
		*to++ = to_char(three & 63);
	}
	if (len > 0) {
		uint32_t rest = (uint32_t)from[0] << 16 | (len == 2 ? (uint32_t)from[1] << 8 : 0);
		*to++ = to_char(rest >> 18);
		*to++ = to_char(rest >> 12 & 63);
		*to++ = len == 2 ? to_char(rest >> 6 & 63) : '=';
		*to++ = '=';
	}
	return (size_t)(to - out);
}

size_t bud_base64url_encode(const void *bytes, size_t len, char *out)
{
	size_t n = bud_base64_encode(bytes, len, out);

	while (n > 0 && out[n - 1] == '=')
		n--;
	for (size_t i = 0; i < n; i++)
		out[i] = (char)(out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i]);
	return n;
}

void bud_base64_write(struct bud_span bytes, struct bud_buffer *out)
{
	char *to = bud_buffer_reserve(out, BUD_BASE64_LEN(bytes.len));

	out->len += bud_base64_encode(bytes.at, bytes.len, to);
	out->at[out->len] = '\0';
}

/* A character of the URL alphabet in the standard one; what is only of that becomes none. */
static char from_url(char character)
{
	uint32_t c = (unsigned char)character;
	uint32_t out = c;

	out ^= in_range(c, '-', '-') & ('-' ^ '+');
	out ^= in_range(c, '_', '_') & ('_' ^ '/');
	out ^= in_range(c, '+', '+') & ('+' ^ '=');
	out ^= in_range(c, '/', '/') & ('/' ^ '=');
	return (char)out;
}

/* Takes the padding off; -EINVAL when its length is wrong. */
static int strip_padding(struct bud_span *text, enum bud_base64_padding padding)
{
	size_t n = 0;

	while (n < 2 && n < text->len && text->at[text->len - 1 - n] == '=')
		n++;
	text->len -= n;
	if (text->len % 4 == 1)
		return -EINVAL;
	if (n == 0 && padding == BUD_BASE64_UNPADDED)
		return 0;
	return (text->len + n) % 4 == 0 ? 0 : -EINVAL;
}

/* `text` without its padding. */
static int decode(struct bud_span text, bool is_url, void *out, size_t room, size_t *out_len)
{
	unsigned char *to = out;
	uint32_t bits = 0;
	uint32_t wrong = 0;
	size_t bits_n = 0;
	size_t len = 0;

	if (text.len / 4 * 3 + text.len % 4 * 3 / 4 > room)
		return -ENOSPC;
	for (size_t i = 0; i < text.len; i++) {
		uint32_t six = to_six(is_url ? from_url(text.at[i]) : text.at[i]);
		wrong |= six & 64;
		bits = bits << 6 | (six & 63);
		bits_n += 6;
		if (bits_n < 8)
			continue;
		bits_n -= 8;
		to[len++] = (unsigned char)(bits >> bits_n);
		bits &= (1u << bits_n) - 1;
	}
	if (wrong || bits)
		return -EINVAL;
	*out_len = len;
	return 0;
}

int bud_base64_decode(struct bud_span text, enum bud_base64_padding padding, void *out, size_t room,
	size_t *out_len)
{
	if (strip_padding(&text, padding) < 0)
		return -EINVAL;
	return decode(text, false, out, room, out_len);
}

int bud_base64url_decode(struct bud_span text, void *out, size_t room, size_t *out_len)
{
	if (text.len % 4 == 1)
		return -EINVAL;
	return decode(text, true, out, room, out_len);
}
