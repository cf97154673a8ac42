/* Text from outside, made fit for a terminal: no escape sequences, no forged lines. */
#pragma once
#include "core/text.h"

/* Replaces each control character (C0, DEL, C1) and each byte that is not UTF-8 by "?", in place.
 */
void bud_printable_make(struct bud_buffer *text);
/* The same for what stands in the buffer from `from` on. */
void bud_printable_make_from(struct bud_buffer *text, size_t from);
