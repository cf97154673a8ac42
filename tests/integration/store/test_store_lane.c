/* Lanes in C against a real Redis: what is parked, claimed, resolved and listed says what was asked
 * for. The scripts' logic is tested by the model. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "lane_rig.h"
#include "store/keys.h"
#include "store/lane_rows.h"

static const struct bud_span none = {NULL, 0};

static void on_lanes(void *owner, int err, const struct bud_span *lanes, size_t n)
{
	(void)owner;
	lane_rig_note(err, 0, n, n ? lanes[0] : none);
}

static char last_why[64];
static struct bud_lane_row last_row;

static void on_rows(void *owner, int err, const struct bud_lane_row *rows, size_t n, size_t total)
{
	(void)owner;
	lane_rig_note(err, (int64_t)total, n, n ? rows[0].bytes : none);
	snprintf(last_why, sizeof(last_why), "%.*s", n ? (int)rows[n - 1].why.len : 0,
		n && rows[n - 1].why.at ? rows[n - 1].why.at : "");
	if (n > 0)
		last_row = rows[n - 1];
}

static void resolve(enum bud_resolve verb, int64_t lease, int64_t wanted)
{
	struct bud_resolution resolution = {.id = rig.claimed.id,
		.verb = verb,
		.lease = lease,
		.attempt = rig.claimed.attempt,
		.why = bud_span("{\"reason\":\"tired\"}")};
	struct bud_lane_resolve resolve = {.lane = bud_span("s1"),
		.subscription = bud_span("s1"),
		.resolutions = &resolution,
		.n = 1};

	lane_rig_wait(bud_lane_resolve(&rig.store, &resolve, lane_rig_on_number, NULL));
	assert_int_equal(rig.err, 0);
	assert_int_equal(rig.number, wanted);
}

static void claim_one(size_t wanted)
{
	struct bud_claim claim = {.lane = bud_span("s1"), .limit = 5, .lease_ms = 60000};

	lane_rig_wait(bud_lane_claim(&rig.store, &claim, lane_rig_on_claimed, NULL));
	assert_int_equal(rig.err, 0);
	assert_int_equal(rig.n, wanted);
}

static void a_delivery_goes_through_its_lane(void **state)
{
	struct bud_parking parking = {.lane = bud_span("s1"), .attempt = 1};
	struct bud_settle settle = {.consumer = "me", .parkings = &parking, .n = 1, .ack = true};
	struct bud_lane_page page = {
		.lane = bud_span("s1"), .list = BUD_LANE_LIST_PARKED, .limit = 10};

	lane_rig_read(*state, "parked");
	settle.id = rig.read_id;
	lane_rig_wait(bud_settle(&rig.store, &settle, lane_rig_on_number, NULL));
	assert_true(rig.number > 1700000000000);
	lane_rig_wait(bud_settle(&rig.store, &settle, lane_rig_on_number, NULL));
	assert_int_equal(rig.number, 0); /* settled before */
	lane_rig_wait(bud_lane_due(&rig.store, INT64_MAX / 2, 10, on_lanes, NULL));
	assert_int_equal(rig.n, 1);
	assert_string_equal(rig.text, "s1");
	lane_rig_wait(bud_lane_rows(&rig.store, &page, on_rows, NULL));
	assert_int_equal(rig.number, 1);
	assert_string_equal(rig.text, "parked");

	claim_one(1);
	assert_string_equal(rig.text, "parked");
	assert_int_equal(rig.claimed.attempt, 2);
	assert_int_equal(bud_stream_id_compare(&rig.claimed.id, &rig.read_id), 0);
	assert_int_equal(rig.claimed.lease, (rig.claim_now_ms + 60000) * 64 + 2);
	claim_one(0); /* leased */
	resolve(BUD_RESOLVE_AGAIN, rig.claimed.lease - 1, 0);
	resolve(BUD_RESOLVE_AGAIN, rig.claimed.lease, 1);
	claim_one(1);
	assert_int_equal(rig.claimed.attempt, 3);
	resolve(BUD_RESOLVE_DEAD, rig.claimed.lease, 1);
	page.list = BUD_LANE_LIST_DEAD;
	lane_rig_wait(bud_lane_rows(&rig.store, &page, on_rows, NULL));
	assert_int_equal(rig.number, 1);
	assert_string_equal(rig.text, "parked");
	assert_string_equal(last_why, "{\"reason\":\"tired\"}");
	resolve(BUD_RESOLVE_FORGET, 0, 1);
	resolve(BUD_RESOLVE_FORGET, 0, 0);
	lane_rig_wait(bud_lane_rows(&rig.store, &page, on_rows, NULL));
	assert_int_equal(rig.n, 0);
	lane_rig_wait(bud_lane_count(&rig.store, lane_rig_on_number, NULL));
	assert_int_equal(rig.number, 0);
	redisReply *reply =
		redis_server_ask(*state, "EXISTS bud:{s0}:kept bud:{s0}:refs bud:{s0}:why");
	assert_int_equal(reply->integer, 0);
	freeReplyObject(reply);
}

static void a_death_is_told_by_why_and_note(void **state)
{
	struct bud_read read = {"me", 3, BUD_PARTITIONS, 10, 10};
	struct bud_lane_page page = {
		.lane = bud_span("d1"), .list = BUD_LANE_LIST_DEAD, .limit = 10};

	lane_rig_settle(*state, "first",
		(struct bud_parking){.lane = bud_span("d1"),
			.dead = true,
			.attempt = 3,
			.why = bud_span("one"),
			.note = {0, bud_span("us"), bud_span("n1")}});
	lane_rig_wait(bud_partition_read(&rig.store, &read, lane_rig_on_entries, NULL));
	assert_int_equal(rig.n, 1);
	assert_string_equal(rig.text, "n1");
	lane_rig_wait(bud_partition_ack(&rig.store, &rig.read_id, 1, lane_rig_on_number, NULL));
	lane_rig_settle(*state, "second",
		(struct bud_parking){.lane = bud_span("d1"), .dead = true, .attempt = 4});
	lane_rig_wait(bud_lane_rows(&rig.store, &page, on_rows, NULL));
	assert_int_equal(rig.n, 2);
	assert_string_equal(last_why, "one"); /* the last row's: the first to die */
	lane_rig_settle(*state, "third", (struct bud_parking){.lane = bud_span("d2")});
	lane_rig_claim((struct bud_claim){.lane = bud_span("d2"), .limit = 1}, 1);
	lane_rig_resolve((struct bud_lane_resolve){.lane = bud_span("d2"), .note_partition = 3},
		BUD_RESOLVE_DEAD, 0, &rig.claimed);
	lane_rig_wait(bud_partition_read(&rig.store, &read, lane_rig_on_entries, NULL));
	assert_int_equal(rig.n, 1);
	assert_string_equal(rig.text, "it died");
	lane_rig_wait(bud_partition_ack(&rig.store, &rig.read_id, 1, lane_rig_on_number, NULL));
}

static void dead_letters_of_a_time_come_page_by_page(void **state)
{
	struct bud_lane_dead_range range = {
		.subscription = bud_span("dr"), .from_ms = 100, .to_ms = 300, .limit = 2};
	struct bud_lane_row after;

	/* Four at one moment, more than a page; one before and one behind the range. */
	for (int i = 1; i <= 4; i++)
		redis_server_do(
			*state, "ZADD bud:{s0}:dead:dr %d 03-5-000000000%d", 200 * 64 + 1, i);
	redis_server_do(*state, "ZADD bud:{s0}:dead:dr %d 03-5-0000000008", 99 * 64 + 63);
	redis_server_do(*state, "ZADD bud:{s0}:dead:dr %d 03-5-0000000009", 301 * 64);
	redis_server_do(*state, "ZADD bud:{s0}:dead:dr %d 03-5-0000000005", 300 * 64 + 63);
	redis_server_do(*state, "HSET bud:{s0}:why %s because", "dr 03-5-0000000005");
	for (uint64_t seen = 0; seen < 5; seen += rig.n) {
		lane_rig_wait(bud_lane_dead_range(&rig.store, &range, on_rows, NULL));
		assert_int_equal(rig.err, 0);
		assert_int_equal(rig.number, 5);
		assert_int_equal(last_row.id.seq, seen + rig.n);
		assert_true(rig.n > 0);
		after = last_row;
		range.after = &after;
	}
	assert_string_equal(last_why, "because");
	lane_rig_wait(bud_lane_dead_range(&rig.store, &range, on_rows, NULL));
	assert_int_equal(rig.n, 0);
	redis_server_do(*state, "DEL bud:{s0}:dead:dr bud:{s0}:why");
}

/* Two of 600 000 bytes are more than a reply holds; the third comes with the next page. */
static void a_page_of_large_events_ends_early(void **state)
{
	static char kept[600000];
	struct bud_lane_dead_range range = {
		.subscription = bud_span("dl"), .from_ms = 1, .to_ms = 1, .limit = 10};
	struct bud_lane_page page = {
		.lane = bud_span("dl"), .list = BUD_LANE_LIST_DEAD, .limit = 10};
	struct bud_lane_row after;

	memset(kept, 'x', sizeof(kept));
	memcpy(kept, "local\n", 6);
	for (int i = 1; i <= 3; i++) {
		redis_server_do(*state, "ZADD bud:{s0}:dead:dl 64 03-5-000000000%d", i);
		redis_server_do(
			*state, "HSET bud:{s0}:kept 03-5-000000000%d %b", i, kept, sizeof(kept));
	}
	lane_rig_wait(bud_lane_rows(&rig.store, &page, on_rows, NULL));
	assert_int_equal(rig.n, 2);
	assert_int_equal(rig.number, 3);
	page.offset = 2;
	lane_rig_wait(bud_lane_rows(&rig.store, &page, on_rows, NULL));
	assert_int_equal(rig.n, 1);
	lane_rig_wait(bud_lane_dead_range(&rig.store, &range, on_rows, NULL));
	assert_int_equal(rig.n, 2);
	after = last_row;
	range.after = &after;
	lane_rig_wait(bud_lane_dead_range(&rig.store, &range, on_rows, NULL));
	assert_int_equal(rig.n, 1);
	assert_int_equal(last_row.id.seq, 3);
	redis_server_do(*state, "DEL bud:{s0}:dead:dl bud:{s0}:kept");
}

static void a_paused_lane_waits_until_it_is_pulled(void **state)
{
	lane_rig_settle(
		*state, "p", (struct bud_parking){.lane = bud_span("w1"), .look_ms = 300000});
	assert_true(lane_rig_due_in_ms(*state, "w1") > 290000);
	lane_rig_wait(bud_lane_pull(&rig.store, bud_span("w1"), 1000, lane_rig_on_number, NULL));
	assert_int_equal(rig.number, 1);
	lane_rig_wait(bud_lane_pull(&rig.store, bud_span("w1"), 1000, lane_rig_on_number, NULL));
	assert_int_equal(rig.number, 0);
	lane_rig_wait(bud_lane_pull(&rig.store, bud_span("empty"), 1000, lane_rig_on_number, NULL));
	assert_int_equal(rig.number, 0);
	redis_server_do(*state, "ZADD bud:{s0}:due 99999999999999 w1/00 99999999999999 w1~replay");
	lane_rig_wait(bud_lane_pull_subscription(
		&rig.store, bud_span("w1"), 0, lane_rig_on_number, NULL));
	assert_int_equal(rig.number, 0);
	assert_true(lane_rig_due_in_ms(*state, "w1/00") <= 0);
	assert_true(lane_rig_due_in_ms(*state, "w1~replay") <= 0);
	redis_server_do(*state, "DEL bud:{s0}:due bud:{s0}:parked:w1 bud:{s0}:kept bud:{s0}:refs");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_delivery_goes_through_its_lane),
		cmocka_unit_test(a_death_is_told_by_why_and_note),
		cmocka_unit_test(dead_letters_of_a_time_come_page_by_page),
		cmocka_unit_test(a_page_of_large_events_ends_early),
		cmocka_unit_test(a_paused_lane_waits_until_it_is_pulled),
	};

	return cmocka_run_group_tests(tests, lane_rig_start, lane_rig_finish);
}
