/* Pages against a real Redis: each ends at its bounds and tells where to go on, whatever was
 * filtered, denied or not known yet; many wait with one poll, and all of them get what comes; an id
 * becomes a position; the index shrinks with its events. */
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
#include "core/clock.h"
#include "core/limits.h"
#include "core/metrics.h"
#include "event/envelope.h"
#include "event/event.h"
#include "read/find.h"
#include "read/pull.h"
#include "read/trimmer.h"
#include "redis/client.h"
#include "redis_server.h"
#include "store/append.h"
#include "store/keys.h"
#include "store/store.h"

#define RESOURCE "urn:r"

static struct redis_server server;
static uv_loop_t loop;
static struct bud_redis *redis;
static struct bud_shard shard;
static struct bud_store store;
static struct bud_metrics metrics;
static struct bud_pull *pull;

static void on_setup(void *owner, int err, const char *text)
{
	(void)text;
	assert_int_equal(err, 0);
	*(bool *)owner = true;
}

static void run_until(const bool *done)
{
	while (!*done)
		uv_run(&loop, UV_RUN_ONCE);
}

static int set_up(void **state)
{
	struct bud_redis_url url;
	struct bud_redis_options options = {
		.url = &url, .scripts = bud_store_scripts, .scripts_n = bud_store_scripts_n};
	bool done = false;

	(void)state;
	redis_server_start(&server, NULL);
	if (bud_redis_url_parse(bud_span(server.url), &url, NULL) < 0)
		abort();
	uv_loop_init(&loop);
	redis = bud_redis_open(&loop, &options);
	bud_store_init(&store, redis, &shard);
	while (!bud_redis_is_up(redis))
		uv_run(&loop, UV_RUN_ONCE);
	assert_int_equal(0, bud_store_setup(&store, &shard, on_setup, &done));
	run_until(&done);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	bud_store_detach(&store);
	bud_redis_close(redis);
	uv_run(&loop, UV_RUN_DEFAULT);
	bud_store_finish(&store);
	redis_server_finish(&server);
	return uv_loop_close(&loop);
}

/* Each test has an empty shard. */
static int begin(void **state)
{
	bool done = false;

	(void)state;
	redis_server_do(&server, "FLUSHALL");
	assert_int_equal(0, bud_store_setup(&store, &shard, on_setup, &done));
	run_until(&done);
	metrics = (struct bud_metrics){0};
	pull = bud_pull_open(&(struct bud_pull_options){&loop, &store, &metrics, BUD_INDEX_ALL});
	return 0;
}

static int end(void **state)
{
	(void)state;
	bud_pull_close(pull);
	return 0;
}

/* Publishing */

static void on_appended(void *owner, int err, const signed char *results, size_t n)
{
	assert_int_equal(err, 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(BUD_APPEND_STORED, results[i]);
	*(bool *)owner = true;
}

/* An event with `filler` bytes of data. */
static void publish(const char *id, const char *type, const char *owner, size_t filler)
{
	bud_auto(buffer) struct bud_buffer json = {0};
	struct bud_envelope envelope;
	struct bud_append_event event;
	bool done = false;

	bud_buffer_format(&json,
		"{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"/s\",\"type\":\"%s\","
		"\"resource\":\"" RESOURCE "\",\"subject\":\"/party/%s\",\"data\":\"",
		id, type, id);
	memset(bud_buffer_reserve(&json, filler), 'x', filler);
	json.len += filler;
	bud_buffer_text(&json, "\"}");
	bud_envelope_init(&envelope);
	assert_int_equal(0, bud_envelope_scan(&envelope, bud_buffer_as_span(&json), NULL));
	bud_append_prepare(&shard,
		&(struct bud_append_key){envelope.source, envelope.id, {NULL, 0}}, bud_span(owner),
		envelope.json, &event);
	event.index_n = bud_index_keys_of(&shard, BUD_INDEX_ALL, &envelope, event.index);
	assert_int_equal(0, bud_append(&store, 600000, &event, 1, on_appended, &done));
	run_until(&done);
	bud_envelope_finish(&envelope);
}

static void publish_many(size_t from, size_t to, const char *type)
{
	char id[16];

	for (size_t i = from; i < to; i++) {
		snprintf(id, sizeof(id), "%zu", i);
		publish(id, type, "local", 10);
	}
}

/* Reading */

struct got {
	bool done;
	int err;
	size_t n;
	bool has_more;
	uint64_t position;
	char first[16];
	char last[16];
};

static void copy_id(const struct bud_event *event, char out[16])
{
	snprintf(out, 16, "%.*s", (int)event->id.len, event->id.at);
}

static void on_page(void *owner, int err, const struct bud_pull_page *page)
{
	struct got *got = owner;

	assert_false(got->done);
	*got = (struct got){.done = true, .err = err};
	if (err < 0)
		return;
	got->n = page->n;
	got->has_more = page->has_more;
	got->position = page->position;
	for (size_t i = 1; i < page->n; i++)
		assert_true(page->positions[i] > page->positions[i - 1]);
	if (page->n == 0)
		return;
	assert_true(page->positions[page->n - 1] <= page->position);
	copy_id(page->events[0], got->first);
	copy_id(page->events[page->n - 1], got->last);
}

static enum bud_decision by_owner(void *owner, const struct bud_event *event)
{
	size_t *asked = owner;

	if (asked)
		++*asked;
	if (bud_span_is(event->owner, "later"))
		return BUD_DECISION_LATER;
	return bud_span_is(event->owner, "local") ? BUD_DECISION_PERMIT : BUD_DECISION_DENY;
}

static struct bud_pull_query query_of(enum bud_index_kind kind, const char *value)
{
	struct bud_pull_query query = {.size = 50,
		.filter = {.from_ms = INT64_MIN, .to_ms = INT64_MAX},
		.may_read = by_owner};

	bud_index_key_make(&shard, kind, bud_span(value), &query.key);
	return query;
}

static struct got read_page(const struct bud_pull_query *query)
{
	struct got got = {.done = false};

	assert_int_equal(0, bud_pull_read(pull, query, on_page, &got));
	assert_false(got.done);
	run_until(&got.done);
	return got;
}

static void pages_follow_each_other(void **state)
{
	struct bud_pull_query query = query_of(BUD_INDEX_RESOURCE, RESOURCE);
	struct got got;

	(void)state;
	publish_many(0, 150, "t");
	query.size = 100;
	got = read_page(&query);
	assert_int_equal(100, got.n);
	assert_true(got.has_more);
	assert_string_equal("0", got.first);
	assert_string_equal("99", got.last);
	query.after = got.position;
	got = read_page(&query);
	assert_int_equal(50, got.n);
	assert_false(got.has_more);
	assert_string_equal("149", got.last);
	query.after = got.position;
	got = read_page(&query);
	assert_int_equal(0, got.n);
	assert_false(got.has_more);
	publish_many(150, 151, "t");
	query.after = got.position;
	got = read_page(&query);
	assert_string_equal("150", got.first);
	query = query_of(BUD_INDEX_SUBJECT, "/party/77");
	got = read_page(&query);
	assert_int_equal(1, got.n);
	assert_string_equal("77", got.first);
	assert_int_equal(5, bud_metrics_counter(&metrics, BUD_COUNTER_PULL_PAGES));
	assert_int_equal(152, bud_metrics_counter(&metrics, BUD_COUNTER_PULL_EVENTS));
}

static void an_empty_page_goes_on(void **state)
{
	const struct bud_read_pattern types[] = {{BUD_READ_EXACT, bud_span("wanted")}};
	struct bud_pull_query query = query_of(BUD_INDEX_RESOURCE, RESOURCE);
	size_t pages = 0;
	struct got got;

	(void)state;
	publish_many(0, BUD_PULL_EXAMINED_MAX + 200, "t");
	publish("last", "wanted", "local", 10);
	query.filter.types = types;
	query.filter.types_n = 1;
	do {
		got = read_page(&query);
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
	struct bud_pull_query query = query_of(BUD_INDEX_RESOURCE, RESOURCE);
	struct got got;

	(void)state;
	publish("a", "t", "other", 10);
	publish("b", "t", "local", 10);
	publish("c", "t", "other", 10);
	got = read_page(&query);
	assert_int_equal(1, got.n);
	assert_string_equal("b", got.first);
	query.after = got.position;
	got = read_page(&query);
	assert_int_equal(0, got.n);
	assert_true(got.position >= query.after);
}

static void what_is_not_known_yet_is_not_passed_over(void **state)
{
	struct bud_pull_query query = query_of(BUD_INDEX_RESOURCE, RESOURCE);
	size_t asked = 0;
	struct got got;

	(void)state;
	publish("a", "t", "local", 10);
	publish("b", "t", "later", 10);
	publish("c", "t", "local", 10);
	query.may_owner = &asked;
	got = read_page(&query);
	assert_int_equal(1, got.n);
	assert_true(got.has_more);
	assert_int_equal(3, asked); /* also about what comes behind */
	query.after = got.position;
	got = read_page(&query); /* asked again and again, for five seconds */
	assert_int_equal(-ETIMEDOUT, got.err);
	assert_true(asked > 10);
}

static void a_page_is_bounded_by_bytes(void **state)
{
	struct bud_pull_query query = query_of(BUD_INDEX_RESOURCE, RESOURCE);
	size_t large = BUD_EVENT_BYTES_MAX - 300;
	char id[4];
	struct got got;

	(void)state;
	for (int i = 0; i < 6; i++) {
		snprintf(id, sizeof(id), "%d", i);
		publish(id, "t", "local", large);
	}
	got = read_page(&query);
	assert_int_equal(4, got.n);
	assert_true(got.has_more);
	query.after = got.position;
	got = read_page(&query);
	assert_int_equal(2, got.n);
	assert_string_equal("4", got.first);
	assert_false(got.has_more);
}

static void from_skips_what_is_long_past(void **state)
{
	struct bud_pull_query query = query_of(BUD_INDEX_RESOURCE, RESOURCE);
	struct got got;

	(void)state;
	publish_many(0, 3, "t");
	query.filter.from_ms = bud_clock_wall_ms() - 1000;
	assert_int_equal(3, read_page(&query).n);
	query.filter.from_ms = bud_clock_wall_ms() + 1000LL * 3600 * 24 * 400;
	got = read_page(&query);
	assert_int_equal(0, got.n);
	query.filter.from_ms = INT64_MIN;
	query.after = got.position;
	publish_many(3, 4, "t");
	assert_int_equal(1, read_page(&query).n);
}

/* Waiting */

#define WAITS 600

static void all_who_wait_get_what_comes(void **state)
{
	static struct got got[WAITS + 1];
	struct bud_pull_query query = query_of(BUD_INDEX_RESOURCE, RESOURCE);
	size_t waiting = 0;

	(void)state;
	memset(got, 0, sizeof(got));
	query.wait_ms = 60000;
	for (size_t i = 0; i < WAITS; i++) {
		assert_int_equal(0, bud_pull_read(pull, &query, on_page, &got[i]));
		while (i % 200 == 199 && waiting <= i) { /* not all at once: reads are bounded */
			uv_run(&loop, UV_RUN_ONCE);
			waiting = (size_t)bud_metrics_gauge(&metrics, BUD_GAUGE_PULL_WAITING);
		}
	}
	query = query_of(BUD_INDEX_SUBJECT, "/party/nobody");
	query.wait_ms = 60000;
	assert_int_equal(0, bud_pull_read(pull, &query, on_page, &got[WAITS]));
	publish("a", "t", "local", 10);
	for (size_t i = 0; i < WAITS; i++) {
		run_until(&got[i].done);
		assert_int_equal(1, got[i].n);
	}
	assert_false(got[WAITS].done);
	bud_pull_stop(pull);
	run_until(&got[WAITS].done);
	assert_int_equal(0, got[WAITS].err);
	assert_int_equal(0, got[WAITS].n);
	assert_int_equal(0, bud_metrics_gauge(&metrics, BUD_GAUGE_PULL_WAITING));
	assert_int_equal(0, read_page(&query).n); /* nothing waits any more */
}

static void waiting_ends_in_time(void **state)
{
	struct bud_pull_query query = query_of(BUD_INDEX_RESOURCE, RESOURCE);
	int64_t began_ms = bud_clock_mono_ms();
	struct got got;

	(void)state;
	query.wait_ms = 100;
	publish("other", "t", "other", 10); /* seen by the reader, and denied */
	got = read_page(&query);
	assert_int_equal(0, got.n);
	assert_true(got.position > 0);
	assert_true(bud_clock_mono_ms() - began_ms >= 100);
}

static void too_many_are_refused(void **state)
{
	static struct got got[BUD_PULL_READS_MAX];
	struct bud_pull_query query = query_of(BUD_INDEX_RESOURCE, RESOURCE);

	(void)state;
	memset(got, 0, sizeof(got));
	for (size_t i = 0; i < BUD_PULL_READS_MAX; i++)
		assert_int_equal(0, bud_pull_read(pull, &query, on_page, &got[i]));
	assert_int_equal(-EBUSY, bud_pull_read(pull, &query, on_page, NULL));
	for (size_t i = 0; i < BUD_PULL_READS_MAX; i++)
		run_until(&got[i].done);
	assert_int_equal(0, read_page(&query).err);
}

/* Finding */

struct position {
	bool done;
	uint64_t at;
};

static void on_position(void *owner, int err, uint64_t at)
{
	assert_int_equal(0, err);
	*(struct position *)owner = (struct position){true, at};
}

static uint64_t find(const char *id)
{
	struct bud_pull_query query = query_of(BUD_INDEX_RESOURCE, RESOURCE);
	struct position position = {false, 0};

	assert_int_equal(0, bud_find(&store, &query.key, bud_span(id), on_position, &position));
	run_until(&position.done);
	return position.at;
}

static void an_id_becomes_a_position(void **state)
{
	struct bud_pull_query query = query_of(BUD_INDEX_RESOURCE, RESOURCE);
	struct got got;

	(void)state;
	assert_int_equal(0, find("1"));
	publish_many(0, 200, "t");
	publish("esc\\u0061pe", "t", "local", 10);
	query.after = find("41");
	assert_true(query.after > 0);
	got = read_page(&query);
	assert_string_equal("42", got.first);
	assert_true(find("escape") > find("199"));
	assert_int_equal(0, find("200"));
	assert_int_equal(0, find("/party/41"));
}

/* Upkeep */

static bool is_trimmed(void)
{
	redisReply *reply = redis_server_ask(&server, "EVAL %s 0",
		"local n = 0 for _, k in ipairs(redis.call('KEYS', 'bud:{s0}:by:*:*')) do "
		"n = n + redis.call('ZCARD', k) end return n");
	bool done = reply->integer == 1;

	freeReplyObject(reply);
	return done;
}

static void the_index_shrinks_with_its_events(void **state)
{
	struct bud_trimmer_options options = {.loop = &loop,
		.store = &store,
		.metrics = &metrics,
		.retention_ms = 1000LL * 3600,
		.is_indexed = true,
		.each_ms = 5};
	struct bud_trimmer *trimmer = bud_trimmer_open(&options);

	(void)state;
	publish_many(0, 300, "t");
	while (bud_metrics_gauge(&metrics, BUD_GAUGE_EVENTS_RETAINED) != 300)
		uv_run(&loop, UV_RUN_ONCE);
	for (unsigned i = 0; i < BUD_PARTITIONS; i++)
		redis_server_do(&server, "XTRIM bud:{s0}:p%u:events MAXLEN 0", i);
	/* One that is there, and no time would take away. */
	redis_server_do(&server, "EVAL %s 0",
		"local id = redis.call('XADD', 'bud:{s0}:p0:events', '*', 'o', 'local', 'e', '{}') "
		"redis.call('ZADD', 'bud:{s0}:by:resource:x', 9007199254740991, '00-' .. id) "
		"return id");
	while (!is_trimmed())
		uv_run(&loop, UV_RUN_ONCE);
	assert_true(bud_metrics_counter(&metrics, BUD_COUNTER_INDEX_TRIMMED) >= 600);
	bud_trimmer_close(trimmer);
	uv_run(&loop, UV_RUN_NOWAIT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(pages_follow_each_other),
		TEST(an_empty_page_goes_on),
		TEST(what_is_denied_is_passed_over),
		TEST(what_is_not_known_yet_is_not_passed_over),
		TEST(a_page_is_bounded_by_bytes),
		TEST(from_skips_what_is_long_past),
		TEST(all_who_wait_get_what_comes),
		TEST(waiting_ends_in_time),
		TEST(too_many_are_refused),
		TEST(an_id_becomes_a_position),
		TEST(the_index_shrinks_with_its_events),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
