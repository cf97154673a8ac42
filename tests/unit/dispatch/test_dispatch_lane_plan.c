/* What an owner wishes and a receiver granted decides how a lane is served; a rate is kept by
 * resting after each claim. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dispatch/lane_plan.h"
#include "store/lane.h"
#include "subscription/push_config.h"
#include "subscription/status.h"

static void wishes_decide(void **state)
{
	struct bud_push_config config = bud_push_config_default;
	struct bud_subscription_status status = {.rate_per_min = 0};
	struct bud_lane_plan plan;

	(void)state;
	assert_int_equal(bud_lane_plan_of(&config, &status, 4).mode, BUD_CLAIM_PLAIN);
	config.max_in_flight = 4;
	assert_int_equal(bud_lane_plan_of(&config, &status, 4).mode, BUD_CLAIM_PLAIN);
	plan = bud_lane_plan_of(&config, &status, 5);
	assert_int_equal(plan.mode, BUD_CLAIM_STRICT);
	assert_int_equal(plan.limit, 4);
	config.rate_per_s = 1000;
	assert_int_equal(bud_lane_plan_of(&config, &status, 1).limit, 4);
	config.max_in_flight = 0;
	assert_int_equal(bud_lane_plan_of(&config, &status, 1).limit, BUD_ENDPOINT_WINDOW_MAX);
	config.is_ordered = true;
	plan = bud_lane_plan_of(&config, &status, 1);
	assert_int_equal(plan.mode, BUD_CLAIM_ORDERED_WAIT);
	assert_int_equal(plan.limit, 1);
	config.on_blocked = BUD_ON_BLOCKED_SKIP;
	assert_int_equal(bud_lane_plan_of(&config, &status, 1).mode, BUD_CLAIM_ORDERED_SKIP);
}

static void the_lower_rate_holds(void **state)
{
	struct bud_push_config config = bud_push_config_default;
	struct bud_subscription_status status = {.rate_per_min = 30};
	struct bud_lane_plan plan = bud_lane_plan_of(&config, &status, 1);

	(void)state;
	assert_int_equal(plan.mode, BUD_CLAIM_STRICT);
	assert_int_equal(plan.limit, 1);
	assert_int_equal(bud_lane_plan_rest_ms(&plan, 1, 0), 2000);
	assert_int_equal(bud_lane_plan_rest_ms(&plan, 1, 500), 1500);
	assert_int_equal(bud_lane_plan_rest_ms(&plan, 1, 5000), 0);
	assert_int_equal(bud_lane_plan_rest_ms(&plan, 0, 0), 0);
	config.rate_per_s = 0.1;
	plan = bud_lane_plan_of(&config, &status, 1);
	assert_int_equal(bud_lane_plan_rest_ms(&plan, 1, 0), 10000);
	config.rate_per_s = 40;
	plan = bud_lane_plan_of(&config, &status, 1);
	assert_int_equal(bud_lane_plan_rest_ms(&plan, 1, 0), 2000);
	status.rate_per_min = 0;
	plan = bud_lane_plan_of(&config, &status, 1);
	assert_int_equal(plan.limit, 10);
	assert_int_equal(bud_lane_plan_rest_ms(&plan, 10, 0), 250);
}

static void a_batch_is_one_request(void **state)
{
	struct bud_push_config config = bud_push_config_default;
	struct bud_subscription_status status = {.rate_per_min = 60};
	struct bud_lane_plan plan;

	(void)state;
	config.mode = BUD_MODE_BATCH;
	config.batch_events = BUD_PUSH_BATCH_EVENTS_MAX;
	config.batch_wait_ms = 70;
	config.batch_bytes = 5000;
	plan = bud_lane_plan_of(&config, &status, 1);
	assert_int_equal(plan.mode, BUD_CLAIM_BATCH);
	/* What may be wished is what comes. */
	assert_int_equal(plan.limit, BUD_PUSH_BATCH_EVENTS_MAX);
	assert_int_equal(plan.fill, BUD_PUSH_BATCH_EVENTS_MAX);
	assert_int_equal(plan.wait_ms, 70);
	assert_int_equal(plan.bytes_max, 5000);
	assert_int_equal(bud_lane_plan_rest_ms(&plan, 200, 0), 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wishes_decide),
		cmocka_unit_test(the_lower_rate_holds),
		cmocka_unit_test(a_batch_is_one_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
