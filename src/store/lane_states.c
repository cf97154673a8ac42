/* Where one event stands, and what holds its lane. */
#include "store/lane_states.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/keys.h"
#include "store/lane.h"
#include "store/lane_name.h"
#include "store/reply.h"
#include "store/scripts.h"

static struct bud_lane_spot spot(const redisReply *score)
{
	int64_t number = bud_reply_number(score);

	if (!score || !score->str)
		return (struct bud_lane_spot){.is_there = false};
	return (struct bud_lane_spot){
		.is_there = true, .at_ms = number / 64, .attempt = (unsigned)(number % 64)};
}

static void on_states(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	struct bud_lane_state states[BUD_LANE_STATES_MAX];
	int err = bud_reply_error(reply);
	size_t n = 0;

	for (size_t i = 0; err == 0 && i + 2 < (size_t)reply->elements && n < BUD_LANE_STATES_MAX;
		i += 3)
		states[n++] = (struct bud_lane_state){.parked = spot(reply->element[i]),
			.replay = spot(reply->element[i + 1]),
			.dead = spot(reply->element[i + 2])};
	((bud_lane_states_fn)call.fn)(call.owner, err, states, n);
}

int bud_lane_states(struct bud_store *store, const struct bud_lane_states_ask *ask,
	bud_lane_states_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;
	char text[BUD_LANE_TEXT_BYTES];

	assert(ask->n <= BUD_LANE_STATES_MAX);
	for (size_t i = 0; i < ask->n; i++) {
		bud_args_joined(args, BUD_KEY_PARKED, ask->asked[i].lane);
		bud_lane_replay_write(ask->asked[i].subscription, text);
		bud_args_joined(args, BUD_KEY_PARKED, bud_span(text));
		bud_args_joined(args, BUD_KEY_DEAD, ask->asked[i].subscription);
	}
	bud_args_keys_end(args);
	bud_member_write(&ask->id, text);
	bud_args_joined(args, text, (struct bud_span){NULL, 0});
	return bud_store_call_sent(
		call, bud_store_send_script(store, BUD_SCRIPT_STATES, on_states, call));
}

static int64_t until_of(const redisReply *reply)
{
	struct bud_span text = bud_reply_span(reply);

	return text.at ? strtoll(text.at, NULL, 10) : 0;
}

/* "<until> <token>" of a claim, "<until>" of a rest. */
static void on_hold(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	int err = bud_reply_error(reply);
	int64_t held_ms = err == 0 ? until_of(bud_reply_at(reply, 0)) : 0;
	int64_t rest_ms = err == 0 ? until_of(bud_reply_at(reply, 1)) : 0;

	((bud_lane_hold_fn)call.fn)(
		call.owner, err, held_ms > rest_ms ? held_ms : rest_ms, rest_ms > held_ms);
}

int bud_lane_hold(struct bud_store *store, struct bud_span lane, bud_lane_hold_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);

	bud_args_text(&store->args, "HMGET");
	bud_args_text(&store->args, BUD_KEY_HELD);
	bud_args_span(&store->args, lane);
	bud_lane_add_rest(&store->args, lane);
	return bud_store_call_sent(call, bud_store_send(store, on_hold, call));
}
