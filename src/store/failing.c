/* Who is failing. */
#include "store/failing.h"

#include <stdlib.h>

#include "store/keys.h"
#include "store/reply.h"
#include "store/scripts.h"

static int set(struct bud_store *store, const char *command, const char *key,
	struct bud_span subscription, int64_t wall_ms)
{
	struct bud_args *args = &store->args;

	bud_args_text(args, command);
	bud_args_text(args, key);
	bud_args_span(args, subscription);
	bud_args_number(args, wall_ms);
	return bud_store_send(store, NULL, NULL);
}

int bud_failing_note(struct bud_store *store, struct bud_span subscription, int64_t wall_ms)
{
	int r = set(store, "HSETNX", BUD_KEY_FAILING, subscription, wall_ms);

	return r < 0 ? r : set(store, "HSET", BUD_KEY_FAILED, subscription, wall_ms);
}

static int drop(struct bud_store *store, const char *key, struct bud_span subscription)
{
	struct bud_args *args = &store->args;

	bud_args_text(args, "HDEL");
	bud_args_text(args, key);
	bud_args_span(args, subscription);
	return bud_store_send(store, NULL, NULL);
}

int bud_failing_clear(struct bud_store *store, struct bud_span subscription)
{
	int r = drop(store, BUD_KEY_FAILING, subscription);

	return r < 0 ? r : drop(store, BUD_KEY_FAILED, subscription);
}

static void on_last(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	int err = bud_reply_error(reply);

	((bud_store_number_fn)call.fn)(call.owner, err, err < 0 ? 0 : bud_reply_number(reply));
}

int bud_failing_last(
	struct bud_store *store, struct bud_span subscription, bud_store_number_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	bud_args_text(args, "HGET");
	bud_args_text(args, BUD_KEY_FAILED);
	bud_args_span(args, subscription);
	return bud_store_call_sent(call, bud_store_send(store, on_last, call));
}

/* Names and values in turn, as HSCAN gives them. */
static void on_page(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	const redisReply *pairs = bud_reply_at(reply, 1);
	struct bud_failing *failing = NULL;
	int err = bud_reply_error(reply);
	size_t n = 0;

	if (err == 0 && pairs)
		failing = bud_alloc((size_t)pairs->elements * sizeof(*failing) + 1);
	for (size_t i = 0; failing && i + 1 < (size_t)pairs->elements; i += 2)
		failing[n++] = (struct bud_failing){
			bud_reply_span(pairs->element[i]), bud_reply_number(pairs->element[i + 1])};
	((bud_failing_page_fn)call.fn)(
		call.owner, err, (uint64_t)bud_reply_number(bud_reply_at(reply, 0)), failing, n);
	free(failing);
}

int bud_failing_scan(struct bud_store *store, uint64_t cursor, bud_failing_page_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	bud_args_text(args, "HSCAN");
	bud_args_text(args, BUD_KEY_FAILING);
	bud_args_format(args, "%llu", (unsigned long long)cursor);
	bud_args_text(args, "COUNT");
	bud_args_text(args, "500");
	return bud_store_call_sent(call, bud_store_send(store, on_page, call));
}
