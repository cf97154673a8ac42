/* An event's id becomes its position; the index shrinks with the events that it names. */
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
	struct bud_pull_query query = rig_query(BUD_INDEX_RESOURCE, RIG_RESOURCE);
	struct position position = {false, 0};

	assert_int_equal(0, bud_find(&rig.store, &query.key, bud_span(id), on_position, &position));
	rig_run_until(&position.done);
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
		TEST(the_index_shrinks_with_its_events),
	};

	return cmocka_run_group_tests(tests, rig_start, rig_finish);
}
