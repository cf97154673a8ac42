/* A chunked body taken apart in place: the data moves together, the bytes between are checked,
 * because both parsers accept bare line feeds or anything at all in chunk extensions. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* Sizes, extensions and trailers between two pieces of data. */
#define BUD_CHUNK_FRAMING_BYTES_MAX 1024u

/* Starts as {0} for each body; `from`, `to`, `len` and `len_max` are set
 * for each call of the parser. */
struct bud_chunks {
	const char *from; /* bytes before were judged */
	char *to;         /* where the next data goes, at or before `from` */
	size_t len;       /* data gathered in this call */
	size_t len_max;   /* what still fits */
	size_t framing;   /* bytes since the last data */
	char last;        /* the last byte of framing */
	bool has_data;    /* some came before the framing */
	bool bad;
	bool too_large;
	bool done;
};

/* By the parser: `len` bytes of data at `at`, within the bytes it was given. False: it must stop,
 * so that the first fault decides, however the bytes were split. */
bool bud_chunks_take(struct bud_chunks *chunks, const char *at, size_t len);
/* By the parser: it stopped before `end`. */
void bud_chunks_end(struct bud_chunks *chunks, const char *end);
