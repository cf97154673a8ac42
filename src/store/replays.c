/* Replays under way. */
#include "store/replays.h"

#include "core/random.h"
#include "store/keys.h"
#include "store/reply.h"
#include "store/scripts.h"

#define AT_ONCE 64

/* Redis may give more than was asked for, all that a small hash has: then a part of them by chance,
 * so that each one has its turn. */
static void on_page(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	const redisReply *pairs = bud_reply_at(reply, 1);
	struct bud_replay replays[BUD_REPLAYS_MAX];
	int err = bud_reply_error(reply);
	size_t have = err == 0 && pairs ? pairs->elements / 2 : 0;
	size_t n = have < BUD_REPLAYS_MAX ? have : BUD_REPLAYS_MAX;
	size_t first = (size_t)bud_random_below(have - n + 1);

	for (size_t i = 0; i < n; i++)
		replays[i] = (struct bud_replay){bud_reply_span(pairs->element[2 * (first + i)]),
			bud_reply_span(pairs->element[2 * (first + i) + 1])};
	((bud_replays_page_fn)call.fn)(
		call.owner, err, (uint64_t)bud_reply_number(bud_reply_at(reply, 0)), replays, n);
}

int bud_replays_scan(struct bud_store *store, uint64_t cursor, bud_replays_page_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	bud_args_text(args, "HSCAN");
	bud_args_text(args, BUD_KEY_REPLAYS);
	bud_args_format(args, "%llu", (unsigned long long)cursor);
	bud_args_text(args, "COUNT");
	bud_args_number(args, AT_ONCE);
	return bud_store_call_sent(call, bud_store_send(store, on_page, call));
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
