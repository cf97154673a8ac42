/* Lanes in C against a real Redis: what is parked, claimed, resolved, listed and revived says what
 * was asked for. The scripts' logic is tested by the model. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "config/redis_url.h"
#include "redis/client.h"
#include "redis_server.h"
#include "store/keys.h"
#include "store/lane.h"
#include "store/lane_name.h"
#include "store/lane_rows.h"
#include "store/lane_states.h"
#include "store/partition.h"
#include "store/replays.h"
#include "store/revive.h"
#include "store/settle.h"
#include "store/store.h"

static uv_loop_t loop;
static struct bud_redis *redis;
static struct bud_shard shard;
static struct bud_store store;
/* What the last call said. */
static int answers;
static int last_err;
static int64_t last_number;
static size_t last_n;
static char last_text[512];

static void note(int err, int64_t number, size_t n, struct bud_span text)
{
	answers++;
	last_err = err;
	last_number = number;
	last_n = n;
	snprintf(last_text, sizeof(last_text), "%.*s", (int)text.len, text.at ? text.at : "");
}

static const struct bud_span none = {NULL, 0};

/* Runs what `sent` started. */
static void wait_for(int sent)
{
	int before = answers;

	assert_int_equal(sent, 0);
	while (answers == before)
		uv_run(&loop, UV_RUN_ONCE);
	assert_int_equal(answers, before + 1);
}

static void on_setup(void *owner, int err, const char *text)
{
	(void)owner;
	note(err, 0, 0, bud_span(text));
}

static void on_number(void *owner, int err, int64_t number)
{
	(void)owner;
	note(err, number, 0, none);
}

static int set_up(void **state)
{
	static struct redis_server server;
	struct bud_redis_url url;
	struct bud_error error;
	struct bud_redis_options options = {
		.url = &url, .scripts = bud_store_scripts, .scripts_n = bud_store_scripts_n};

	redis_server_start(&server, NULL);
	if (bud_redis_url_parse(bud_span(server.url), &url, &error) < 0)
		abort();
	uv_loop_init(&loop);
	redis = bud_redis_open(&loop, &options);
	bud_store_init(&store, redis, &shard);
	while (!bud_redis_is_up(redis))
		uv_run(&loop, UV_RUN_ONCE);
	wait_for(bud_store_setup(&store, &shard, on_setup, NULL));
	assert_int_equal(last_err, 0);
	*state = &server;
	return 0;
}

static int tear_down(void **state)
{
	bud_store_detach(&store);
	bud_redis_close(redis);
	uv_run(&loop, UV_RUN_DEFAULT);
	bud_store_finish(&store);
	redis_server_finish(*state);
	return uv_loop_close(&loop);
}

static struct bud_member read_id;

static void on_entries(void *owner, int err, const struct bud_entry *entries, size_t n)
{
	(void)owner;
	note(err, 0, n, n ? entries[0].bytes : none);
	if (n > 0)
		read_id = entries[0].id;
}

static void read_one(struct redis_server *server, const char *bytes)
{
	struct bud_read read = {"me", 3, BUD_PARTITIONS, 10, 10};

	redis_server_do(server, "XADD bud:{s0}:p3:events * o local e %s", bytes);
	wait_for(bud_partition_read(&store, &read, on_entries, NULL));
	assert_int_equal(last_n, 1);
	assert_string_equal(last_text, bytes);
}

static void settle_as(struct redis_server *server, const char *bytes, struct bud_parking parking)
{
	struct bud_settle settle = {.consumer = "me", .parkings = &parking, .n = 1, .ack = true};

	read_one(server, bytes);
	settle.id = read_id;
	wait_for(bud_settle(&store, &settle, on_number, NULL));
	assert_true(last_number > 1700000000000);
}

/* How far ahead of now the lane is looked at. */
static int64_t due_in_ms(struct redis_server *server, const char *lane)
{
	redisReply *time = redis_server_ask(server, "TIME");
	redisReply *score = redis_server_ask(server, "ZSCORE bud:{s0}:due %s", lane);
	int64_t now_ms = strtoll(time->element[0]->str, NULL, 10) * 1000 +
			 strtoll(time->element[1]->str, NULL, 10) / 1000;
	int64_t ahead_ms = strtoll(score->str, NULL, 10) - now_ms;

	freeReplyObject(time);
	freeReplyObject(score);
	return ahead_ms;
}

static struct bud_claimed claimed;
static struct bud_claimed second; /* of the last claim */
static int64_t claim_now_ms;

static void on_claimed(
	void *owner, int err, int64_t now_ms, const struct bud_claimed *rows, size_t n)
{
	(void)owner;
	note(err, now_ms, n, n ? rows[0].bytes : none);
	claim_now_ms = now_ms;
	if (n > 0)
		claimed = rows[0];
	if (n > 1)
		second = rows[1];
}

static void on_lanes(void *owner, int err, const struct bud_span *lanes, size_t n)
{
	(void)owner;
	note(err, 0, n, n ? lanes[0] : none);
}

static char last_why[64];
static struct bud_lane_row last_row;

static void on_rows(void *owner, int err, const struct bud_lane_row *rows, size_t n, size_t total)
{
	(void)owner;
	note(err, (int64_t)total, n, n ? rows[0].bytes : none);
	snprintf(last_why, sizeof(last_why), "%.*s", n ? (int)rows[n - 1].why.len : 0,
		n && rows[n - 1].why.at ? rows[n - 1].why.at : "");
	if (n > 0)
		last_row = rows[n - 1];
}

static void resolve(enum bud_resolve verb, int64_t lease, int64_t wanted)
{
	struct bud_resolution resolution = {.id = claimed.id,
		.verb = verb,
		.lease = lease,
		.attempt = claimed.attempt,
		.why = bud_span("{\"reason\":\"tired\"}")};
	struct bud_lane_resolve resolve = {.lane = bud_span("s1"),
		.subscription = bud_span("s1"),
		.resolutions = &resolution,
		.n = 1};

	wait_for(bud_lane_resolve(&store, &resolve, on_number, NULL));
	assert_int_equal(last_err, 0);
	assert_int_equal(last_number, wanted);
}

static void claim_one(size_t wanted)
{
	struct bud_claim claim = {.lane = bud_span("s1"), .limit = 5, .lease_ms = 60000};

	wait_for(bud_lane_claim(&store, &claim, on_claimed, NULL));
	assert_int_equal(last_err, 0);
	assert_int_equal(last_n, wanted);
}

static void a_delivery_goes_through_its_lane(void **state)
{
	struct bud_parking parking = {.lane = bud_span("s1"), .attempt = 1};
	struct bud_settle settle = {.consumer = "me", .parkings = &parking, .n = 1, .ack = true};
	struct bud_lane_page page = {bud_span("s1"), BUD_LANE_LIST_PARKED, 0, 10};

	read_one(*state, "parked");
	settle.id = read_id;
	wait_for(bud_settle(&store, &settle, on_number, NULL));
	assert_true(last_number > 1700000000000);
	wait_for(bud_settle(&store, &settle, on_number, NULL));
	assert_int_equal(last_number, 0); /* settled before */
	wait_for(bud_lane_due(&store, INT64_MAX / 2, 10, on_lanes, NULL));
	assert_int_equal(last_n, 1);
	assert_string_equal(last_text, "s1");
	wait_for(bud_lane_rows(&store, &page, on_rows, NULL));
	assert_int_equal(last_number, 1);
	assert_string_equal(last_text, "parked");

	claim_one(1);
	assert_string_equal(last_text, "parked");
	assert_int_equal(claimed.attempt, 2);
	assert_int_equal(bud_stream_id_compare(&claimed.id, &read_id), 0);
	assert_int_equal(claimed.lease, (claim_now_ms + 60000) * 64 + 2);
	claim_one(0); /* leased */
	resolve(BUD_RESOLVE_AGAIN, claimed.lease - 1, 0);
	resolve(BUD_RESOLVE_AGAIN, claimed.lease, 1);
	claim_one(1);
	assert_int_equal(claimed.attempt, 3);
	resolve(BUD_RESOLVE_DEAD, claimed.lease, 1);
	page.list = BUD_LANE_LIST_DEAD;
	wait_for(bud_lane_rows(&store, &page, on_rows, NULL));
	assert_int_equal(last_number, 1);
	assert_string_equal(last_text, "parked");
	assert_string_equal(last_why, "{\"reason\":\"tired\"}");
	resolve(BUD_RESOLVE_FORGET, 0, 1);
	resolve(BUD_RESOLVE_FORGET, 0, 0);
	wait_for(bud_lane_rows(&store, &page, on_rows, NULL));
	assert_int_equal(last_n, 0);
	wait_for(bud_lane_count(&store, on_number, NULL));
	assert_int_equal(last_number, 0);
	redisReply *reply =
		redis_server_ask(*state, "EXISTS bud:{s0}:kept bud:{s0}:refs bud:{s0}:why");
	assert_int_equal(reply->integer, 0);
	freeReplyObject(reply);
}

static void claim_as(struct bud_claim claim, size_t wanted)
{
	claim.lease_ms = 60000;
	claim.hold_ms = 60000;
	wait_for(bud_lane_claim(&store, &claim, on_claimed, NULL));
	assert_int_equal(last_err, 0);
	assert_int_equal(last_n, wanted);
}

static void end_as(struct bud_lane_resolve resolve, enum bud_resolve verb, int64_t delay_ms,
	const struct bud_claimed *which)
{
	struct bud_resolution resolution = {.id = which->id,
		.verb = verb,
		.lease = which->lease,
		.delay_ms = delay_ms,
		.attempt = verb == BUD_RESOLVE_AGAIN ? which->attempt - 1 : which->attempt,
		.why = bud_span("{}"),
		.note = {0, bud_span("us"), bud_span("it died")}};

	resolve.subscription = bud_lane_subscription(resolve.lane);
	resolve.resolutions = &resolution;
	resolve.n = 1;
	wait_for(bud_lane_resolve(&store, &resolve, on_number, NULL));
	assert_int_equal(last_err, 0);
	assert_int_equal(last_number, 1);
}

static void a_death_is_told_by_why_and_note(void **state)
{
	struct bud_read read = {"me", 3, BUD_PARTITIONS, 10, 10};
	struct bud_lane_page page = {bud_span("d1"), BUD_LANE_LIST_DEAD, 0, 10};

	settle_as(*state, "first",
		(struct bud_parking){.lane = bud_span("d1"),
			.dead = true,
			.attempt = 3,
			.why = bud_span("one"),
			.note = {0, bud_span("us"), bud_span("n1")}});
	wait_for(bud_partition_read(&store, &read, on_entries, NULL));
	assert_int_equal(last_n, 1);
	assert_string_equal(last_text, "n1");
	wait_for(bud_partition_ack(&store, &read_id, 1, on_number, NULL));
	settle_as(*state, "second",
		(struct bud_parking){.lane = bud_span("d1"), .dead = true, .attempt = 4});
	wait_for(bud_lane_rows(&store, &page, on_rows, NULL));
	assert_int_equal(last_n, 2);
	assert_string_equal(last_why, "one"); /* the last row's: the first to die */
	settle_as(*state, "third", (struct bud_parking){.lane = bud_span("d2")});
	claim_as((struct bud_claim){.lane = bud_span("d2"), .limit = 1}, 1);
	end_as((struct bud_lane_resolve){.lane = bud_span("d2"), .note_partition = 3},
		BUD_RESOLVE_DEAD, 0, &claimed);
	wait_for(bud_partition_read(&store, &read, on_entries, NULL));
	assert_int_equal(last_n, 1);
	assert_string_equal(last_text, "it died");
	wait_for(bud_partition_ack(&store, &read_id, 1, on_number, NULL));
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
	for (uint64_t seen = 0; seen < 5; seen += last_n) {
		wait_for(bud_lane_dead_range(&store, &range, on_rows, NULL));
		assert_int_equal(last_err, 0);
		assert_int_equal(last_number, 5);
		assert_int_equal(last_row.id.seq, seen + last_n);
		assert_true(last_n > 0);
		after = last_row;
		range.after = &after;
	}
	assert_string_equal(last_why, "because");
	wait_for(bud_lane_dead_range(&store, &range, on_rows, NULL));
	assert_int_equal(last_n, 0);
	redis_server_do(*state, "DEL bud:{s0}:dead:dr bud:{s0}:why");
}

static void a_paused_lane_waits_until_it_is_pulled(void **state)
{
	settle_as(*state, "p", (struct bud_parking){.lane = bud_span("w1"), .look_ms = 300000});
	assert_true(due_in_ms(*state, "w1") > 290000);
	wait_for(bud_lane_pull(&store, bud_span("w1"), 1000, on_number, NULL));
	assert_int_equal(last_number, 1);
	wait_for(bud_lane_pull(&store, bud_span("w1"), 1000, on_number, NULL));
	assert_int_equal(last_number, 0);
	wait_for(bud_lane_pull(&store, bud_span("empty"), 1000, on_number, NULL));
	assert_int_equal(last_number, 0);
	redis_server_do(*state, "ZADD bud:{s0}:due 99999999999999 w1/00 99999999999999 w1~replay");
	wait_for(bud_lane_pull_subscription(&store, bud_span("w1"), 0, on_number, NULL));
	assert_int_equal(last_number, 0);
	assert_true(due_in_ms(*state, "w1/00") <= 0);
	assert_true(due_in_ms(*state, "w1~replay") <= 0);
	redis_server_do(*state, "DEL bud:{s0}:due bud:{s0}:parked:w1 bud:{s0}:kept bud:{s0}:refs");
}

static void a_strict_lane_is_held_and_rests(void **state)
{
	struct bud_claim claim = {.lane = bud_span("h1"),
		.limit = 1,
		.mode = BUD_CLAIM_STRICT,
		.token = bud_span("t1")};
	struct bud_lane_resolve end = {.lane = claim.lane, .mode = claim.mode};

	settle_as(*state, "a", (struct bud_parking){.lane = claim.lane, .mode = claim.mode});
	settle_as(*state, "b", (struct bud_parking){.lane = claim.lane, .mode = claim.mode});
	claim_as(claim, 1);
	claim.token = bud_span("t2");
	claim_as(claim, 0);
	end.last = bud_span("t1");
	end.rest_ms = 60000;
	end_as(end, BUD_RESOLVE_DONE, 0, &claimed);
	claim_as(claim, 0);
	redis_server_do(*state, "HDEL bud:{s0}:held h1");
	claim_as(claim, 1);
	end.last = bud_span("t2");
	end.rest_ms = 0;
	end_as(end, BUD_RESOLVE_DONE, 0, &claimed);
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

	bud_lane_ordered_write(&shard, bud_span("o1"), bud_span("key"), &first, lane);
	claim.lane.len = strlen(lane);
	end.lane = claim.lane;
	assert_true(bud_lane_partition(&shard, claim.lane, &claim.partition));
	assert_int_equal(claim.partition, 3);
	for (int i = 0; i < 2; i++) {
		settle_as(*state, i ? "b" : "a",
			(struct bud_parking){.lane = claim.lane, .mode = claim.mode});
		first = i ? first : read_id;
	}
	claim_as(claim, 1);
	assert_int_equal(bud_stream_id_compare(&claimed.id, &first), 0);
	assert_int_equal(claimed.attempt, 1);
	end_as(end, BUD_RESOLVE_AGAIN, 60000, &claimed); /* no attempt was made */
	assert_true(due_in_ms(*state, lane) > 50000);
	claim_as(claim, 1);
	assert_int_equal(bud_stream_id_compare(&claimed.id, &first), 0);
	assert_int_equal(claimed.attempt, 1);
	end_as(end, BUD_RESOLVE_DONE, 0, &claimed);
	claim_as(claim, 1);
	assert_string_equal(last_text, "b");
	end_as(end, BUD_RESOLVE_DONE, 0, &claimed);
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

	settle_as(*state, "a", parking);
	assert_true(due_in_ms(*state, "b1") > 50000);
	claim_as(claim, 0);
	settle_as(*state, "b", parking);
	assert_true(due_in_ms(*state, "b1") <= 0);
	claim_as(claim, 2);
	end_as(end, BUD_RESOLVE_DONE, 0, &claimed);
	end.last = claim.token;
	end_as(end, BUD_RESOLVE_DONE, 0, &second);
	settle_as(*state, "0123456789", parking);
	settle_as(*state, "0123456789", parking);
	claim.bytes_max = 19;
	claim_as(claim, 1);
	end_as(end, BUD_RESOLVE_DONE, 0, &claimed);
	redis_server_do(*state, "DEL bud:{s0}:due bud:{s0}:parked:b1 bud:{s0}:kept bud:{s0}:refs");
}

static struct bud_lane_state states_seen[2];

static void on_states(void *owner, int err, const struct bud_lane_state *states, size_t n)
{
	(void)owner;
	note(err, 0, n, none);
	for (size_t i = 0; i < n && i < 2; i++)
		states_seen[i] = states[i];
}

static void on_replays(void *owner, int err, const struct bud_replay *replays, size_t n)
{
	(void)owner;
	note(err, 0, n, n ? replays[0].value : none);
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

	settle_as(*state, "v",
		(struct bud_parking){
			.lane = bud_span("v1"), .dead = true, .attempt = 7, .why = bud_span("{}")});
	ask.id = revived[0].id = read_id;
	wait_for(bud_lane_states(&store, &ask, on_states, NULL));
	assert_int_equal(last_n, 2);
	assert_true(states_seen[0].dead.is_there && !states_seen[0].replay.is_there);
	assert_int_equal(states_seen[0].dead.attempt, 7);
	assert_false(states_seen[1].dead.is_there || states_seen[1].parked.is_there);
	wait_for(bud_replays_put(&store, &job, on_number, NULL));
	assert_int_equal(last_number, 1);
	wait_for(bud_replays_put(&store, &job, on_number, NULL));
	assert_int_equal(last_number, 0);
	wait_for(bud_revive(&store, &revive, on_number, NULL));
	assert_int_equal(last_number, 1);
	wait_for(bud_revive(&store, &revive, on_number, NULL));
	assert_int_equal(last_number, -1);
	wait_for(bud_replays_get(&store, job.job, on_replays, NULL));
	assert_int_equal(last_n, 1);
	assert_string_equal(last_text, "1");
	wait_for(bud_lane_states(&store, &ask, on_states, NULL));
	assert_true(states_seen[0].replay.is_there && !states_seen[0].dead.is_there);
	revived[0].source = BUD_REVIVE_EVENT; /* it waits already */
	revive.before = bud_span("1");
	revive.after = none;
	wait_for(bud_revive(&store, &revive, on_number, NULL));
	assert_int_equal(last_number, 0);
	wait_for(bud_replays_list(&store, on_replays, NULL));
	assert_int_equal(last_n, 0);
	wait_for(bud_replays_get(&store, job.job, on_replays, NULL));
	assert_int_equal(last_n, 0);
	claim_as((struct bud_claim){.lane = bud_span("v1~replay"), .limit = 2}, 1);
	assert_string_equal(last_text, "v");
	assert_int_equal(claimed.attempt, 1);
	end_as((struct bud_lane_resolve){.lane = bud_span("v1~replay")}, BUD_RESOLVE_DONE, 0,
		&claimed);
}

static void retained_events_come_by_time(void **state)
{
	struct bud_partition_range range = {.partition = 9, .from_ms = 5, .to_ms = 7, .limit = 2};
	static const char *const ids[] = {"4-1", "5-1", "6-1", "7-2", "8-1"};
	struct bud_member after;

	for (size_t i = 0; i < 5; i++)
		redis_server_do(*state, "XADD bud:{s0}:p9:events %s o local e %s", ids[i], ids[i]);
	wait_for(bud_partition_range(&store, &range, on_entries, NULL));
	assert_int_equal(last_n, 2);
	assert_string_equal(last_text, "5-1");
	assert_int_equal(read_id.partition, 9);
	after = (struct bud_member){6, 1, 9};
	range.after = &after;
	wait_for(bud_partition_range(&store, &range, on_entries, NULL));
	assert_int_equal(last_n, 1);
	assert_string_equal(last_text, "7-2");
	range.is_reverse = true;
	wait_for(bud_partition_range(&store, &range, on_entries, NULL));
	assert_int_equal(last_n, 1);
	assert_string_equal(last_text, "5-1");
	range.after = NULL;
	wait_for(bud_partition_range(&store, &range, on_entries, NULL));
	assert_int_equal(last_n, 2);
	assert_string_equal(last_text, "7-2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_delivery_goes_through_its_lane),
		cmocka_unit_test(a_death_is_told_by_why_and_note),
		cmocka_unit_test(dead_letters_of_a_time_come_page_by_page),
		cmocka_unit_test(a_paused_lane_waits_until_it_is_pulled),
		cmocka_unit_test(a_strict_lane_is_held_and_rests),
		cmocka_unit_test(an_ordered_lane_gives_one_by_one),
		cmocka_unit_test(a_batch_is_filled),
		cmocka_unit_test(what_died_is_revived_with_its_job),
		cmocka_unit_test(retained_events_come_by_time),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
