/* Stats. */
#include "store/stats.h"

#include "store/keys.h"
#include "store/reply.h"
#include "store/scripts.h"

static void add(struct bud_args *args, const char *name, int64_t number)
{
	bud_args_text(args, name);
	bud_args_number(args, number);
}

static void set(struct bud_args *args, const char *name, int64_t number)
{
	if (number != 0)
		add(args, name, number);
}

int bud_stats_add(
	struct bud_store *store, struct bud_span subscription, const struct bud_stats *stats)
{
	struct bud_args *args = &store->args;

	bud_args_joined(args, BUD_KEY_STATS, subscription);
	bud_args_keys_end(args);
	bud_args_text(args, "3");
	add(args, "delivered", (int64_t)stats->delivered);
	add(args, "failed", (int64_t)stats->failed);
	add(args, "time_us", (int64_t)stats->time_us);
	set(args, "last_ok_ms", stats->last_ok_ms);
	set(args, "last_failure_ms", stats->last_failure_ms);
	set(args, "last_status", stats->last_status);
	return bud_store_send_script(store, BUD_SCRIPT_STATS_ADD, NULL, NULL);
}

static void on_stats(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	int err = bud_reply_error(reply);
	struct bud_stats stats = {
		.delivered = (uint64_t)bud_reply_number(bud_reply_at(reply, 0)),
		.failed = (uint64_t)bud_reply_number(bud_reply_at(reply, 1)),
		.time_us = (uint64_t)bud_reply_number(bud_reply_at(reply, 2)),
		.last_ok_ms = bud_reply_number(bud_reply_at(reply, 3)),
		.last_failure_ms = bud_reply_number(bud_reply_at(reply, 4)),
		.last_status = (int)bud_reply_number(bud_reply_at(reply, 5)),
	};

	((bud_stats_fn)call.fn)(call.owner, err, err < 0 ? NULL : &stats);
}

int bud_stats_get(
	struct bud_store *store, struct bud_span subscription, bud_stats_fn fn, void *owner)
{
	static const char *const names[] = {
		"delivered", "failed", "time_us", "last_ok_ms", "last_failure_ms", "last_status"};
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	bud_args_text(args, "HMGET");
	bud_args_joined(args, BUD_KEY_STATS, subscription);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		bud_args_text(args, names[i]);
	return bud_store_call_sent(call, bud_store_send(store, on_stats, call));
}

int bud_stats_drop(struct bud_store *store, struct bud_span subscription)
{
	bud_args_text(&store->args, "UNLINK");
	bud_args_joined(&store->args, BUD_KEY_STATS, subscription);
	return bud_store_send(store, NULL, NULL);
}
