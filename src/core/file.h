/* A file of the configuration, read whole. */
#pragma once
#include <stddef.h>
#include "core/alloc.h"

struct bud_buffer; /* core/text.h */

/* Appends what the file holds, but no more than `bytes_max` and one byte: the one more tells the
 * caller that it is too long. Negative: the errno; part of it may have been appended. */
BUD_MUST_CHECK int bud_file_read(const char *path, size_t bytes_max, struct bud_buffer *out);
