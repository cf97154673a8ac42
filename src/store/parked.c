/* What owners have parked. */
#include "store/parked.h"

#include <assert.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "store/keys.h"
#include "store/reply.h"
#include "store/scripts.h"

#define STEP   100
#define SAMPLE 16

static void on_page(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	struct bud_span lanes[BUD_PARKED_LANES_MAX];
	int err = bud_reply_error(reply);
	const redisReply *pairs = err == 0 ? bud_reply_at(reply, 1) : NULL;
	size_t n = 0;

	for (size_t i = 0; pairs && i + 1 < (size_t)pairs->elements && n < BUD_PARKED_LANES_MAX;
		i += 2)
		lanes[n++] = bud_reply_span(pairs->element[i]);
	((bud_parked_page_fn)call.fn)(call.owner, err,
		err < 0 ? 0 : (uint64_t)bud_reply_number(bud_reply_at(reply, 0)), lanes, n);
}

int bud_parked_scan(struct bud_store *store, uint64_t cursor, bud_parked_page_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	bud_args_text(args, "ZSCAN");
	bud_args_text(args, BUD_KEY_DUE);
	bud_args_format(args, "%llu", (unsigned long long)cursor);
	bud_args_text(args, "COUNT");
	bud_args_number(args, STEP);
	return bud_store_call_sent(call, bud_store_send(store, on_page, call));
}

static void on_bytes(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	int64_t bytes[BUD_PARKED_LANES_MAX];
	int err = bud_reply_error(reply);
	size_t n = 0;

	for (size_t i = 0; err == 0 && i < (size_t)reply->elements && n < BUD_PARKED_LANES_MAX; i++)
		bytes[n++] = bud_reply_number(reply->element[i]);
	((bud_parked_bytes_fn)call.fn)(call.owner, err, bytes, n);
}

int bud_parked_measure(struct bud_store *store, const struct bud_span *lanes, size_t n,
	bud_parked_bytes_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	assert(n <= BUD_PARKED_LANES_MAX);
	bud_args_text(args, BUD_KEY_KEPT);
	for (size_t i = 0; i < n; i++)
		bud_args_joined(args, BUD_KEY_PARKED, lanes[i]);
	bud_args_keys_end(args);
	bud_args_number(args, SAMPLE);
	return bud_store_call_sent(
		call, bud_store_send_script(store, BUD_SCRIPT_PARKED_BYTES, on_bytes, call));
}

int bud_parked_put(struct bud_store *store, const struct bud_quota_use *uses, size_t n,
	bud_store_number_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	bud_args_text(args, BUD_KEY_QUOTA_PARKED);
	bud_args_keys_end(args);
	for (size_t i = 0; i < n; i++) {
		bud_args_span(args, uses[i].owner);
		bud_args_number(args, uses[i].bytes);
	}
	return bud_store_call_sent(call,
		bud_store_send_script(store, BUD_SCRIPT_PARKED_PUT, bud_store_on_number, call));
}

static void on_uses(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	int err = bud_reply_error(reply);
	size_t room = err == 0 ? (size_t)reply->elements / 2 : 0;
	bud_auto(free) struct bud_quota_use *uses = bud_alloc((room + 1) * sizeof(*uses));

	for (size_t i = 0; i < room; i++)
		uses[i] = (struct bud_quota_use){bud_reply_span(reply->element[2 * i]),
			bud_reply_number(reply->element[2 * i + 1])};
	((bud_parked_fn)call.fn)(call.owner, err, uses, room);
}

int bud_parked_get(struct bud_store *store, bud_parked_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);

	bud_args_text(&store->args, "HGETALL");
	bud_args_text(&store->args, BUD_KEY_QUOTA_PARKED);
	return bud_store_call_sent(call, bud_store_send(store, on_uses, call));
}
