/* Reading Redis' replies. */
#include "store/reply.h"

#include <errno.h>
#include <stdlib.h>

#include "redis/error.h"

static bool begins_with(const redisReply *reply, const char *word)
{
	return bud_span_starts(bud_reply_span(reply), bud_span(word));
}

int bud_reply_error(const redisReply *reply)
{
	switch (bud_redis_classify(reply)) {
	case BUD_REDIS_ERROR_NONE:
		return 0;
	case BUD_REDIS_ERROR_LOST:
		return -ENOTCONN;
	case BUD_REDIS_ERROR_TRANSIENT:
	case BUD_REDIS_ERROR_ROLE:
	case BUD_REDIS_ERROR_EXISTS:
		return -EAGAIN;
	case BUD_REDIS_ERROR_FULL:
		return -ENOSPC;
	case BUD_REDIS_ERROR_NO_GROUP:
		return -ENOENT;
	case BUD_REDIS_ERROR_CONFIG:
	case BUD_REDIS_ERROR_BUG:
		break;
	}
	/* Our own scripts say so when a part of the shard is gone. */
	if (begins_with(reply, "NOSTREAM") || begins_with(reply, "NOREGISTRY") ||
		begins_with(reply, "NOMETA"))
		return -ENOENT;
	return -EPROTO;
}

struct bud_span bud_reply_span(const redisReply *reply)
{
	if (!reply || !reply->str)
		return (struct bud_span){NULL, 0};
	return (struct bud_span){reply->str, (size_t)reply->len};
}

const redisReply *bud_reply_at(const redisReply *reply, size_t i)
{
	if (!reply || reply->type != REDIS_REPLY_ARRAY || i >= (size_t)reply->elements)
		return NULL;
	return reply->element[i];
}

int64_t bud_reply_number(const redisReply *reply)
{
	if (!reply)
		return 0;
	if (reply->type == REDIS_REPLY_INTEGER)
		return reply->integer;
	return reply->str ? strtoll(reply->str, NULL, 10) : 0;
}
