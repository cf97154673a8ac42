/* The attempt log. */
#include "store/attempts.h"

#include "core/limits.h"
#include "core/random.h"
#include "store/keys.h"
#include "store/reply.h"
#include "store/scripts.h"

/* So many at once are always followed by a cut. */
#define CUT_LINES 16

int bud_attempts_add(struct bud_store *store, struct bud_span subscription,
	const struct bud_span *lines, size_t n)
{
	struct bud_args *args = &store->args;
	int r;

	bud_args_text(args, "LPUSH");
	bud_args_joined(args, BUD_KEY_ATTEMPTS, subscription);
	for (size_t i = 0; i < n; i++)
		bud_args_span(args, lines[i]);
	r = bud_store_send(store, NULL, NULL);
	/* A list may be some lines longer than it should: one cut in eight keeps it near. */
	if (r < 0 || (n < CUT_LINES && bud_random_below(8) > 0))
		return r;
	bud_args_text(args, "LTRIM");
	bud_args_joined(args, BUD_KEY_ATTEMPTS, subscription);
	bud_args_text(args, "0");
	bud_args_number(args, BUD_ATTEMPT_LOG_LINES - 1);
	return bud_store_send(store, NULL, NULL);
}

static void on_lines(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	struct bud_span lines[BUD_ATTEMPT_LOG_LINES];
	int err = bud_reply_error(reply);
	size_t n = 0;

	for (; err == 0 && n < (size_t)reply->elements && n < BUD_ATTEMPT_LOG_LINES; n++)
		lines[n] = bud_reply_span(reply->element[n]);
	((bud_attempts_fn)call.fn)(call.owner, err, lines, n);
}

int bud_attempts_list(
	struct bud_store *store, struct bud_span subscription, bud_attempts_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	bud_args_text(args, "LRANGE");
	bud_args_joined(args, BUD_KEY_ATTEMPTS, subscription);
	bud_args_text(args, "0");
	bud_args_number(args, BUD_ATTEMPT_LOG_LINES - 1);
	return bud_store_call_sent(call, bud_store_send(store, on_lines, call));
}

int bud_attempts_drop(struct bud_store *store, struct bud_span subscription)
{
	bud_args_text(&store->args, "UNLINK");
	bud_args_joined(&store->args, BUD_KEY_ATTEMPTS, subscription);
	return bud_store_send(store, NULL, NULL);
}
