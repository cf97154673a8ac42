#include "fetch/memory.h"

#include <curl/curl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define GROWN_BYTES (16u << 10)
/* A buffer begins with 16 KiB and a byte when that much is read at once, and is doubled. */
#define LARGEST_BYTES (33u << 10)

static _Thread_local int exempt;

static void *grow(void *bytes, size_t wanted)
{
	if (wanted > LARGEST_BYTES && bytes && exempt == 0 &&
		malloc_usable_size(bytes) >= GROWN_BYTES)
		return NULL;
	return realloc(bytes, wanted);
}

void bud_memory_init(void)
{
	curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, free, grow, strdup, calloc);
}

void bud_memory_exempt(int n)
{
	exempt += n;
}
