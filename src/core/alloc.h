/* Memory that never fails: out of memory ends the process, because the work lives in Redis and a
 * restart is a tested path. Sizes from outside meet core/limits.h before they come here. */
#pragma once
#include <stddef.h>

#define BUD_MUST_CHECK __attribute__((warn_unused_result))

/* Never NULL; free() releases it. */
void *bud_alloc(size_t bytes);
void *bud_alloc_zero(size_t bytes);
void *bud_realloc(void *memory, size_t bytes);
char *bud_strdup(const char *text);
/* A NUL-terminated copy of `len` bytes. */
char *bud_strndup(const char *text, size_t len);

/* Overwrites a text before it frees it. NULL is fine. */
void bud_free_secret(char *text);

#define bud_new(type) ((type *)bud_alloc_zero(sizeof(type)))

/* `bud_auto(thing) struct bud_thing x;` calls `thing_auto(&x)` when the scope ends. */
#define bud_auto(thing) __attribute__((cleanup(bud_##thing##_auto)))
void bud_free_auto(void *pointer_to_pointer);

/* Hands ownership on: gives the pointer and leaves NULL behind. */
#define bud_move(pointer)                                                                          \
	({                                                                                         \
		__auto_type bud_moved_ = (pointer);                                                \
		(pointer) = NULL;                                                                  \
		bud_moved_;                                                                        \
	})

/* The struct that embeds `member` at `pointer`. */
#define bud_container(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))
