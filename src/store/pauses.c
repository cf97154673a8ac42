/* Pauses. A value is "until kind who\n" and the reason. */
#include "store/pauses.h"

#include <stdlib.h>

#include "store/keys.h"
#include "store/reply.h"
#include "store/scripts.h"

/* So long a follower that lost its connection can still learn that a pause is over. */
#define ENDED_KEPT_MS (10 * 60 * 1000)

static const char *const words[] = {"ended", "retry-after", "breaker", "operator"};

const char *bud_pause_kind_word(enum bud_pause_kind kind)
{
	return words[kind];
}

static void add_keys(struct bud_args *args)
{
	bud_args_text(args, BUD_KEY_PAUSES);
	bud_args_text(args, BUD_KEY_PAUSE_CHANGES);
	bud_args_text(args, BUD_KEY_PAUSE_UNTIL);
	bud_args_text(args, BUD_KEY_PAUSE_SERIAL);
	bud_args_keys_end(args);
}

static int put(
	struct bud_store *store, const struct bud_pause *pause, bud_store_number_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	add_keys(args);
	bud_args_span(args, pause->id);
	bud_args_number(args, pause->for_ms);
	bud_args_number(args, ENDED_KEPT_MS);
	bud_args_text(args, words[pause->kind]);
	bud_args_span(args, pause->node.len > 0 ? pause->node : bud_span("-"));
	bud_args_span(args, pause->reason);
	return bud_store_call_sent(call,
		bud_store_send_script(store, BUD_SCRIPT_PAUSE_PUT, bud_store_on_number, call));
}

int bud_pause_put(
	struct bud_store *store, const struct bud_pause *pause, bud_store_number_fn fn, void *owner)
{
	return put(store, pause, fn, owner);
}

int bud_pause_remove(struct bud_store *store, struct bud_span id, struct bud_span node,
	bud_store_number_fn fn, void *owner)
{
	struct bud_pause pause = {.id = id, .for_ms = -1, .node = node};

	return put(store, &pause, fn, owner);
}

static enum bud_pause_kind kind_of(struct bud_span word)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (bud_span_is(word, words[i]))
			return (enum bud_pause_kind)i;
	return BUD_PAUSE_ENDED;
}

static void read_pause(
	struct bud_span id, struct bud_span value, int64_t now_ms, struct bud_pause *pause)
{
	struct bud_span head = bud_span_take_until(&value, '\n');
	struct bud_span number = bud_span_take_until(&head, ' ');
	uint64_t until_ms = 0;

	*pause = (struct bud_pause){.id = id, .reason = value};
	(void)bud_span_number(number, INT64_MAX, &until_ms);
	pause->kind = kind_of(bud_span_take_until(&head, ' '));
	if (!bud_span_is(head, "-"))
		pause->node = head;
	pause->until_ms = (int64_t)until_ms;
	if (until_ms == 0)
		return;
	pause->for_ms = pause->until_ms - now_ms;
	if (pause->for_ms <= 0) {
		pause->for_ms = 0;
		pause->kind = BUD_PAUSE_ENDED;
	}
}

struct list_call {
	bud_pauses_fn fn;
	void *owner;
	int64_t after;
};

static void on_list(void *owner, const redisReply *reply)
{
	struct list_call call = *(struct list_call *)owner;
	struct bud_pause rows[BUD_PAUSES_MAX];
	struct bud_pauses pauses = {.at = rows, .after = call.after};
	int err = bud_reply_error(reply);
	int64_t now_ms;

	free(owner);
	if (err < 0) {
		call.fn(call.owner, err, NULL);
		return;
	}
	now_ms = bud_reply_number(bud_reply_at(reply, 0));
	pauses.last = bud_reply_number(bud_reply_at(reply, 1));
	for (size_t i = 2; i + 2 < (size_t)reply->elements && pauses.n < BUD_PAUSES_MAX; i += 3) {
		pauses.after = bud_reply_number(reply->element[i]);
		read_pause(bud_reply_span(reply->element[i + 1]),
			bud_reply_span(reply->element[i + 2]), now_ms, &rows[pauses.n++]);
	}
	call.fn(call.owner, 0, &pauses);
}

int bud_pauses_list(struct bud_store *store, int64_t after, bud_pauses_fn fn, void *owner)
{
	struct list_call *call = bud_new(struct list_call);
	int r;

	*call = (struct list_call){fn, owner, after};
	add_keys(&store->args);
	bud_args_number(&store->args, after);
	bud_args_number(&store->args, BUD_PAUSES_MAX);
	r = bud_store_send_script(store, BUD_SCRIPT_PAUSE_LIST, on_list, call);
	if (r < 0)
		free(call);
	return r;
}
