/* Reviving, its jobs, and what tells people what there is to revive, in C against a real Redis. The
 * script's logic is tested by the model. */
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
#include "store/lane_states.h"
#include "store/replays.h"
#include "store/revive.h"

static const struct bud_span none = {NULL, 0};

static struct bud_lane_state states_seen[2];

static void on_states(void *owner, int err, const struct bud_lane_state *states, size_t n)
{
	(void)owner;
	lane_rig_note(err, 0, n, none);
	for (size_t i = 0; i < n && i < 2; i++)
		states_seen[i] = states[i];
}

static void on_replays(void *owner, int err, const struct bud_replay *replays, size_t n)
{
	(void)owner;
	lane_rig_note(err, 0, n, n ? replays[0].value : none);
}

static void on_page(
	void *owner, int err, uint64_t cursor, const struct bud_replay *replays, size_t n)
{
	assert_int_equal(cursor, 0);
	on_replays(owner, err, replays, n);
}

static void what_died_is_revived_with_its_job(void **state)
{
	struct bud_replay job = {bud_span("j"), bud_span("0")};
	struct bud_revived revived[1] = {{.source = BUD_REVIVE_DEAD}};
	struct bud_revive revive = {.subscription = bud_span("v1"),
		.revived = revived,
		.n = 1,
		.job = job.job,
		.before = bud_span("0"),
		.after = bud_span("1")};
	struct bud_lane_asked asked[] = {
		{bud_span("v1"), bud_span("v1")}, {bud_span("v2"), bud_span("v2")}};
	struct bud_lane_states_ask ask = {.asked = asked, .n = 2};

	lane_rig_settle(*state, "v",
		(struct bud_parking){
			.lane = bud_span("v1"), .dead = true, .attempt = 7, .why = bud_span("{}")});
	ask.id = revived[0].id = rig.read_id;
	lane_rig_wait(bud_lane_states(&rig.store, &ask, on_states, NULL));
	assert_int_equal(rig.n, 2);
	assert_true(states_seen[0].dead.is_there && !states_seen[0].replay.is_there);
	assert_int_equal(states_seen[0].dead.attempt, 7);
	assert_false(states_seen[1].dead.is_there || states_seen[1].parked.is_there);
	lane_rig_wait(bud_replays_put(&rig.store, &job, lane_rig_on_number, NULL));
	assert_int_equal(rig.number, 1);
	lane_rig_wait(bud_replays_put(&rig.store, &job, lane_rig_on_number, NULL));
	assert_int_equal(rig.number, 0);
	lane_rig_wait(bud_revive(&rig.store, &revive, lane_rig_on_number, NULL));
	assert_int_equal(rig.number, 1);
	lane_rig_wait(bud_revive(&rig.store, &revive, lane_rig_on_number, NULL));
	assert_int_equal(rig.number, -1);
	lane_rig_wait(bud_replays_get(&rig.store, job.job, on_replays, NULL));
	assert_int_equal(rig.n, 1);
	assert_string_equal(rig.text, "1");
	lane_rig_wait(bud_lane_states(&rig.store, &ask, on_states, NULL));
	assert_true(states_seen[0].replay.is_there && !states_seen[0].dead.is_there);
	revived[0].source = BUD_REVIVE_EVENT; /* it waits already */
	revive.before = bud_span("1");
	revive.after = none;
	lane_rig_wait(bud_revive(&rig.store, &revive, lane_rig_on_number, NULL));
	assert_int_equal(rig.number, 0);
	lane_rig_wait(bud_replays_scan(&rig.store, 0, on_page, NULL));
	assert_int_equal(rig.n, 0);
	lane_rig_wait(bud_replays_get(&rig.store, job.job, on_replays, NULL));
	assert_int_equal(rig.n, 0);
	lane_rig_claim((struct bud_claim){.lane = bud_span("v1~replay"), .limit = 2}, 1);
	assert_string_equal(rig.text, "v");
	assert_int_equal(rig.claimed.attempt, 1);
	lane_rig_resolve((struct bud_lane_resolve){.lane = bud_span("v1~replay")}, BUD_RESOLVE_DONE,
		0, &rig.claimed);
}

static void of_an_ordered_subscription_it_goes_one_by_one(void **state)
{
	struct bud_claim claim = {.lane = bud_span("v3~replay"),
		.limit = 5,
		.mode = BUD_CLAIM_ORDERED_WAIT,
		.token = bud_span("t1"),
		.partition = 3};
	struct bud_lane_resolve end = {.lane = claim.lane, .mode = claim.mode, .last = claim.token};
	struct bud_revived revived[2] = {
		{.source = BUD_REVIVE_EVENT}, {.source = BUD_REVIVE_EVENT}};
	struct bud_revive revive = {
		.subscription = bud_span("v3"), .is_ordered = true, .revived = revived, .n = 2};

	lane_rig_read(*state, "first");
	revived[1].id = rig.read_id;
	lane_rig_read(*state, "second");
	revived[0].id = rig.read_id;
	lane_rig_wait(bud_revive(&rig.store, &revive, lane_rig_on_number, NULL));
	assert_int_equal(rig.number, 2);
	/* Both are pending still, which is no matter. */
	lane_rig_claim(claim, 1);
	assert_string_equal(rig.text, "first");
	lane_rig_resolve(end, BUD_RESOLVE_AGAIN, 60000, &rig.claimed); /* no attempt was made */
	lane_rig_claim(claim, 1);
	assert_string_equal(rig.text, "first");
	lane_rig_resolve(end, BUD_RESOLVE_DONE, 0, &rig.claimed);
	lane_rig_claim(claim, 1);
	assert_string_equal(rig.text, "second");
	lane_rig_resolve(end, BUD_RESOLVE_DONE, 0, &rig.claimed);
}

static void retained_events_come_by_time(void **state)
{
	struct bud_partition_range range = {.partition = 9, .from_ms = 5, .to_ms = 7, .limit = 2};
	static const char *const ids[] = {"4-1", "5-1", "6-1", "7-2", "8-1"};
	struct bud_member after;

	for (size_t i = 0; i < 5; i++)
		redis_server_do(*state, "XADD bud:{s0}:p9:events %s o local e %s", ids[i], ids[i]);
	lane_rig_wait(bud_partition_range(&rig.store, &range, lane_rig_on_entries, NULL));
	assert_int_equal(rig.n, 2);
	assert_string_equal(rig.text, "5-1");
	assert_int_equal(rig.read_id.partition, 9);
	after = (struct bud_member){6, 1, 9};
	range.after = &after;
	lane_rig_wait(bud_partition_range(&rig.store, &range, lane_rig_on_entries, NULL));
	assert_int_equal(rig.n, 1);
	assert_string_equal(rig.text, "7-2");
	range.is_reverse = true;
	lane_rig_wait(bud_partition_range(&rig.store, &range, lane_rig_on_entries, NULL));
	assert_int_equal(rig.n, 1);
	assert_string_equal(rig.text, "5-1");
	range.after = NULL;
	lane_rig_wait(bud_partition_range(&rig.store, &range, lane_rig_on_entries, NULL));
	assert_int_equal(rig.n, 2);
	assert_string_equal(rig.text, "7-2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_died_is_revived_with_its_job),
		cmocka_unit_test(of_an_ordered_subscription_it_goes_one_by_one),
		cmocka_unit_test(retained_events_come_by_time),
	};

	return cmocka_run_group_tests(tests, lane_rig_start, lane_rig_finish);
}
