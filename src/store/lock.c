/* Locks. */
#include "store/lock.h"

#include "store/keys.h"
#include "store/reply.h"
#include "store/scripts.h"

static void on_set(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	int err = bud_reply_error(reply);

	((bud_store_number_fn)call.fn)(
		call.owner, err, err == 0 && reply->type != REDIS_REPLY_NIL ? 1 : 0);
}

int bud_lock_take(struct bud_store *store, struct bud_span what, int64_t ms, bud_store_number_fn fn,
	void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	bud_args_text(args, "SET");
	bud_args_joined(args, BUD_KEY_LOCK, what);
	bud_args_text(args, "1");
	bud_args_text(args, "NX");
	bud_args_text(args, "PX");
	bud_args_number(args, ms);
	return bud_store_call_sent(call, bud_store_send(store, on_set, call));
}

int bud_lock_give(struct bud_store *store, struct bud_span what)
{
	bud_args_text(&store->args, "UNLINK");
	bud_args_joined(&store->args, BUD_KEY_LOCK, what);
	return bud_store_send(store, NULL, NULL);
}
