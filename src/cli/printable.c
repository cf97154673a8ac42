/* Printable text. A replaced sequence keeps its length, so that nothing has to move. */
#include "cli/printable.h"

static bool is_control(const char *at, size_t len)
{
	unsigned char first = (unsigned char)at[0];
	/* U+0080 to U+009F, which some terminals take for ESC and a letter. */
	bool is_c1 = len == 2 && first == 0xc2 && (unsigned char)at[1] < 0xa0;

	return first < 0x20 || first == 0x7f || is_c1;
}

void bud_printable_make_from(struct bud_buffer *text, size_t from)
{
	while (from < text->len) {
		size_t len = bud_utf8_sequence_len(text->at + from, text->len - from);

		if (len == 0 || is_control(text->at + from, len)) {
			len = len ? len : 1;
			memset(text->at + from, '?', len);
		}
		from += len;
	}
}

void bud_printable_make(struct bud_buffer *text)
{
	bud_printable_make_from(text, 0);
}
