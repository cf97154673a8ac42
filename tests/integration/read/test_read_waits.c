/* Many wait with one poll, and all of them get what comes; no wait is longer than it was asked for,
 * and no more wait or read than are allowed. */
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

#define WAITS 600

static void all_who_wait_get_what_comes(void **state)
{
	static struct rig_page got[WAITS + 1];
	struct bud_pull_query query = rig_query(BUD_INDEX_RESOURCE, RIG_RESOURCE);
	size_t waiting = 0;

	(void)state;
	memset(got, 0, sizeof(got));
	query.wait_ms = 60000;
	for (size_t i = 0; i < WAITS; i++) {
		assert_int_equal(0, bud_pull_read(rig.pull, &query, rig_on_page, &got[i]));
		while (i % 200 == 199 && waiting <= i) { /* not all at once: reads are bounded */
			uv_run(&rig.loop, UV_RUN_ONCE);
			waiting = (size_t)bud_metrics_gauge(&rig.metrics, BUD_GAUGE_PULL_WAITING);
		}
	}
	query = rig_query(BUD_INDEX_SUBJECT, "/party/nobody");
	query.wait_ms = 60000;
	assert_int_equal(0, bud_pull_read(rig.pull, &query, rig_on_page, &got[WAITS]));
	rig_publish("a", "t", "local", 10);
	for (size_t i = 0; i < WAITS; i++) {
		rig_run_until(&got[i].done);
		assert_int_equal(1, got[i].n);
	}
	assert_false(got[WAITS].done);
	bud_pull_stop(rig.pull);
	rig_run_until(&got[WAITS].done);
	assert_int_equal(0, got[WAITS].err);
	assert_int_equal(0, got[WAITS].n);
	assert_int_equal(0, bud_metrics_gauge(&rig.metrics, BUD_GAUGE_PULL_WAITING));
	assert_int_equal(0, rig_read_page(&query).n); /* nothing waits any more */
}

static void waiting_ends_in_time(void **state)
{
	struct bud_pull_query query = rig_query(BUD_INDEX_RESOURCE, RIG_RESOURCE);
	int64_t began_ms = bud_clock_mono_ms();
	struct rig_page got;

	(void)state;
	query.wait_ms = 100;
	rig_publish("other", "t", "other", 10); /* seen by the reader, and denied */
	got = rig_read_page(&query);
	assert_int_equal(0, got.n);
	assert_true(got.position > 0);
	assert_true(bud_clock_mono_ms() - began_ms >= 100);
}

static void too_many_are_refused(void **state)
{
	static struct rig_page got[BUD_PULL_READS_MAX];
	struct bud_pull_query query = rig_query(BUD_INDEX_RESOURCE, RIG_RESOURCE);

	(void)state;
	memset(got, 0, sizeof(got));
	for (size_t i = 0; i < BUD_PULL_READS_MAX; i++)
		assert_int_equal(0, bud_pull_read(rig.pull, &query, rig_on_page, &got[i]));
	assert_int_equal(-EBUSY, bud_pull_read(rig.pull, &query, rig_on_page, NULL));
	for (size_t i = 0; i < BUD_PULL_READS_MAX; i++)
		rig_run_until(&got[i].done);
	assert_int_equal(0, rig_read_page(&query).err);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_begin, rig_end)
	const struct CMUnitTest tests[] = {
		TEST(all_who_wait_get_what_comes),
		TEST(waiting_ends_in_time),
		TEST(too_many_are_refused),
	};

	return cmocka_run_group_tests(tests, rig_start, rig_finish);
}
