/* Lanes that are claimed whole, in C against a real Redis: each kind's own wishes reach the
 * scripts, whose logic is tested by the model. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "lane_rig.h"
#include "store/lane_name.h"
#include "store/lane_states.h"

static void on_hold(void *owner, int err, int64_t until_ms, bool is_rest)
{
	(void)owner;
	lane_rig_note(err, until_ms, is_rest, (struct bud_span){NULL, 0});
}

/* For how long, by a rest or by a claim; 0: not at all. */
static int64_t held_ms(struct bud_span lane, bool is_rest)
{
	lane_rig_wait(bud_lane_hold(&rig.store, lane, on_hold, NULL));
	assert_int_equal(rig.err, 0);
	if (rig.number != 0)
		assert_int_equal(rig.n, is_rest);
	return rig.number == 0 ? 0 : rig.number - rig.claim_now_ms;
}

static void a_strict_lane_is_held_and_rests(void **state)
{
	struct bud_claim claim = {.lane = bud_span("h1"),
		.limit = 1,
		.mode = BUD_CLAIM_STRICT,
		.token = bud_span("t1")};
	struct bud_lane_resolve end = {.lane = claim.lane, .mode = claim.mode};

	lane_rig_settle(*state, "a", (struct bud_parking){.lane = claim.lane, .mode = claim.mode});
	lane_rig_settle(*state, "b", (struct bud_parking){.lane = claim.lane, .mode = claim.mode});
	assert_int_equal(held_ms(claim.lane, false), 0);
	lane_rig_claim(claim, 1);
	assert_in_range(held_ms(claim.lane, false), 1, 60000);
	claim.token = bud_span("t2");
	lane_rig_claim(claim, 0);
	end.last = bud_span("t1");
	end.rest_ms = 60000;
	lane_rig_resolve(end, BUD_RESOLVE_DONE, 0, &rig.claimed);
	assert_in_range(held_ms(claim.lane, true), 50000, 61000);
	lane_rig_claim(claim, 0);
	redis_server_do(*state, "HDEL bud:{s0}:held h1~rest");
	lane_rig_claim(claim, 1);
	end.last = bud_span("t2");
	end.rest_ms = 0;
	lane_rig_resolve(end, BUD_RESOLVE_DONE, 0, &rig.claimed);
	redisReply *reply = redis_server_ask(*state, "EXISTS bud:{s0}:held bud:{s0}:parked:h1");
	assert_int_equal(reply->integer, 0);
	freeReplyObject(reply);
}

static void an_ordered_lane_gives_one_by_one(void **state)
{
	char lane[BUD_LANE_TEXT_BYTES];
	struct bud_claim claim = {.lane = {lane, 0},
		.limit = 5,
		.mode = BUD_CLAIM_ORDERED_WAIT,
		.token = bud_span("t1")};
	struct bud_lane_resolve end = {.mode = claim.mode, .last = claim.token};
	struct bud_member first = {1, 1, 3};

	bud_lane_ordered_write(&rig.shard, bud_span("o1"), bud_span("key"), &first, lane);
	claim.lane.len = strlen(lane);
	end.lane = claim.lane;
	assert_true(bud_lane_partition(&rig.shard, claim.lane, &claim.partition));
	assert_int_equal(claim.partition, 3);
	for (int i = 0; i < 2; i++) {
		lane_rig_settle(*state, i ? "b" : "a",
			(struct bud_parking){.lane = claim.lane, .mode = claim.mode});
		first = i ? first : rig.read_id;
	}
	lane_rig_claim(claim, 1);
	assert_int_equal(bud_stream_id_compare(&rig.claimed.id, &first), 0);
	assert_int_equal(rig.claimed.attempt, 1);
	lane_rig_resolve(end, BUD_RESOLVE_AGAIN, 60000, &rig.claimed); /* no attempt was made */
	assert_true(lane_rig_due_in_ms(*state, lane) > 50000);
	lane_rig_claim(claim, 1);
	assert_int_equal(bud_stream_id_compare(&rig.claimed.id, &first), 0);
	assert_int_equal(rig.claimed.attempt, 1);
	lane_rig_resolve(end, BUD_RESOLVE_DONE, 0, &rig.claimed);
	lane_rig_claim(claim, 1);
	assert_string_equal(rig.text, "b");
	lane_rig_resolve(end, BUD_RESOLVE_DONE, 0, &rig.claimed);
}

static void a_batch_is_filled(void **state)
{
	struct bud_claim claim = {.lane = bud_span("b1"),
		.limit = 10,
		.mode = BUD_CLAIM_BATCH,
		.token = bud_span("t1"),
		.fill = 2,
		.wait_ms = 60000,
		.bytes_max = 100};
	struct bud_parking parking = {
		.lane = claim.lane, .mode = claim.mode, .delay_ms = 60000, .fill = 2};
	struct bud_lane_resolve end = {
		.lane = claim.lane, .mode = claim.mode, .fill = 2, .wait_ms = 60000};

	lane_rig_settle(*state, "a", parking);
	assert_true(lane_rig_due_in_ms(*state, "b1") > 50000);
	lane_rig_claim(claim, 0);
	lane_rig_settle(*state, "b", parking);
	assert_true(lane_rig_due_in_ms(*state, "b1") <= 0);
	lane_rig_claim(claim, 2);
	lane_rig_resolve(end, BUD_RESOLVE_DONE, 0, &rig.claimed);
	end.last = claim.token;
	lane_rig_resolve(end, BUD_RESOLVE_DONE, 0, &rig.second);
	lane_rig_settle(*state, "0123456789", parking);
	lane_rig_settle(*state, "0123456789", parking);
	claim.bytes_max = 19;
	lane_rig_claim(claim, 1);
	lane_rig_resolve(end, BUD_RESOLVE_DONE, 0, &rig.claimed);
	redis_server_do(*state, "DEL bud:{s0}:due bud:{s0}:parked:b1 bud:{s0}:kept bud:{s0}:refs");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_strict_lane_is_held_and_rests),
		cmocka_unit_test(an_ordered_lane_gives_one_by_one),
		cmocka_unit_test(a_batch_is_filled),
	};

	return cmocka_run_group_tests(tests, lane_rig_start, lane_rig_finish);
}
