/* What a fresh connection is asked before it may be used, one command after the other: AUTH,
 * SELECT, INFO, then SCRIPT LOAD for each script. */
#pragma once
#include "redis/client.h"

struct bud_error; /* core/error.h */

#define BUD_REDIS_CHECK_ARGC_MAX 3
#define BUD_REDIS_SHA_LEN        40

struct bud_redis_check {
	const struct bud_redis_url *url;
	const struct bud_redis_script *scripts;
	size_t scripts_n;
	char (*shas)[BUD_REDIS_SHA_LEN + 1]; /* of the scripts, as Redis told them */
	size_t step;
	char db[16];
};

/* Borrows url and scripts. */
void bud_redis_check_init(struct bud_redis_check *check, const struct bud_redis_options *options);
/* Back to the first step. */
void bud_redis_check_restart(struct bud_redis_check *check);
/* Writes the command of the step under way and returns its argc; 0: all is checked. */
int bud_redis_check_write(
	struct bud_redis_check *check, const char *out_argv[BUD_REDIS_CHECK_ARGC_MAX]);
/* 0: on to the next step. Negative: `error` says in words why this Redis will not do. */
BUD_MUST_CHECK int bud_redis_check_judge(
	struct bud_redis_check *check, const struct redisReply *reply, struct bud_error *error);
void bud_redis_check_finish(struct bud_redis_check *check);
