/* For a subscription that holds up what its owner may park nothing more is parked: what is owed to
 * it is a dead letter at once, with why, and without a copy of the event; who else wants the event
 * gets it, and so does this one what its receiver takes. */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "auth/quota.h"
#include "core/limits.h"
#include "subscription/subscription.h"

static int set_up(void **state)
{
	int r = rig_set_up(state);
	struct rig *rig = *state;

	rig->quota = bud_quota_create(&(struct bud_quotas){.parked_bytes = 1000});
	rig_set_schedule(rig, 2, (uint32_t[]){3600, 3600});
	return r;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;
	struct bud_quota *quota = rig->quota;
	int r = rig_tear_down(state);

	bud_quota_destroy(quota);
	return r;
}

static void refuse(struct rig *rig, const char *id)
{
	const struct bud_span ids[] = {bud_span(id)};

	bud_quota_set_refused(rig->quota, ids, 1);
}

static long long dead(struct rig *rig, const char *id)
{
	return rig_number(rig, "ZCARD bud:{s0}:dead:%s", id);
}

static long long parked(struct rig *rig, const char *id)
{
	return rig_number(rig, "ZCARD bud:{s0}:parked:%s", id);
}

/* Bytes of all that is kept. */
static long long kept(struct rig *rig)
{
	return rig_number(rig,
		"EVAL local\tn=0;for\t_,v\tin\tipairs(redis.call('HVALS','bud:{s0}:%s'))do\tn=n+"
		"#v\tend\treturn\tn 0",
		"kept");
}

static void what_fails_is_dead_at_once(void **state)
{
	struct rig *rig = *state;

	sink_tell(&rig->sink, "/fails", 0, (int[]){500, 500, 500, 0});
	rig_subscribe(rig, "s1", "t", "/fails");
	rig_subscribe(rig, "s2", "t", "/well");
	refuse(rig, "s1");
	rig_start(rig);
	rig_publish(rig, "t", "e", 3);
	rig_wait(rig, dead(rig, "s1") == 3);
	rig_wait(rig, rig_pending(rig) == 0);
	assert_int_equal(parked(rig, "s1"), 0);
	assert_int_equal(kept(rig), 0);
	assert_int_equal(rig_number(rig, "HLEN bud:{s0}:%s", "refs"), 3);
	assert_int_equal(rig_number(rig, "HLEN bud:{s0}:%s", "why"), 3);
	assert_int_equal(sink_count(&rig->sink, "/fails", NULL), 3);
	assert_int_equal(sink_count(&rig->sink, "/well", NULL), 3);
	rig_wait_count(rig, BUD_COUNTER_QUOTA_DELIVERIES, 3);
	rig_wait_count(rig, BUD_COUNTER_DELIVERIES_DEAD, 3);
	assert_int_equal(rig_count(rig, BUD_COUNTER_DELIVERIES_PARKED), 0);
	/* There is room again. */
	bud_quota_set_refused(rig->quota, NULL, 0);
	sink_tell(&rig->sink, "/fails", 0, (int[]){500, 0});
	rig_publish(rig, "t", "f", 1);
	rig_wait(rig, parked(rig, "s1") == 1);
	assert_int_equal(dead(rig, "s1"), 3);
	assert_true(kept(rig) > 0);
}

static void what_its_receiver_takes_is_delivered(void **state)
{
	struct rig *rig = *state;

	rig_subscribe(rig, "s1", "t", "/well");
	refuse(rig, "s1");
	rig_start(rig);
	rig_publish(rig, "t", "e", 20);
	rig_wait(rig, sink_count(&rig->sink, "/well", NULL) == 20 && rig_is_clean(rig));
	assert_int_equal(rig_count(rig, BUD_COUNTER_QUOTA_DELIVERIES), 0);
}

/* The two share what is kept: who is parked has its content. */
static void a_copy_is_kept_for_who_is_parked(void **state)
{
	struct rig *rig = *state;

	sink_tell(&rig->sink, "/fails", 0, (int[]){500, 500, 0});
	rig_subscribe(rig, "s1", "t", "/fails");
	rig_subscribe(rig, "s2", "t", "/fails");
	refuse(rig, "s1");
	rig_start(rig);
	rig_publish(rig, "t", "e", 1);
	rig_wait(rig, dead(rig, "s1") == 1 && parked(rig, "s2") == 1);
	assert_true(kept(rig) > 0);
	assert_int_equal(rig_number(rig, "HLEN bud:{s0}:%s", "refs"), 1);
}

static void of_a_broadcast_only_it_is_refused(void **state)
{
	struct rig *rig = *state;
	int n = (int)BUD_BROADCAST_CHUNK + 44;

	for (int i = 0; i < n; i++) {
		char id[16], path[16];
		snprintf(id, sizeof(id), "s%d", i);
		snprintf(path, sizeof(path), "/b/%d", i);
		rig_subscribe(rig, id, "t", path);
	}
	refuse(rig, "s270"); /* of the second chunk */
	rig_start(rig);
	rig_publish(rig, "t", "e", 1);
	rig_wait(rig, sink_distinct(&rig->sink) == (size_t)n - 1);
	assert_int_equal(sink_count(&rig->sink, "/b/270", NULL), 0);
	assert_int_equal(dead(rig, "s270"), 1);
	rig_wait_count(rig, BUD_COUNTER_QUOTA_DELIVERIES, 1);
	rig_wait(rig, rig_number(rig, "ZCARD bud:{s0}:%s", "due") == 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_fails_is_dead_at_once),
		TEST(what_its_receiver_takes_is_delivered),
		TEST(a_copy_is_kept_for_who_is_parked),
		TEST(of_a_broadcast_only_it_is_refused),
	};

	return cmocka_run_group_tests(tests, rig_group_set_up, rig_group_tear_down);
}
