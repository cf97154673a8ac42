/* An event's id becomes its position; the index shrinks with the events that it names. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "core/limits.h"
#include "read/find.h"
#include "read/trimmer.h"
#include "read_rig.h"
#include "store/keys.h"

#define GUID "6fb3f738-6800-4F29-9f3e-1c66862656cd"

struct position {
	bool done;
	int err;
	uint64_t at;
};

static void on_position(void *owner, int err, uint64_t at)
{
	*(struct position *)owner = (struct position){true, err, at};
}

static struct position look_for(const char *id)
{
	struct bud_pull_query query = rig_query(BUD_INDEX_RESOURCE, RIG_RESOURCE);
	struct position position = {0};

	assert_int_equal(0, bud_find(&rig.store, &query.key, bud_span(id), on_position, &position));
	rig_run_until(&position.done);
	return position;
}

static uint64_t find(const char *id)
{
	struct position position = look_for(id);

	assert_int_equal(0, position.err);
	return position.at;
}

static void an_id_becomes_a_position(void **state)
{
	struct bud_pull_query query = rig_query(BUD_INDEX_RESOURCE, RIG_RESOURCE);
	struct rig_page got;

	(void)state;
	assert_int_equal(0, find("1"));
	rig_publish_many(0, 200, "t");
	rig_publish("esc\\u0061pe", "t", "local", 10);
	query.after = find("41");
	assert_true(query.after > 0);
	got = rig_read_page(&query);
	assert_string_equal("42", got.first);
	assert_true(find("escape") > find("199"));
	assert_int_equal(0, find("200"));
	assert_int_equal(0, find("/party/41"));
}

static void publish_one(const char *id, const char *source)
{
	bud_auto(buffer) struct bud_buffer json = {0};

	bud_buffer_format(&json,
		"{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"%s\",\"type\":\"t\","
		"\"resource\":\"" RIG_RESOURCE "\"}",
		id, source);
	rig_publish_json(bud_buffer_as_span(&json), "local");
}

/* Of several with one id the oldest, or what lies between them would be passed over, but for a
 * GUID, which nobody else has: there the search may end at once. And an id that may be older than
 * what is looked at is told apart from one that is not there. */
static void what_may_be_older_is_told_apart(void **state)
{
	char id[16];
	uint64_t oldest;

	(void)state;
	publish_one("same", "/a");
	publish_one(GUID, "/a");
	oldest = find("same");
	rig_publish_many(0, 100, "t");
	publish_one("same", "/b");
	publish_one(GUID, "/b");
	assert_true(oldest > 0);
	assert_true(find(GUID) > find("99"));
	assert_true(find("same") == oldest);
	assert_int_equal(0, find("none"));
	rig_publish_many(100, BUD_FIND_ENTRIES_MAX + 200, "t");
	assert_int_equal(-ERANGE, look_for("same").err);
	assert_int_equal(-ERANGE, look_for("none").err);
	snprintf(id, sizeof(id), "%u", BUD_FIND_ENTRIES_MAX);
	assert_true(find(id) > oldest);
}

static bool is_trimmed(void)
{
	redisReply *reply = redis_server_ask(&rig.server, "EVAL %s 0",
		"local n = 0 for _, k in ipairs(redis.call('KEYS', 'bud:{s0}:by:*:*')) do "
		"n = n + redis.call('ZCARD', k) end return n");
	bool done = reply->integer == 1;

	freeReplyObject(reply);
	return done;
}

static void the_index_shrinks_with_its_events(void **state)
{
	struct bud_trimmer_options options = {.loop = &rig.loop,
		.store = &rig.store,
		.metrics = &rig.metrics,
		.retention_ms = 1000LL * 3600,
		.is_indexed = true,
		.each_ms = 5};

	(void)state;
	rig.trimmer = bud_trimmer_open(&options);
	rig_publish_many(0, 300, "t");
	while (bud_metrics_gauge(&rig.metrics, BUD_GAUGE_EVENTS_RETAINED) != 300)
		uv_run(&rig.loop, UV_RUN_ONCE);
	for (unsigned i = 0; i < BUD_PARTITIONS; i++)
		redis_server_do(&rig.server, "XTRIM bud:{s0}:p%u:events MAXLEN 0", i);
	/* One that is there, and no time would take away. */
	redis_server_do(&rig.server, "EVAL %s 0",
		"local id = redis.call('XADD', 'bud:{s0}:p0:events', '*', 'o', 'local', 'e', '{}') "
		"redis.call('ZADD', 'bud:{s0}:by:resource:x', 9007199254740991, '00-' .. id) "
		"return id");
	while (!is_trimmed() || bud_metrics_counter(&rig.metrics, BUD_COUNTER_INDEX_TRIMMED) < 600)
		uv_run(&rig.loop, UV_RUN_ONCE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_begin, rig_end)
	const struct CMUnitTest tests[] = {
		TEST(an_id_becomes_a_position),
		TEST(what_may_be_older_is_told_apart),
		TEST(the_index_shrinks_with_its_events),
	};

	return cmocka_run_group_tests(tests, rig_start, rig_finish);
}
