/* Replays under way. */
#include "store/replays.h"

#include "store/keys.h"
#include "store/reply.h"
#include "store/scripts.h"

static void on_list(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	struct bud_replay replays[BUD_REPLAYS_MAX];
	int err = bud_reply_error(reply);
	size_t n = 0;

	for (size_t i = 0; err == 0 && i + 1 < (size_t)reply->elements && n < BUD_REPLAYS_MAX;
		i += 2)
		replays[n++] = (struct bud_replay){
			bud_reply_span(reply->element[i]), bud_reply_span(reply->element[i + 1])};
	((bud_replays_fn)call.fn)(call.owner, err, replays, n);
}

int bud_replays_list(struct bud_store *store, bud_replays_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);

	bud_args_text(&store->args, "HGETALL");
	bud_args_text(&store->args, BUD_KEY_REPLAYS);
	return bud_store_call_sent(call, bud_store_send(store, on_list, call));
}

static void on_one(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	struct bud_replay replay = {.value = bud_reply_span(reply)};
	int err = bud_reply_error(reply);

	((bud_replays_fn)call.fn)(call.owner, err, &replay, err == 0 && replay.value.at ? 1 : 0);
}

int bud_replays_get(struct bud_store *store, struct bud_span job, bud_replays_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);

	bud_args_text(&store->args, "HGET");
	bud_args_text(&store->args, BUD_KEY_REPLAYS);
	bud_args_span(&store->args, job);
	return bud_store_call_sent(call, bud_store_send(store, on_one, call));
}

int bud_replays_put(struct bud_store *store, const struct bud_replay *replay,
	bud_store_number_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);

	bud_args_text(&store->args, "HSETNX");
	bud_args_text(&store->args, BUD_KEY_REPLAYS);
	bud_args_span(&store->args, replay->job);
	bud_args_span(&store->args, replay->value);
	return bud_store_call_sent(call, bud_store_send(store, bud_store_on_number, call));
}

int bud_replays_drop(
	struct bud_store *store, struct bud_span job, bud_store_number_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);

	bud_args_text(&store->args, "HDEL");
	bud_args_text(&store->args, BUD_KEY_REPLAYS);
	bud_args_span(&store->args, job);
	return bud_store_call_sent(call, bud_store_send(store, bud_store_on_number, call));
}
