/* Our clock is not Redis': what is parked goes when it is due by that of Redis, and is given up for
 * its age by that alone. */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define HOUR_MS 3600000LL
#define YEAR_MS (365 * 24 * HOUR_MS)

static int64_t ahead_ms;

int64_t __real_bud_clock_wall_ms(void);
int64_t __wrap_bud_clock_wall_ms(void);

int64_t __wrap_bud_clock_wall_ms(void)
{
	return __real_bud_clock_wall_ms() + ahead_ms;
}

static void goes_when_it_is_due(struct rig *rig, int64_t ours_is_ahead_ms)
{
	ahead_ms = ours_is_ahead_ms;
	rig->config.retention.age_s = 7 * 24 * 3600;
	rig_set_schedule(rig, 1, (uint32_t[]){1});
	sink_tell(&rig->sink, "/a", 0, (int[]){500, 200, 0});
	rig_subscribe(rig, "s1", "t", "/a");
	rig_start(rig);
	rig_publish(rig, "t", "e", 1);
	rig_wait(rig, rig_number(rig, "ZCARD bud:{s0}:parked:%s", "s1") == 1);
	rig_wait_ms(rig, sink_count(&rig->sink, "/a", NULL) == 2, 5000);
	rig_wait(rig, rig_is_clean(rig));
	assert_int_equal(rig_number(rig, "EXISTS bud:{s0}:dead:%s", "s1"), 0);
}

static void ours_is_behind(void **state)
{
	goes_when_it_is_due(*state, -HOUR_MS);
}

static void ours_is_ahead(void **state)
{
	goes_when_it_is_due(*state, HOUR_MS);
}

static void ours_is_a_year_ahead(void **state)
{
	goes_when_it_is_due(*state, YEAR_MS);
}

static int tear_down(void **state)
{
	ahead_ms = 0;
	return rig_tear_down(state);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(ours_is_behind),
		TEST(ours_is_ahead),
		TEST(ours_is_a_year_ahead),
	};

	return cmocka_run_group_tests(tests, rig_group_set_up, rig_group_tear_down);
}
