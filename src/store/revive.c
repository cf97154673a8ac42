/* Reviving. */
#include "store/revive.h"

#include <assert.h>

#include "store/keys.h"
#include "store/scripts.h"

static void add_revived(struct bud_args *args, const struct bud_revived *revived)
{
	char text[BUD_MEMBER_TEXT_BYTES];

	bud_member_write(&revived->id, text);
	bud_args_joined(args, text, (struct bud_span){NULL, 0});
	bud_stream_id_write(&revived->id, text);
	bud_args_joined(args, text, (struct bud_span){NULL, 0});
	bud_args_text(args, revived->source == BUD_REVIVE_DEAD ? "dead" : "event");
}

int bud_revive(struct bud_store *store, const struct bud_revive *revive, bud_store_number_fn fn,
	void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;
	char lane[BUD_LANE_TEXT_BYTES];

	assert(revive->n <= BUD_REVIVE_MAX);
	bud_lane_replay_write(revive->subscription, lane);
	bud_args_text(args, BUD_KEY_DUE);
	bud_args_joined(args, BUD_KEY_PARKED, bud_span(lane));
	bud_args_joined(args, BUD_KEY_DEAD, revive->subscription);
	bud_args_text(args, BUD_KEY_KEPT);
	bud_args_text(args, BUD_KEY_REFS);
	bud_args_text(args, BUD_KEY_WHY);
	bud_args_text(args, BUD_KEY_REPLAYS);
	for (unsigned i = 0; i < BUD_PARTITIONS; i++)
		bud_args_format(args, BUD_KEY_EVENTS_FORMAT, i);
	bud_args_keys_end(args);
	bud_args_text(args, lane);
	bud_args_span(args, revive->subscription);
	bud_args_number(args, revive->delay_ms);
	bud_args_number(args, revive->spread_ms);
	bud_args_span(args, revive->job);
	bud_args_span(args, revive->before);
	bud_args_span(args, revive->after);
	bud_args_text(args, revive->is_ordered ? "1" : "0");
	for (size_t i = 0; i < revive->n; i++)
		add_revived(args, &revive->revived[i]);
	return bud_store_call_sent(
		call, bud_store_send_script(store, BUD_SCRIPT_REVIVE, bud_store_on_number, call));
}
