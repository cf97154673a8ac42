/* Settling an event in hand. */
#include "store/settle.h"

#include <assert.h>

#include "core/limits.h"
#include "store/keys.h"
#include "store/scripts.h"

int bud_settle(
	struct bud_store *store, const struct bud_settle *settle, bud_settle_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;
	char member[BUD_MEMBER_TEXT_BYTES];
	char id[BUD_MEMBER_TEXT_BYTES];

	assert(settle->n <= BUD_BROADCAST_CHUNK);
	bud_member_write(&settle->id, member);
	bud_stream_id_write(&settle->id, id);
	bud_args_format(args, BUD_KEY_EVENTS_FORMAT, settle->id.partition);
	bud_args_text(args, BUD_KEY_DUE);
	bud_args_text(args, BUD_KEY_KEPT);
	bud_args_text(args, BUD_KEY_REFS);
	bud_args_text(args, BUD_KEY_CURSORS);
	for (size_t i = 0; i < settle->n; i++)
		bud_args_joined(args, settle->parkings[i].dead ? BUD_KEY_DEAD : BUD_KEY_PARKED,
			settle->parkings[i].lane);
	bud_args_keys_end(args);
	bud_args_text(args, BUD_GROUP);
	bud_args_text(args, settle->consumer);
	bud_args_text(args, id);
	bud_args_text(args, member);
	bud_args_text(args, settle->ack ? "1" : "0");
	if (settle->ack)
		bud_args_text(args, "");
	else
		bud_args_number(args, (int64_t)settle->cursor);
	for (size_t i = 0; i < settle->n; i++) {
		bud_args_span(args, settle->parkings[i].lane);
		bud_args_text(args, settle->parkings[i].dead ? "dead" : "park");
		bud_args_number(args, settle->parkings[i].delay_ms);
		bud_args_number(args, settle->parkings[i].attempt);
	}
	return bud_store_call_sent(
		call, bud_store_send_script(store, BUD_SCRIPT_SETTLE, bud_store_on_number, call));
}
