/* Random changes to JSON. */
#pragma once
#include <stdlib.h>
#include <string.h>
#include "core/alloc.h"

/* Changes, drops or doubles a few bytes, mostly ones that mean something in JSON. */
static inline void mutate(struct bud_buffer *text, unsigned *seed)
{
	static const char bytes[] =
		"{}[]:,\"\\/u0159dDcC8eE+-.tfn \n\x01\x80\xc3\xa5\xed\xa0\xf0\x9f";

	for (int n = 1 + rand_r(seed) % 3; n > 0 && text->len > 0; n--) {
		size_t at = (size_t)rand_r(seed) % text->len;
		char byte = bytes[(size_t)rand_r(seed) % (sizeof(bytes) - 1)];

		switch (rand_r(seed) % 3) {
		case 0:
			text->at[at] = byte;
			break;
		case 1:
			memmove(text->at + at, text->at + at + 1, text->len - at - 1);
			text->len--;
			break;
		default:
			bud_buffer_byte(text, ' ');
			memmove(text->at + at + 1, text->at + at, text->len - at - 1);
			text->at[at] = byte;
		}
	}
}
