/* The store in C against a real Redis: what each call answers, above all when there is nothing,
 * when it was there already, and when its connection is cut off. The scripts' logic is tested by
 * the model. */
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
#include "store/append.h"
#include "store/attempts.h"
#include "store/keys.h"
#include "store/lane.h"
#include "store/lane_rows.h"
#include "store/partition.h"
#include "store/registry_follow.h"
#include "store/settle.h"
#include "store/store.h"

static const struct bud_span none = {NULL, 0};

static void set_up_is_once(void **state)
{
	struct bud_shard again = {.partitions = 0};

	assert_int_equal(rig.shard.partitions, BUD_PARTITIONS);
	lane_rig_wait(bud_store_setup(&rig.store, &again, lane_rig_on_setup, NULL));
	assert_int_equal(rig.err, 0);
	assert_string_equal(again.server_id, rig.shard.server_id);
	assert_memory_equal(&again.key, &rig.shard.key, sizeof(rig.shard.key));
	redis_server_do(*state, "HSET bud:{s0}:meta format 2");
	lane_rig_wait(bud_store_setup(&rig.store, &again, lane_rig_on_setup, NULL));
	assert_int_equal(rig.err, -EPROTONOSUPPORT);
	redis_server_do(*state, "HSET bud:{s0}:meta format 1 partitions 8");
	lane_rig_wait(bud_store_setup(&rig.store, &again, lane_rig_on_setup, NULL));
	assert_int_equal(rig.err, -EPROTONOSUPPORT);
	redis_server_do(*state, "HSET bud:{s0}:meta partitions 16");
	redis_server_do(*state, "RENAME bud:{s0}:p4:events x");
	lane_rig_wait(bud_store_setup(&rig.store, &again, lane_rig_on_setup, NULL));
	assert_int_equal(rig.err, -ENOENT);
	redis_server_do(*state, "RENAME x bud:{s0}:p4:events");
}

static signed char appended[3];

static void on_appended(void *owner, int err, const signed char *results, size_t n)
{
	(void)owner;
	lane_rig_note(err, 0, n, none);
	for (size_t i = 0; i < n; i++)
		appended[i] = results[i];
}

static void append(const char *first, const char *second, const char *third)
{
	const char *const ids[] = {"a", "b", "a"};
	const char *const bytes[] = {first, second, third};
	struct bud_append_event events[3];

	for (int i = 0; i < 3; i++) {
		struct bud_append_key key = {bud_span("/s"), bud_span(ids[i]), {NULL, 0}};
		bud_append_prepare(
			&rig.shard, &key, bud_span("local"), bud_span(bytes[i]), &events[i]);
	}
	lane_rig_wait(bud_append(&rig.store, 60000, events, 3, on_appended, NULL));
}

static void an_event_is_stored_once(void **state)
{
	(void)state;
	append("1", "2", "3");
	assert_int_equal(rig.n, 3);
	assert_int_equal(appended[0], BUD_APPEND_STORED);
	assert_int_equal(appended[1], BUD_APPEND_STORED);
	assert_int_equal(appended[2], BUD_APPEND_CONFLICT);
	append("1", "2", "1");
	for (int i = 0; i < 3; i++)
		assert_int_equal(appended[i], BUD_APPEND_DUPLICATE);
}

static struct bud_member read_id;

static void on_entries(void *owner, int err, const struct bud_entry *entries, size_t n)
{
	(void)owner;
	lane_rig_note(err, 0, n, n ? entries[0].bytes : none);
	if (n > 0)
		read_id = entries[0].id;
}

static void on_pendings(void *owner, int err, const struct bud_pending *pending, size_t n)
{
	(void)owner;
	lane_rig_note(err, n ? pending[0].deliveries : 0, n, none);
}

/* {"specversion"…} is not needed here: the store does not look into events. */
static void read_one(struct redis_server *server, const char *bytes)
{
	struct bud_read read = {"me", 3, BUD_PARTITIONS, 10, 10};

	redis_server_do(server, "XADD bud:{s0}:p3:events * o local e %s", bytes);
	lane_rig_wait(bud_partition_read(&rig.store, &read, on_entries, NULL));
	assert_int_equal(rig.n, 1);
	assert_string_equal(rig.text, bytes);
	assert_int_equal(read_id.partition, 3);
}

static void a_partition_is_read_taken_and_acked(void **state)
{
	struct bud_read read = {"me", 3, BUD_PARTITIONS, 10, 10};
	struct bud_member missing;

	/* The test before may have left an event here: its partition depends on a random seed. */
	redis_server_do(*state, "DEL bud:{s0}:p3:events");
	redis_server_do(*state, "XGROUP CREATE bud:{s0}:p3:events dispatch 0 MKSTREAM");
	lane_rig_wait(bud_partition_pending(&rig.store, 7, "nobody", NULL, on_pendings, NULL));
	assert_int_equal(rig.n, 0);
	read_one(*state, "one");
	lane_rig_wait(bud_partition_read(&rig.store, &read, on_entries, NULL));
	assert_int_equal(rig.err, 0);
	assert_int_equal(rig.n, 0);
	lane_rig_wait(bud_partition_take(&rig.store, "me", &read_id, 1, on_entries, NULL));
	assert_int_equal(rig.n, 1);
	lane_rig_wait(bud_partition_pending(&rig.store, 3, "me", NULL, on_pendings, NULL));
	assert_int_equal(rig.number, 2);
	lane_rig_wait(bud_partition_pending(&rig.store, 3, "me", &read_id, on_pendings, NULL));
	assert_int_equal(rig.n, 0);
	lane_rig_wait(bud_partition_exists(&rig.store, &read_id, lane_rig_on_number, NULL));
	assert_int_equal(rig.number, 1);
	lane_rig_wait(bud_partition_ack(&rig.store, &read_id, 1, lane_rig_on_number, NULL));
	assert_int_equal(rig.number, 1);
	lane_rig_wait(bud_partition_ack(&rig.store, &read_id, 1, lane_rig_on_number, NULL));
	assert_int_equal(rig.number, 0);
	lane_rig_wait(bud_partition_take(&rig.store, "me", &read_id, 1, on_entries, NULL));
	assert_int_equal(rig.n, 0);
	missing = (struct bud_member){1, 1, 3};
	lane_rig_wait(bud_partition_exists(&rig.store, &missing, lane_rig_on_number, NULL));
	assert_int_equal(rig.number, 0);
	redis_server_do(*state, "DEL bud:{s0}:p5:events");
	read.first = 5;
	lane_rig_wait(bud_partition_read(&rig.store, &read, on_entries, NULL));
	assert_int_equal(rig.err, -ENOENT);
	redis_server_do(*state, "XGROUP CREATE bud:{s0}:p5:events dispatch 0 MKSTREAM");
}

static void on_rows(void *owner, int err, const struct bud_lane_row *rows, size_t n, size_t total)
{
	(void)owner;
	lane_rig_note(err, (int64_t)total, n, n ? rows[0].bytes : none);
}

static enum bud_put_outcome outcome;

static void on_put(void *owner, int err, const struct bud_put_result *result)
{
	(void)owner;
	lane_rig_note(err, result ? (int64_t)result->serial : 0, 0, result ? result->id : none);
	if (result)
		outcome = result->outcome;
}

static void put(const char *id, const char *if_etag, const char *etag, const char *record)
{
	struct bud_put put = {.id = id,
		.if_etag = if_etag,
		.etag = etag,
		.fingerprint = "f",
		.record = bud_span(record)};

	lane_rig_wait(bud_registry_put(&rig.store, &put, on_put, NULL));
	assert_int_equal(rig.err, 0);
}

/* Whatever is said of the status it had, and however long that was. */
static void a_status_is_not_written_over(void **state)
{
	char was[600], other[600];
	struct bud_put put = {.id = "s",
		.if_etag = "",
		.etag = "e1",
		.fingerprint = "fs",
		.record = bud_span("{}")};

	(void)state;
	memset(was, 'a', sizeof(was) - 1);
	memset(other, 'a', sizeof(other) - 1);
	was[sizeof(was) - 1] = other[sizeof(other) - 1] = '\0';
	other[sizeof(other) - 2] = 'b'; /* at its end */
	put.status = bud_span(was);
	lane_rig_wait(bud_registry_put(&rig.store, &put, on_put, NULL));
	assert_int_equal(outcome, BUD_PUT_OK);
	put.if_etag = "e1";
	put.etag = "e2";
	put.status = bud_span("");
	put.was_status = bud_span(other);
	lane_rig_wait(bud_registry_put(&rig.store, &put, on_put, NULL));
	assert_int_equal(outcome, BUD_PUT_CHANGED);
	put.was_status = bud_span(was);
	lane_rig_wait(bud_registry_put(&rig.store, &put, on_put, NULL));
	assert_int_equal(outcome, BUD_PUT_OK);
}

static void drop(const char *id, const char *if_etag, const char *etag)
{
	const struct bud_drop drop = {.id = id, .if_etag = if_etag, .etag = etag};

	lane_rig_wait(bud_registry_drop(&rig.store, &drop, on_put, NULL));
	assert_int_equal(rig.err, 0);
}

static void on_record(void *owner, int err, const struct bud_registry_value *value)
{
	(void)owner;
	lane_rig_note(err, value != NULL, 0, value ? value->record : none);
}

static void on_changes(void *owner, int err, const struct bud_registry_change *changes, size_t n)
{
	(void)owner;
	lane_rig_note(err, 0, n, n ? changes[n - 1].id : none);
}

static void on_page(
	void *owner, int err, uint64_t cursor, const struct bud_registry_record *records, size_t n)
{
	(void)owner;
	lane_rig_note(err, (int64_t)cursor, n, n ? records[0].id : none);
}

static void the_registry_says_what_came_of_it(void **state)
{
	struct bud_span ids[] = {bud_span("missing"), bud_span("r1")};
	struct bud_member from = {0, 0, 0};

	(void)state;
	put("r1", "", "e1", "{}");
	assert_int_equal(outcome, BUD_PUT_OK);
	assert_int_equal(rig.number, 1);
	put("r1", "", "e1", "{}"); /* its reply was lost */
	assert_int_equal(outcome, BUD_PUT_OK);
	put("r1", "", "e2", "{}");
	assert_int_equal(outcome, BUD_PUT_EXISTS);
	put("r2", "", "e2", "{}");
	assert_int_equal(outcome, BUD_PUT_SAME);
	assert_string_equal(rig.text, "r1");
	put("r1", "e9", "e2", "{}");
	assert_int_equal(outcome, BUD_PUT_CHANGED);
	put("r3", "*", "e2", "{}");
	assert_int_equal(outcome, BUD_PUT_MISSING);
	put("r1", "e1", "e2", "{\"a\":1}");
	assert_int_equal(outcome, BUD_PUT_OK);
	assert_int_equal(rig.number, 1);
	lane_rig_wait(bud_registry_get(&rig.store, "r1", on_record, NULL));
	assert_string_equal(rig.text, "{\"a\":1}");
	lane_rig_wait(bud_registry_get(&rig.store, "missing", on_record, NULL));
	assert_int_equal(rig.number, 0);
	lane_rig_wait(bud_registry_get_many(&rig.store, ids, 2, on_page, NULL));
	assert_int_equal(rig.n, 1);
	assert_string_equal(rig.text, "r1");
	lane_rig_wait(bud_registry_scan(&rig.store, 0, on_page, NULL));
	assert_int_equal(rig.n, 1);
	lane_rig_wait(bud_registry_follow(&rig.store, &from, 10, on_changes, NULL));
	assert_int_equal(rig.n, 2);
	drop("r1", "e1", "e3");
	assert_int_equal(outcome, BUD_PUT_CHANGED);
	drop("r3", "*", "e3");
	assert_int_equal(outcome, BUD_PUT_MISSING);
	for (int i = 0; i < 2; i++) { /* the first reply was lost */
		drop("r1", "*", "e3");
		assert_int_equal(outcome, BUD_PUT_OK);
		assert_int_equal(rig.number, 1);
	}
	lane_rig_wait(bud_registry_get(&rig.store, "r1", on_record, NULL));
	assert_int_equal(rig.number, 1);
	assert_string_equal(rig.text, "");
}

static void put_status(const char *expected, const char *status, const char *etag, bool is_noted)
{
	struct bud_note note = {3, bud_span("local"), bud_span("{\"id\":\"n\"}")};
	struct bud_status_put put = {
		"r9", bud_span(expected), bud_span(status), etag, is_noted ? &note : NULL};

	lane_rig_wait(bud_registry_put_status(&rig.store, &put, on_put, NULL));
	assert_int_equal(rig.err, 0);
}

static void on_status(void *owner, int err, const struct bud_registry_value *value)
{
	(void)owner;
	lane_rig_note(err, value != NULL, 0, value ? value->status : none);
}

static long long stream_len(struct redis_server *server)
{
	redisReply *reply = redis_server_ask(server, "XLEN bud:{s0}:p3:events");
	long long len = reply->integer;

	freeReplyObject(reply);
	return len;
}

static void a_status_changes_beside_its_record(void **state)
{
	long long before = stream_len(*state);

	put("r9", "", "e1", "{}");
	put_status("", "{\"state\":\"paused\"}", "e2", true);
	assert_int_equal(outcome, BUD_PUT_OK);
	put_status("", "{\"state\":\"paused\"}", "e2", true); /* its reply was lost */
	assert_int_equal(outcome, BUD_PUT_OK);
	assert_int_equal(stream_len(*state), before + 1);
	put_status("", "{\"state\":\"disabled\"}", "e3", false);
	assert_int_equal(outcome, BUD_PUT_CHANGED);
	put("r9", "e1", "e4", "{\"a\":1}"); /* the etag changed with the status */
	assert_int_equal(outcome, BUD_PUT_CHANGED);
	put("r9", "e2", "e4", "{\"a\":1}");
	assert_int_equal(outcome, BUD_PUT_OK);
	lane_rig_wait(bud_registry_get(&rig.store, "r9", on_status, NULL));
	assert_string_equal(rig.text, "{\"state\":\"paused\"}");
	put_status("{\"state\":\"paused\"}", "", "", false);
	lane_rig_wait(bud_registry_get(&rig.store, "r9", on_status, NULL));
	assert_string_equal(rig.text, "");
	drop("r9", "e4", "e5");
	assert_int_equal(outcome, BUD_PUT_OK);
	put_status("", "{\"state\":\"paused\"}", "e6", false);
	assert_int_equal(outcome, BUD_PUT_MISSING);
}

static void on_lines(void *owner, int err, const struct bud_span *lines, size_t n)
{
	(void)owner;
	lane_rig_note(err, 0, n, n ? lines[0] : none);
}

static void the_attempt_log_keeps_the_newest(void **state)
{
	struct bud_span lines[60];

	(void)state;
	for (size_t i = 0; i < 60; i++)
		lines[i] = bud_span(i == 59 ? "newest" : "older");
	assert_int_equal(bud_attempts_add(&rig.store, bud_span("s1"), lines, 60), 0);
	assert_int_equal(bud_attempts_add(&rig.store, bud_span("s1"), lines, 60), 0);
	lane_rig_wait(bud_attempts_list(&rig.store, bud_span("s1"), on_lines, NULL));
	assert_int_equal(rig.n, 100);
	assert_string_equal(rig.text, "newest");
	assert_int_equal(bud_attempts_drop(&rig.store, bud_span("s1")), 0);
	lane_rig_wait(bud_attempts_list(&rig.store, bud_span("s1"), on_lines, NULL));
	assert_int_equal(rig.n, 0);
}

static void a_lost_connection_answers_everybody(void **state)
{
	struct bud_lane_page page = {
		.lane = bud_span("s1"), .list = BUD_LANE_LIST_PARKED, .limit = 10};
	int before = rig.answers;

	assert_int_equal(bud_lane_count(&rig.store, lane_rig_on_number, NULL), 0);
	assert_int_equal(bud_lane_rows(&rig.store, &page, on_rows, NULL), 0);
	assert_int_equal(bud_registry_scan(&rig.store, 0, on_page, NULL), 0);
	redis_server_kill(*state);
	while (rig.answers < before + 3)
		uv_run(&rig.loop, UV_RUN_ONCE);
	assert_int_equal(rig.err, -ENOTCONN);
	assert_int_equal(bud_lane_rows(&rig.store, &page, on_rows, NULL), -ENOTCONN);
	assert_int_equal(bud_registry_scan(&rig.store, 0, on_page, NULL), -ENOTCONN);
	assert_int_equal(rig.answers, before + 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(set_up_is_once),
		cmocka_unit_test(an_event_is_stored_once),
		cmocka_unit_test(a_partition_is_read_taken_and_acked),
		cmocka_unit_test(the_registry_says_what_came_of_it),
		cmocka_unit_test(a_status_changes_beside_its_record),
		cmocka_unit_test(a_status_is_not_written_over),
		cmocka_unit_test(the_attempt_log_keeps_the_newest),
		cmocka_unit_test(a_lost_connection_answers_everybody),
	};

	return cmocka_run_group_tests(tests, lane_rig_start, lane_rig_finish);
}
