/* The server's signing keys: one hash, one script. */
#include "store/signing_keys.h"

#include "store/keys.h"
#include "store/reply.h"
#include "store/scripts.h"

/* So long what a former key signed can still be verified. */
#define KEPT_MS    (30 * INT64_C(86400000))
#define IF_NONE_MS (-1)
#define MEMBERS    4 /* of a key in the reply */

static void read_key(const redisReply *reply, size_t at, struct bud_stored_key *key)
{
	key->kid = bud_reply_span(bud_reply_at(reply, at));
	key->created_ms = bud_reply_number(bud_reply_at(reply, at + 1));
	key->until_ms = bud_reply_number(bud_reply_at(reply, at + 2));
	key->text = bud_reply_span(bud_reply_at(reply, at + 3));
}

static void on_list(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	bud_stored_keys_fn fn = (bud_stored_keys_fn)call.fn;
	struct bud_stored_key rows[BUD_STORED_KEYS_MAX];
	struct bud_stored_keys keys = {.at = rows};
	int err = bud_reply_error(reply);

	if (err < 0) {
		fn(call.owner, err, NULL);
		return;
	}
	keys.now_ms = bud_reply_number(bud_reply_at(reply, 0));
	for (size_t i = 1; bud_reply_at(reply, i + MEMBERS - 1) && keys.n < BUD_STORED_KEYS_MAX;
		i += MEMBERS)
		read_key(reply, i, &rows[keys.n++]);
	fn(call.owner, 0, &keys);
}

static int ask(struct bud_store *store, const struct bud_stored_key *key, int64_t overlap_ms,
	bud_stored_keys_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	bud_args_text(args, BUD_KEY_SIGNING_KEYS);
	bud_args_keys_end(args);
	bud_args_span(args, key->kid);
	bud_args_span(args, key->text);
	bud_args_number(args, overlap_ms);
	bud_args_number(args, KEPT_MS);
	bud_args_number(args, BUD_STORED_KEYS_MAX);
	return bud_store_call_sent(
		call, bud_store_send_script(store, BUD_SCRIPT_SIGNING_KEYS, on_list, call));
}

int bud_signing_keys_list(struct bud_store *store, bud_stored_keys_fn fn, void *owner)
{
	const struct bud_stored_key none = {.kid = bud_span(""), .text = bud_span("")};

	return ask(store, &none, IF_NONE_MS, fn, owner);
}

int bud_signing_keys_ensure(struct bud_store *store, const struct bud_stored_key *key,
	bud_stored_keys_fn fn, void *owner)
{
	return ask(store, key, IF_NONE_MS, fn, owner);
}

int bud_signing_keys_rotate(struct bud_store *store, const struct bud_stored_key *key,
	int64_t overlap_ms, bud_stored_keys_fn fn, void *owner)
{
	return ask(store, key, overlap_ms, fn, owner);
}

int bud_signing_keys_seal(struct bud_store *store, const struct bud_stored_key *key,
	struct bud_span before, bud_store_number_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	bud_args_text(args, BUD_KEY_SIGNING_KEYS);
	bud_args_keys_end(args);
	bud_args_span(args, key->kid);
	bud_args_span(args, before);
	bud_args_span(args, key->text);
	return bud_store_call_sent(call, bud_store_send_script(store, BUD_SCRIPT_SIGNING_KEY_SEAL,
						 bud_store_on_number, call));
}
