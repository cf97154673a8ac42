/* Percent-decoding: one round, strict. */
#include "http/percent.h"

#include <errno.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

/* Decodes into `to`, which has room for all; the length, or -EINVAL. */
static long decode(struct bud_span span, bool plus_is_space, char *to)
{
	size_t len = 0;

	for (size_t i = 0; i < span.len; i++) {
		char c = span.at[i];
		if (c == '%') {
			int high = i + 2 < span.len ? hex_digit(span.at[i + 1]) : -1;
			int low = i + 2 < span.len ? hex_digit(span.at[i + 2]) : -1;
			if (high < 0 || low < 0)
				return -EINVAL;
			c = (char)(high * 16 + low);
			i += 2;
		} else if (c == '+' && plus_is_space) {
			c = ' ';
		}
		if ((unsigned char)c < 0x20 || c == 0x7f)
			return -EINVAL;
		to[len++] = c;
	}
	return (long)len;
}

int bud_percent_decode(struct bud_span span, bool plus_is_space, struct bud_buffer *out)
{
	char *to = bud_buffer_reserve(out, span.len);
	long len = decode(span, plus_is_space, to);

	if (len < 0 || !bud_utf8_is_valid(to, (size_t)len)) {
		*to = '\0';
		return -EINVAL;
	}
	out->len += (size_t)len;
	out->at[out->len] = '\0';
	return 0;
}
