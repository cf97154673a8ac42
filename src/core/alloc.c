/* Memory that never fails. */
#include "core/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *memory, size_t bytes)
{
	if (memory || bytes == 0)
		return memory;
	fprintf(stderr, "level=error msg=\"out of memory\" bytes=%zu\n", bytes);
	abort();
}

void *bud_alloc(size_t bytes)
{
	return checked(malloc(bytes), bytes);
}

void *bud_alloc_zero(size_t bytes)
{
	return checked(calloc(1, bytes), bytes);
}

void *bud_realloc(void *memory, size_t bytes)
{
	return checked(realloc(memory, bytes), bytes);
}

char *bud_strdup(const char *text)
{
	return bud_strndup(text, strlen(text));
}

char *bud_strndup(const char *text, size_t len)
{
	char *copy = bud_alloc(len + 1);

	if (len > 0)
		memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

void bud_free_secret(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

void bud_free_auto(void *pointer_to_pointer)
{
	free(*(void **)pointer_to_pointer);
}
