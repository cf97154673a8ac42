/* A file of the configuration, read whole. */
#include "core/file.h"

#include <errno.h>
#include <stdio.h>

#include "core/text.h"

#define PIECE_BYTES (64u << 10)

int bud_file_read(const char *path, size_t bytes_max, struct bud_buffer *out)
{
	FILE *file = fopen(path, "rbe");
	size_t left = bytes_max + 1;
	size_t got = 1;
	int r = 0;

	if (!file)
		return -errno;
	errno = 0;
	while (got > 0 && left > 0) {
		size_t want = left < PIECE_BYTES ? left : PIECE_BYTES;
		got = fread(bud_buffer_reserve(out, want), 1, want, file);
		out->len += got;
		left -= got;
	}
	if (ferror(file))
		r = errno ? -errno : -EIO;
	(void)fclose(file);
	return r;
}
