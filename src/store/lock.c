/* Locks. */
#include "store/lock.h"

#include "store/keys.h"
#include "store/scripts.h"

int bud_lock_take(struct bud_store *store, struct bud_span what, int64_t ms, bud_store_number_fn fn,
	void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	bud_args_joined(args, BUD_KEY_LOCK, what);
	bud_args_keys_end(args);
	bud_args_number(args, ms);
	return bud_store_call_sent(
		call, bud_store_send_script(store, BUD_SCRIPT_LOCK, bud_store_on_number, call));
}

int bud_lock_give(struct bud_store *store, struct bud_span what)
{
	bud_args_text(&store->args, "UNLINK");
	bud_args_joined(&store->args, BUD_KEY_LOCK, what);
	return bud_store_send(store, NULL, NULL);
}
