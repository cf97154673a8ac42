/* Upkeep of the pull index. */
#include "store/index_upkeep.h"

#include <assert.h>
#include <stdlib.h>

#include "store/keys.h"
#include "store/reply.h"
#include "store/scripts.h"

/* Longer than any script of ours may take. */
#define SCRIPT_MS  5000
#define SCAN_COUNT 200

static void on_floor(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);

	((bud_index_floor_fn)call.fn)(call.owner, bud_reply_error(reply),
		(size_t)bud_reply_number(bud_reply_at(reply, 0)),
		bud_reply_number(bud_reply_at(reply, 1)));
}

static void add_floor_and_streams(struct bud_store *store)
{
	bud_args_text(&store->args, BUD_KEY_BY_FLOOR);
	for (unsigned i = 0; i < BUD_PARTITIONS; i++)
		bud_args_format(&store->args, BUD_KEY_EVENTS_FORMAT, i);
}

int bud_index_floor(
	struct bud_store *store, int64_t retention_ms, bud_index_floor_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);

	add_floor_and_streams(store);
	bud_args_keys_end(&store->args);
	bud_args_number(&store->args, retention_ms);
	bud_args_number(&store->args, SCRIPT_MS);
	return bud_store_call_sent(
		call, bud_store_send_script(store, BUD_SCRIPT_INDEX_FLOOR, on_floor, call));
}

/* A page may hold more than was asked for. */
static void on_names(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	const redisReply *found = bud_reply_at(reply, 1);
	struct bud_span *names = NULL;
	int err = bud_reply_error(reply);
	size_t n = 0;

	if (err == 0 && found)
		names = bud_alloc((size_t)found->elements * sizeof(*names) + 1);
	for (; names && n < (size_t)found->elements; n++)
		names[n] = bud_reply_span(found->element[n]);
	((bud_index_names_fn)call.fn)(
		call.owner, err, (uint64_t)bud_reply_number(bud_reply_at(reply, 0)), names, n);
	free(names);
}

int bud_index_scan(struct bud_store *store, uint64_t cursor, bud_index_names_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	bud_args_text(args, "SCAN");
	bud_args_format(args, "%llu", (unsigned long long)cursor);
	bud_args_text(args, "MATCH");
	bud_args_text(args, BUD_KEY_BY "*");
	bud_args_text(args, "COUNT");
	bud_args_number(args, SCAN_COUNT);
	bud_args_text(args, "TYPE");
	bud_args_text(args, "zset");
	return bud_store_call_sent(call, bud_store_send(store, on_names, call));
}

static void on_trimmed(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	size_t more[BUD_INDEX_TRIM_KEYS];
	int err = bud_reply_error(reply);
	size_t n = 0;

	for (size_t i = 1; err == 0 && i < (size_t)reply->elements && n < BUD_INDEX_TRIM_KEYS; i++)
		more[n++] = (size_t)bud_reply_number(reply->element[i]);
	((bud_index_trimmed_fn)call.fn)(
		call.owner, err, (size_t)bud_reply_number(bud_reply_at(reply, 0)), more, n);
}

int bud_index_trim(struct bud_store *store, const struct bud_span *names, size_t n,
	bud_index_trimmed_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);

	assert(n > 0 && n <= BUD_INDEX_TRIM_KEYS);
	add_floor_and_streams(store);
	for (size_t i = 0; i < n; i++)
		bud_args_span(&store->args, names[i]);
	bud_args_keys_end(&store->args);
	bud_args_number(&store->args, BUD_PARTITIONS);
	bud_args_number(&store->args, BUD_INDEX_TRIM_ENTRIES);
	return bud_store_call_sent(
		call, bud_store_send_script(store, BUD_SCRIPT_INDEX_TRIM, on_trimmed, call));
}
