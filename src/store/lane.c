/* Lanes: looking, claiming and resolving. Their lists for people are in lane_rows.c. */
#include "store/lane.h"

#include <assert.h>
#include <stdlib.h>

#include "store/keys.h"
#include "store/reply.h"
#include "store/scripts.h"

#define PULL_AT_ONCE 1000

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
	struct bud_store *store, int64_t ahead_ms, size_t limit, bud_lanes_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	assert(limit <= BUD_LANES_MAX);
	bud_args_text(args, BUD_KEY_DUE);
	bud_args_keys_end(args);
	bud_args_number(args, ahead_ms);
	bud_args_number(args, (int64_t)limit);
	return bud_store_call_sent(
		call, bud_store_send_script(store, BUD_SCRIPT_DUE, on_lanes, call));
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

static const char *const modes[] = {"plain", "strict", "wait", "skip", "batch"};

static bool is_ordered(enum bud_claim_mode mode)
{
	return mode == BUD_CLAIM_ORDERED_WAIT || mode == BUD_CLAIM_ORDERED_SKIP;
}

static void add_claim(struct bud_args *args, const struct bud_claim *claim)
{
	bud_args_text(args, BUD_KEY_DUE);
	bud_args_joined(args, BUD_KEY_PARKED, claim->lane);
	bud_args_text(args, BUD_KEY_KEPT);
	bud_args_keys_end(args);
	bud_args_span(args, claim->lane);
	bud_args_number(args, (int64_t)claim->limit);
	bud_args_number(args, claim->lease_ms);
	bud_args_number(args, claim->look_again_ms);
}

static void add_strict_claim(struct bud_args *args, const struct bud_claim *claim)
{
	assert(claim->limit == 0 || (claim->token.len > 0 && claim->hold_ms >= claim->lease_ms));
	bud_args_text(args, BUD_KEY_DUE);
	bud_args_joined(args, BUD_KEY_PARKED, claim->lane);
	bud_args_text(args, BUD_KEY_KEPT);
	bud_args_text(args, BUD_KEY_HELD);
	if (is_ordered(claim->mode))
		bud_args_format(args, BUD_KEY_EVENTS_FORMAT, claim->partition);
	bud_args_keys_end(args);
	bud_args_span(args, claim->lane);
	bud_args_text(args, modes[claim->mode]);
	bud_args_number(args, (int64_t)claim->limit);
	bud_args_number(args, claim->lease_ms);
	bud_args_number(args, claim->look_again_ms);
	bud_args_span(args, claim->token);
	bud_args_number(args, claim->hold_ms);
	bud_args_text(args, BUD_GROUP);
	if (claim->mode != BUD_CLAIM_BATCH)
		return;
	bud_args_number(args, claim->fill);
	bud_args_number(args, claim->wait_ms);
	bud_args_number(args, (int64_t)claim->bytes_max);
}

int bud_lane_claim(
	struct bud_store *store, const struct bud_claim *claim, bud_claimed_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	enum bud_script script = BUD_SCRIPT_CLAIM;

	assert(claim->limit <= BUD_CLAIM_MAX);
	if (claim->mode == BUD_CLAIM_PLAIN) {
		add_claim(&store->args, claim);
	} else {
		add_strict_claim(&store->args, claim);
		script = BUD_SCRIPT_CLAIM_STRICT;
	}
	return bud_store_call_sent(call, bud_store_send_script(store, script, on_claimed, call));
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

static void add_resolution(struct bud_args *args, const struct bud_resolution *resolution)
{
	static const char *const verbs[] = {"done", "again", "dead", "forget", "later"};
	char member[BUD_MEMBER_TEXT_BYTES];

	bud_member_write(&resolution->id, member);
	bud_args_joined(args, member, (struct bud_span){NULL, 0});
	bud_args_text(args, verbs[resolution->verb]);
	bud_args_number(args, resolution->lease);
	bud_args_number(args, resolution->delay_ms);
	bud_args_number(args, resolution->attempt);
	if (resolution->verb != BUD_RESOLVE_DEAD)
		return;
	bud_args_span(args, resolution->why);
	bud_args_span(args, resolution->note.owner);
	bud_args_span(args, resolution->note.bytes);
}

static bool has_notes(const struct bud_lane_resolve *resolve)
{
	for (size_t i = 0; i < resolve->n; i++)
		if (resolve->resolutions[i].note.bytes.len > 0)
			return true;
	return false;
}

int bud_lane_resolve(struct bud_store *store, const struct bud_lane_resolve *resolve,
	bud_store_number_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	bud_args_text(args, BUD_KEY_DUE);
	bud_args_joined(args, BUD_KEY_PARKED, resolve->lane);
	bud_args_joined(args, BUD_KEY_DEAD, resolve->subscription);
	bud_args_text(args, BUD_KEY_KEPT);
	bud_args_text(args, BUD_KEY_REFS);
	bud_args_text(args, BUD_KEY_WHY);
	bud_args_text(args, BUD_KEY_HELD);
	if (has_notes(resolve))
		bud_args_format(args, BUD_KEY_EVENTS_FORMAT, resolve->note_partition);
	bud_args_keys_end(args);
	bud_args_span(args, resolve->lane);
	bud_args_span(args, resolve->subscription);
	bud_args_text(args, modes[resolve->mode]);
	bud_args_span(args, resolve->last);
	bud_args_number(args, resolve->rest_ms);
	bud_args_number(args, resolve->fill);
	bud_args_number(args, resolve->wait_ms);
	for (size_t i = 0; i < resolve->n; i++)
		add_resolution(args, &resolve->resolutions[i]);
	return bud_store_call_sent(
		call, bud_store_send_script(store, BUD_SCRIPT_RESOLVE, on_resolved, call));
}

void bud_lane_add_rest(struct bud_args *args, struct bud_span lane)
{
	struct bud_span subscription = bud_lane_subscription(lane);

	bud_args_format(args, "%.*s~rest", (int)subscription.len, subscription.at);
}

int bud_lane_drop_hold(struct bud_store *store, struct bud_span lane)
{
	bud_args_text(&store->args, "HDEL");
	bud_args_text(&store->args, BUD_KEY_HELD);
	bud_args_span(&store->args, lane);
	bud_lane_add_rest(&store->args, lane);
	return bud_store_send(store, NULL, NULL);
}

int bud_lane_pull(struct bud_store *store, struct bud_span lane, int64_t now_ms,
	bud_store_number_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	bud_args_text(args, "ZADD");
	bud_args_text(args, BUD_KEY_DUE);
	bud_args_text(args, "XX");
	bud_args_text(args, "LT");
	bud_args_text(args, "CH");
	bud_args_number(args, now_ms);
	bud_args_span(args, lane);
	return bud_store_call_sent(call, bud_store_send(store, bud_store_on_number, call));
}

static void on_pulled(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);

	((bud_store_number_fn)call.fn)(
		call.owner, bud_reply_error(reply), bud_reply_number(bud_reply_at(reply, 0)));
}

int bud_lane_pull_subscription(struct bud_store *store, struct bud_span subscription,
	uint64_t cursor, bud_store_number_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	bud_args_text(args, BUD_KEY_DUE);
	bud_args_keys_end(args);
	bud_args_span(args, subscription);
	bud_args_format(args, "%llu", (unsigned long long)cursor);
	bud_args_number(args, PULL_AT_ONCE);
	return bud_store_call_sent(
		call, bud_store_send_script(store, BUD_SCRIPT_PULL, on_pulled, call));
}
