/* What an owner wishes decides how its lane is served; names of lanes come back as they were;
 * events that must stay in order share a lane. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/hash.h"
#include "dispatch/lane_kind.h"
#include "event/event.h"
#include "subscription/push_config.h"
#include "subscription/status.h"

static void wishes_decide(void **state)
{
	struct bud_push_config config = bud_push_config_default;
	struct bud_subscription_status status = {.rate_per_min = 0};

	(void)state;
	assert_int_equal(bud_lane_kind_of(&config, &status, 4), BUD_LANE_KIND_PLAIN);
	config.max_in_flight = 4;
	assert_int_equal(bud_lane_kind_of(&config, &status, 4), BUD_LANE_KIND_PLAIN);
	assert_int_equal(bud_lane_kind_of(&config, &status, 5), BUD_LANE_KIND_LIMITED);
	config.max_in_flight = 0;
	status.rate_per_min = 30;
	assert_int_equal(bud_lane_kind_of(&config, &status, 1), BUD_LANE_KIND_LIMITED);
	assert_true(bud_lane_rate(&config, &status) == 0.5);
	config.rate_per_s = 0.25;
	assert_true(bud_lane_rate(&config, &status) == 0.25);
	config.rate_per_s = 2;
	assert_true(bud_lane_rate(&config, &status) == 0.5);
	config.mode = BUD_MODE_BATCH;
	assert_int_equal(bud_lane_kind_of(&config, &status, 1), BUD_LANE_KIND_BATCH);
	config.is_ordered = true;
	assert_int_equal(bud_lane_kind_of(&config, &status, 1), BUD_LANE_KIND_ORDERED);
}

static void names_come_back(void **state)
{
	static const char *const bad[] = {"", "/", "~replay", "s1/", "s1~", "s1/0123", "s1~replays",
		"s1/0123456789abcdef0",
		"12345678901234567890123456789012345678901234567890123456789012345"};
	struct bud_lane_name name;

	(void)state;
	assert_true(bud_lane_name_parse(bud_span("s1"), &name));
	assert_string_equal(name.subscription, "s1");
	assert_false(name.is_replay || name.has_key);
	assert_true(bud_lane_name_parse(bud_span("s_2~replay"), &name));
	assert_string_equal(name.subscription, "s_2");
	assert_true(name.is_replay && !name.has_key);
	assert_true(bud_lane_name_parse(bud_span("s-3/0123456789abcdef"), &name));
	assert_string_equal(name.subscription, "s-3");
	assert_true(name.has_key && !name.is_replay);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (bud_lane_name_parse(bud_span(bad[i]), &name))
			fail_msg("taken: %s", bad[i]);
}

static void write_lane(const char *members, char out[BUD_LANE_NAME_BYTES])
{
	struct bud_hash_key key = {0};
	bud_auto(buffer) struct bud_buffer text = {0};
	struct bud_event *event;

	bud_buffer_format(
		&text, "{\"specversion\":\"1.0\",\"type\":\"t\",\"source\":\"/s\"%s}", members);
	event = bud_event_create(bud_span("local"), bud_buffer_as_span(&text));
	assert_non_null(event);
	bud_lane_name_write_ordered("s1", event, &key, out);
	bud_event_unref(event);
}

static void one_key_is_one_lane(void **state)
{
	char a[BUD_LANE_NAME_BYTES], b[BUD_LANE_NAME_BYTES];
	struct bud_lane_name name;

	(void)state;
	write_lane(",\"id\":\"1\",\"subject\":\"x\"", a);
	write_lane(",\"id\":\"2\",\"subject\":\"x\"", b);
	assert_string_equal(a, b);
	assert_true(bud_lane_name_parse(bud_span(a), &name));
	assert_true(name.has_key);
	write_lane(",\"id\":\"2\",\"subject\":\"other\",\"partitionkey\":\"x\"", b);
	assert_string_equal(a, b);
	write_lane(",\"id\":\"2\",\"subject\":\"y\"", b);
	assert_string_not_equal(a, b);
	write_lane(",\"id\":\"1\"", a);
	write_lane(",\"id\":\"2\"", b);
	assert_string_not_equal(a, b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wishes_decide),
		cmocka_unit_test(names_come_back),
		cmocka_unit_test(one_key_is_one_lane),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
