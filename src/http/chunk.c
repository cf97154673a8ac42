/* Chunked bodies: what stands between the data must be printable text and CR LF in pairs, and such
 * a pair must end the data itself: http_parser takes any two bytes there, and who reads them
 * otherwise in front of us would see another request. */
#include "http/chunk.h"

#include <string.h>

static void judge(struct bud_chunks *chunks, const char *end)
{
	for (const char *at = chunks->from; at < end; at++) {
		unsigned char c = (unsigned char)*at;
		size_t behind = chunks->framing + (size_t)(at - chunks->from);
		if (chunks->has_data && behind < 2 && c != "\r\n"[behind])
			chunks->bad = true;
		if ((c == '\n') != (chunks->last == '\r'))
			chunks->bad = true;
		if ((c < 0x20 && c != '\t' && c != '\r' && c != '\n') || c >= 0x7f)
			chunks->bad = true;
		chunks->last = *at;
	}
	chunks->framing += (size_t)(end - chunks->from);
	if (chunks->framing > BUD_CHUNK_FRAMING_BYTES_MAX)
		chunks->bad = true;
	chunks->from = end;
}

bool bud_chunks_take(struct bud_chunks *chunks, const char *at, size_t len)
{
	judge(chunks, at);
	if (!chunks->bad && len > chunks->len_max - chunks->len)
		chunks->too_large = true;
	if (chunks->bad || chunks->too_large)
		return false;
	memmove(chunks->to + chunks->len, at, len);
	chunks->len += len;
	chunks->has_data = true;
	chunks->from = at + len;
	chunks->framing = 0;
	chunks->last = '\0';
	return true;
}

void bud_chunks_end(struct bud_chunks *chunks, const char *end)
{
	judge(chunks, end);
}
