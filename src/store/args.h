/* The arguments of one command while it is built: borrowed spans and numbers of our own. */
#pragma once
#include <stdarg.h>
#include <stdint.h>
#include "core/alloc.h"
#include "core/text.h"
#include "redis/client.h"

/* Starts as {0}; kept from command to command, so that building one allocates nothing. */
struct bud_args {
	const char **at;
	size_t *lens;
	size_t n;
	size_t room;
	size_t keys_n;          /* set by bud_args_keys_end */
	struct bud_buffer text; /* what `at` == NULL elements hold, one after the other */
};

void bud_args_clear(struct bud_args *args);
void bud_args_finish(struct bud_args *args);
/* Borrowed until the command is sent. */
void bud_args_span(struct bud_args *args, struct bud_span span);
void bud_args_text(struct bud_args *args, const char *text);
/* Copied. */
void bud_args_number(struct bud_args *args, int64_t number);
/* Copied: the two parts as one argument. */
void bud_args_joined(struct bud_args *args, const char *prefix, struct bud_span rest);
__attribute__((format(printf, 2, 3))) void bud_args_format(
	struct bud_args *args, const char *format, ...);
/* Of a script: what was added so far are its keys. */
void bud_args_keys_end(struct bud_args *args);

/* Sends and clears; see bud_redis_command. */
BUD_MUST_CHECK int bud_args_send(
	struct bud_args *args, struct bud_redis *redis, bud_redis_fn fn, void *owner);
BUD_MUST_CHECK int bud_args_send_script(struct bud_args *args, struct bud_redis *redis,
	const struct bud_redis_script *script, bud_redis_fn fn, void *owner);
