/* API keys: a hash and a counter. */
#include "store/api_keys.h"

#include <stdlib.h>

#include "store/keys.h"
#include "store/reply.h"
#include "store/scripts.h"

int bud_stored_api_keys_version(struct bud_store *store, bud_store_number_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);

	bud_args_text(&store->args, "GET");
	bud_args_text(&store->args, BUD_KEY_API_KEYS_VERSION);
	return bud_store_call_sent(call, bud_store_send(store, bud_store_on_number, call));
}

static void on_list(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	bud_stored_api_keys_fn fn = (bud_stored_api_keys_fn)call.fn;
	bud_auto(free) struct bud_span *texts = NULL;
	int err = bud_reply_error(reply);
	size_t n = 0;

	if (err < 0) {
		fn(call.owner, err, NULL, 0);
		return;
	}
	texts = bud_alloc_zero((reply->elements + 1) * sizeof(*texts));
	while (n < reply->elements) {
		texts[n] = bud_reply_span(bud_reply_at(reply, n));
		n++;
	}
	fn(call.owner, 0, texts, n);
}

int bud_stored_api_keys_list(struct bud_store *store, bud_stored_api_keys_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);

	bud_args_text(&store->args, "HVALS");
	bud_args_text(&store->args, BUD_KEY_API_KEYS);
	return bud_store_call_sent(call, bud_store_send(store, on_list, call));
}

static int change(struct bud_store *store, const struct bud_span texts[2], size_t max,
	bud_store_number_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	bud_args_text(args, BUD_KEY_API_KEYS);
	bud_args_text(args, BUD_KEY_API_KEYS_VERSION);
	bud_args_keys_end(args);
	bud_args_span(args, texts[0]);
	bud_args_span(args, texts[1]);
	bud_args_number(args, (int64_t)max);
	return bud_store_call_sent(
		call, bud_store_send_script(store, BUD_SCRIPT_API_KEYS, bud_store_on_number, call));
}

int bud_stored_api_keys_put(struct bud_store *store, const struct bud_stored_api_key *key,
	size_t max, bud_store_number_fn fn, void *owner)
{
	const struct bud_span texts[2] = {key->id, key->text};

	return change(store, texts, max, fn, owner);
}

int bud_stored_api_keys_remove(
	struct bud_store *store, struct bud_span id, bud_store_number_fn fn, void *owner)
{
	const struct bud_span texts[2] = {id, bud_span("")};

	return change(store, texts, 0, fn, owner);
}
