/* Pages against a real Redis: each ends at its bounds and tells where to go on, whatever was
 * filtered, denied or not known yet. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>
#include <cmocka.h>

#include "core/clock.h"
#include "core/limits.h"
#include "read_rig.h"

static void pages_follow_each_other(void **state)
{
	struct bud_pull_query query = rig_query(BUD_INDEX_RESOURCE, RIG_RESOURCE);
	struct rig_page got;

	(void)state;
	rig_publish_many(0, 150, "t");
	query.size = 100;
	got = rig_read_page(&query);
	assert_int_equal(100, got.n);
	assert_true(got.has_more);
	assert_string_equal("0", got.first);
	assert_string_equal("99", got.last);
	query.after = got.position;
	got = rig_read_page(&query);
	assert_int_equal(50, got.n);
	assert_false(got.has_more);
	assert_string_equal("149", got.last);
	query.after = got.position;
	got = rig_read_page(&query);
	assert_int_equal(0, got.n);
	assert_false(got.has_more);
	rig_publish_many(150, 151, "t");
	query.after = got.position;
	got = rig_read_page(&query);
	assert_string_equal("150", got.first);
	query = rig_query(BUD_INDEX_SUBJECT, "/party/77");
	got = rig_read_page(&query);
	assert_int_equal(1, got.n);
	assert_string_equal("77", got.first);
	assert_int_equal(5, bud_metrics_counter(&rig.metrics, BUD_COUNTER_PULL_PAGES));
	assert_int_equal(152, bud_metrics_counter(&rig.metrics, BUD_COUNTER_PULL_EVENTS));
}

/* A full call, whose events share keys in all ways: one for all, a few, one each, none. */
static void events_of_one_call_share_keys(void **state)
{
	static struct bud_append_event events[BUD_APPEND_EVENTS_MAX];
	static char bytes[BUD_APPEND_EVENTS_MAX][128];
	struct bud_pull_query query;
	char value[16];

	(void)state;
	for (size_t i = 0; i < BUD_APPEND_EVENTS_MAX; i++) {
		struct bud_append_event *event = &events[i];
		struct bud_append_key key = {.source = bud_span("/s")};
		snprintf(bytes[i], sizeof(bytes[i]),
			"{\"specversion\":\"1.0\",\"id\":\"%zu\",\"source\":\"/s\",\"type\":\"t\"}",
			i);
		snprintf(value, sizeof(value), "%zu", i);
		key.id = bud_span(value);
		bud_append_prepare(&rig.shard, &key, bud_span("local"), bud_span(bytes[i]), event);
		bud_index_key_make(&rig.shard, BUD_INDEX_RESOURCE, bud_span(RIG_RESOURCE),
			&event->index[event->index_n++]);
		bud_index_key_make(&rig.shard, BUD_INDEX_RESOURCEINSTANCE, key.id,
			&event->index[event->index_n++]);
		value[0] = (char)('0' + i % 3);
		value[1] = '\0';
		if (i % 4)
			bud_index_key_make(&rig.shard, BUD_INDEX_SUBJECT, bud_span(value),
				&event->index[event->index_n++]);
	}
	rig_publish_call(events, BUD_APPEND_EVENTS_MAX);
	query = rig_query(BUD_INDEX_RESOURCE, RIG_RESOURCE);
	query.size = 1000;
	assert_int_equal(BUD_APPEND_EVENTS_MAX, rig_read_page(&query).n);
	for (size_t i = 0; i < BUD_APPEND_EVENTS_MAX; i++) {
		struct rig_page got;
		snprintf(value, sizeof(value), "%zu", i);
		query = rig_query(BUD_INDEX_RESOURCEINSTANCE, value);
		got = rig_read_page(&query);
		assert_int_equal(1, got.n);
		assert_string_equal(value, got.first);
	}
	query = rig_query(BUD_INDEX_SUBJECT, "1");
	assert_int_equal(32, rig_read_page(&query).n); /* 1, 7, 10, 13, 19 … */
}

static void an_empty_page_goes_on(void **state)
{
	const struct bud_read_pattern types[] = {{BUD_READ_EXACT, bud_span("wanted")}};
	struct bud_pull_query query = rig_query(BUD_INDEX_RESOURCE, RIG_RESOURCE);
	size_t pages = 0;
	struct rig_page got;

	(void)state;
	rig_publish_many(0, BUD_PULL_EXAMINED_MAX + 200, "t");
	rig_publish("last", "wanted", "local", 10);
	query.filter.types = types;
	query.filter.types_n = 1;
	do {
		got = rig_read_page(&query);
		assert_true(got.position > query.after);
		query.after = got.position;
		pages++;
	} while (got.n == 0 && got.has_more);
	assert_int_equal(2, pages);
	assert_int_equal(1, got.n);
	assert_string_equal("last", got.first);
}

static void what_is_denied_is_passed_over(void **state)
{
	struct bud_pull_query query = rig_query(BUD_INDEX_RESOURCE, RIG_RESOURCE);
	struct rig_page got;

	(void)state;
	rig_publish("a", "t", "other", 10);
	rig_publish("b", "t", "local", 10);
	rig_publish("c", "t", "other", 10);
	got = rig_read_page(&query);
	assert_int_equal(1, got.n);
	assert_string_equal("b", got.first);
	query.after = got.position;
	got = rig_read_page(&query);
	assert_int_equal(0, got.n);
	assert_true(got.position >= query.after);
}

static void what_is_not_known_yet_is_not_passed_over(void **state)
{
	struct bud_pull_query query = rig_query(BUD_INDEX_RESOURCE, RIG_RESOURCE);
	size_t asked = 0;
	struct rig_page got;

	(void)state;
	rig_publish("a", "t", "local", 10);
	rig_publish("b", "t", "later", 10);
	rig_publish("c", "t", "local", 10);
	query.may_owner = &asked;
	got = rig_read_page(&query);
	assert_int_equal(1, got.n);
	assert_true(got.has_more);
	assert_int_equal(3, asked); /* also about what comes behind */
	query.after = got.position;
	got = rig_read_page(&query); /* asked again and again, for five seconds */
	assert_int_equal(-ETIMEDOUT, got.err);
	assert_true(asked > 10);
}

static void a_page_is_bounded_by_bytes(void **state)
{
	struct bud_pull_query query = rig_query(BUD_INDEX_RESOURCE, RIG_RESOURCE);
	size_t large = BUD_EVENT_BYTES_MAX - 300;
	char id[4];
	struct rig_page got;

	(void)state;
	for (int i = 0; i < 6; i++) {
		snprintf(id, sizeof(id), "%d", i);
		rig_publish(id, "t", "local", large);
	}
	got = rig_read_page(&query);
	assert_int_equal(4, got.n);
	assert_true(got.has_more);
	query.after = got.position;
	got = rig_read_page(&query);
	assert_int_equal(2, got.n);
	assert_string_equal("4", got.first);
	assert_false(got.has_more);
}

static void from_skips_what_is_long_past(void **state)
{
	struct bud_pull_query query = rig_query(BUD_INDEX_RESOURCE, RIG_RESOURCE);
	struct rig_page got;

	(void)state;
	rig_publish_many(0, 3, "t");
	query.filter.from_ms = bud_clock_wall_ms() - 1000;
	assert_int_equal(3, rig_read_page(&query).n);
	query.filter.from_ms = bud_clock_wall_ms() + 1000LL * 3600 * 24 * 400;
	got = rig_read_page(&query);
	assert_int_equal(0, got.n);
	query.filter.from_ms = INT64_MIN;
	query.after = got.position;
	rig_publish_many(3, 4, "t");
	assert_int_equal(1, rig_read_page(&query).n);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_begin, rig_end)
	const struct CMUnitTest tests[] = {
		TEST(pages_follow_each_other),
		TEST(events_of_one_call_share_keys),
		TEST(an_empty_page_goes_on),
		TEST(what_is_denied_is_passed_over),
		TEST(what_is_not_known_yet_is_not_passed_over),
		TEST(a_page_is_bounded_by_bytes),
		TEST(from_skips_what_is_long_past),
	};

	return cmocka_run_group_tests(tests, rig_start, rig_finish);
}
