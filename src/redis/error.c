#include "redis/error.h"
#include <string.h>
#include <hiredis/hiredis.h>
#include "core/text.h"

/* By the first word of the error. What is not here is our bug, or a Redis we do not know. */
static const struct {
	const char *code;
	enum bud_redis_error kind;
} codes[] = {
	{"LOADING", BUD_REDIS_ERROR_TRANSIENT},
	{"BUSY", BUD_REDIS_ERROR_TRANSIENT},
	{"TRYAGAIN", BUD_REDIS_ERROR_TRANSIENT},
	{"CLUSTERDOWN", BUD_REDIS_ERROR_TRANSIENT},
	{"MASTERDOWN", BUD_REDIS_ERROR_TRANSIENT},
	{"NOREPLICAS", BUD_REDIS_ERROR_TRANSIENT},
	{"NOSCRIPT", BUD_REDIS_ERROR_TRANSIENT},
	{"OOM", BUD_REDIS_ERROR_FULL},
	{"MISCONF", BUD_REDIS_ERROR_FULL},
	{"READONLY", BUD_REDIS_ERROR_ROLE},
	{"UNBLOCKED", BUD_REDIS_ERROR_ROLE},
	{"NOGROUP", BUD_REDIS_ERROR_NO_GROUP},
	{"BUSYGROUP", BUD_REDIS_ERROR_EXISTS},
	{"NOAUTH", BUD_REDIS_ERROR_CONFIG},
	{"WRONGPASS", BUD_REDIS_ERROR_CONFIG},
	{"NOPERM", BUD_REDIS_ERROR_CONFIG},
	{"MOVED", BUD_REDIS_ERROR_CONFIG},
	{"ASK", BUD_REDIS_ERROR_CONFIG},
};

enum bud_redis_error bud_redis_classify(const struct redisReply *reply)
{
	if (!reply)
		return BUD_REDIS_ERROR_LOST;
	if (reply->type != REDIS_REPLY_ERROR)
		return BUD_REDIS_ERROR_NONE;
	struct bud_span code = {reply->str, strcspn(reply->str, " ")};
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (bud_span_is(code, codes[i].code))
			return codes[i].kind;
	return BUD_REDIS_ERROR_BUG;
}

const char *bud_redis_error_name(enum bud_redis_error kind)
{
	switch (kind) {
	case BUD_REDIS_ERROR_NONE:
		return "none";
	case BUD_REDIS_ERROR_LOST:
		return "lost";
	case BUD_REDIS_ERROR_TRANSIENT:
		return "transient";
	case BUD_REDIS_ERROR_FULL:
		return "full";
	case BUD_REDIS_ERROR_ROLE:
		return "role";
	case BUD_REDIS_ERROR_NO_GROUP:
		return "no-group";
	case BUD_REDIS_ERROR_EXISTS:
		return "exists";
	case BUD_REDIS_ERROR_CONFIG:
		return "config";
	case BUD_REDIS_ERROR_BUG:
		return "bug";
	}
	return "?";
}
