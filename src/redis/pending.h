/* Commands sent and not answered, oldest first: a ring that grows. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "redis/client.h"

struct bud_redis_entry {
	bud_redis_fn fn; /* NULL: nobody wants the reply */
	void *owner;
	uint64_t sent_ms;                      /* uv_now() */
	const struct bud_redis_script *script; /* NULL: a plain command */
	char *command; /* of a script: the bytes sent, to send them again; redisFreeCommand() */
	size_t command_bytes;
	bool is_repeat;
};

/* Starts as {0}. */
struct bud_redis_pending {
	struct bud_redis_entry *entries;
	size_t first;
	size_t n;
	size_t room; /* a power of two */
};

/* Takes entry->command. */
void bud_redis_pending_add(struct bud_redis_pending *pending, const struct bud_redis_entry *entry);
/* The oldest, NULL when there is none; valid until the next change. */
struct bud_redis_entry *bud_redis_pending_first(struct bud_redis_pending *pending);
/* The oldest, handed over; there is one. */
struct bud_redis_entry bud_redis_pending_take(struct bud_redis_pending *pending);
/* Must be empty. */
void bud_redis_pending_finish(struct bud_redis_pending *pending);
