/* Settling an event in hand. */
#include "store/settle.h"

#include <assert.h>

#include "core/limits.h"
#include "store/keys.h"
#include "store/scripts.h"

/* Verbs that hold up the lane's look, if `look_ms` says so or the lane is held, cost a little more
 * than "park", which the most deliveries take. */
static const char *verb_of(const struct bud_parking *parking)
{
	if (parking->dead)
		return parking->is_bare ? "bare" : "dead";
	switch (parking->mode) {
	case BUD_CLAIM_PLAIN:
		break;
	case BUD_CLAIM_STRICT:
		return "strict";
	case BUD_CLAIM_ORDERED_WAIT:
	case BUD_CLAIM_ORDERED_SKIP:
		return "order";
	case BUD_CLAIM_BATCH:
		return "batch";
	}
	return parking->look_ms > 0 ? "look" : "park";
}

static void add_parking(struct bud_args *args, const struct bud_parking *parking)
{
	bud_args_span(args, parking->lane);
	bud_args_text(args, verb_of(parking));
	bud_args_number(args, parking->delay_ms);
	bud_args_number(args, parking->attempt);
	if (parking->dead) {
		bud_args_span(args, parking->why);
		bud_args_span(args, parking->note.owner);
		bud_args_span(args, parking->note.bytes);
	} else if (parking->mode != BUD_CLAIM_PLAIN || parking->look_ms > 0) {
		bud_args_number(args, parking->look_ms);
		bud_args_number(args, parking->fill);
	}
}

static bool needs_copy(const struct bud_settle *settle)
{
	for (size_t i = 0; i < settle->n; i++)
		if (!settle->parkings[i].dead || !settle->parkings[i].is_bare)
			return true;
	return false;
}

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
	bud_args_text(args, BUD_KEY_WHY);
	bud_args_text(args, BUD_KEY_HELD);
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
	bud_args_text(args, needs_copy(settle) ? "1" : "0");
	for (size_t i = 0; i < settle->n; i++)
		add_parking(args, &settle->parkings[i]);
	return bud_store_call_sent(
		call, bud_store_send_script(store, BUD_SCRIPT_SETTLE, bud_store_on_number, call));
}
