/* libcurl's memory. A header line that never ends is the one part of a response that no option and
 * no callback of libcurl bounds: it collects 100 KiB of it within one call, and holds 200 while the
 * buffer grows. So a buffer of libcurl's that has 16 KiB does not grow beyond 32. */
#pragma once
#include <stddef.h>

/* Once, before any other function of libcurl; the rule is for all its handles. */
void bud_memory_init(void);

/* A request's buffer is of the same kind: its body comes behind its head in one step. It stays in
 * bounds while the head is below this. */
#define BUD_MEMORY_HEAD_MAX (7u << 10)

/* While this thread has requests with a larger head, its buffers grow as they like; `n` is how many
 * more there are, or fewer. */
void bud_memory_exempt(int n);
