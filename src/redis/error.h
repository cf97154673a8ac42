/* What an answer of Redis means for the one who asked: nine kinds, from a table of error codes. */
#pragma once

struct redisReply; /* hiredis/hiredis.h */

enum bud_redis_error {
	BUD_REDIS_ERROR_NONE,      /* not an error */
	BUD_REDIS_ERROR_LOST,      /* NULL: nobody knows whether it was applied; repeat the same */
	BUD_REDIS_ERROR_TRANSIENT, /* not applied; wait and repeat */
	BUD_REDIS_ERROR_FULL,      /* not applied: out of memory or disk; shed, keep draining */
	BUD_REDIS_ERROR_ROLE,      /* not applied: no longer the master; the client reconnects */
	BUD_REDIS_ERROR_NO_GROUP,  /* the stream or its group is gone: state was lost */
	BUD_REDIS_ERROR_EXISTS,    /* BUSYGROUP: somebody else made the group */
	BUD_REDIS_ERROR_CONFIG,    /* rights, password, a cluster: a person must act */
	BUD_REDIS_ERROR_BUG,       /* our command or our data is wrong */
};

/* `reply` may be NULL. Only the reply itself is looked at, not errors inside arrays. */
enum bud_redis_error bud_redis_classify(const struct redisReply *reply);
/* A word for logs and metrics, e.g. "transient". */
const char *bud_redis_error_name(enum bud_redis_error kind);
