/* Lanes: looking, claiming and resolving. Their lists for people are in lane_rows.c. */
#include "store/lane.h"

#include <assert.h>
#include <stdlib.h>

#include "store/keys.h"
#include "store/reply.h"
#include "store/scripts.h"

static void on_lanes(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	struct bud_span lanes[BUD_LANES_MAX];
	int err = bud_reply_error(reply);
	size_t n = 0;

	for (; err == 0 && n < (size_t)reply->elements && n < BUD_LANES_MAX; n++)
		lanes[n] = bud_reply_span(reply->element[n]);
	((bud_lanes_fn)call.fn)(call.owner, err, lanes, n);
}

int bud_lane_due(
	struct bud_store *store, int64_t now_ms, size_t limit, bud_lanes_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	assert(limit <= BUD_LANES_MAX);
	bud_args_text(args, "ZRANGE");
	bud_args_text(args, BUD_KEY_DUE);
	bud_args_text(args, "-inf");
	bud_args_number(args, now_ms);
	bud_args_text(args, "BYSCORE");
	bud_args_text(args, "LIMIT");
	bud_args_text(args, "0");
	bud_args_number(args, (int64_t)limit);
	return bud_store_call_sent(call, bud_store_send(store, on_lanes, call));
}

int bud_lane_count(struct bud_store *store, bud_store_number_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);

	bud_args_text(&store->args, "ZCARD");
	bud_args_text(&store->args, BUD_KEY_DUE);
	return bud_store_call_sent(call, bud_store_send(store, bud_store_on_number, call));
}

/* A kept copy is owner "\n" event. */
static void split_kept(struct bud_span kept, struct bud_claimed *claimed)
{
	const char *end = kept.at ? memchr(kept.at, '\n', kept.len) : NULL;

	if (!end)
		return;
	claimed->owner = (struct bud_span){kept.at, (size_t)(end - kept.at)};
	claimed->bytes = (struct bud_span){end + 1, kept.len - claimed->owner.len - 1};
}

static void on_claimed(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	struct bud_claimed claimed[BUD_CLAIM_MAX];
	int err = bud_reply_error(reply);
	size_t n = 0;

	for (size_t i = 1; err == 0 && i + 3 < (size_t)reply->elements && n < BUD_CLAIM_MAX;
		i += 4) {
		claimed[n] = (struct bud_claimed){
			.attempt = (unsigned)bud_reply_number(reply->element[i + 1]),
			.lease = bud_reply_number(reply->element[i + 2]),
		};
		split_kept(bud_reply_span(reply->element[i + 3]), &claimed[n]);
		if (bud_member_parse(bud_reply_span(reply->element[i]), &claimed[n].id))
			n++;
	}
	((bud_claimed_fn)call.fn)(
		call.owner, err, bud_reply_number(bud_reply_at(reply, 0)), claimed, n);
}

int bud_lane_claim(
	struct bud_store *store, const struct bud_claim *claim, bud_claimed_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	assert(claim->limit <= BUD_CLAIM_MAX);
	bud_args_text(args, BUD_KEY_DUE);
	bud_args_joined(args, BUD_KEY_PARKED, claim->lane);
	bud_args_text(args, BUD_KEY_KEPT);
	bud_args_keys_end(args);
	bud_args_span(args, claim->lane);
	bud_args_number(args, (int64_t)claim->limit);
	bud_args_number(args, claim->lease_ms);
	bud_args_number(args, claim->look_again_ms);
	return bud_store_call_sent(
		call, bud_store_send_script(store, BUD_SCRIPT_CLAIM, on_claimed, call));
}

static void on_resolved(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	int err = bud_reply_error(reply);
	int64_t changed = 0;

	for (size_t i = 0; err == 0 && i < (size_t)reply->elements; i++)
		changed += reply->element[i]->integer;
	((bud_store_number_fn)call.fn)(call.owner, err, changed);
}

int bud_lane_resolve(struct bud_store *store, struct bud_span lane,
	const struct bud_resolution *resolutions, size_t n, bud_store_number_fn fn, void *owner)
{
	static const char *const verbs[] = {"done", "again", "dead", "forget"};
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	bud_args_text(args, BUD_KEY_DUE);
	bud_args_joined(args, BUD_KEY_PARKED, lane);
	bud_args_joined(args, BUD_KEY_DEAD, lane);
	bud_args_text(args, BUD_KEY_KEPT);
	bud_args_text(args, BUD_KEY_REFS);
	bud_args_keys_end(args);
	bud_args_span(args, lane);
	for (size_t i = 0; i < n; i++) {
		char member[BUD_MEMBER_TEXT_BYTES];
		bud_member_write(&resolutions[i].id, member);
		bud_args_joined(args, member, (struct bud_span){NULL, 0});
		bud_args_text(args, verbs[resolutions[i].verb]);
		bud_args_number(args, resolutions[i].lease);
		bud_args_number(args, resolutions[i].delay_ms);
		bud_args_number(args, resolutions[i].attempt);
	}
	return bud_store_call_sent(
		call, bud_store_send_script(store, BUD_SCRIPT_RESOLVE, on_resolved, call));
}
