/* Nobody gets an event without a permit: of those that match, only the permitted ones, at once,
 * from their lane and in a broadcast; each attempt asks again, so what was permitted once is not
 * delivered after the permit is gone. */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "auth/authorize.h"
#include "auth/grant.h"
#include "auth/policy.h"

#define RESOURCE ",'resource':'urn:r:a','subject':'/party/1'"

static void set_policy(struct rig *rig, const char *json)
{
	struct bud_policy *policy = NULL;
	struct bud_error error = {0};

	if (bud_policy_parse(bud_span(json), &policy, &error) < 0)
		fail_msg("%s", error.text);
	bud_authority_set_policy(rig->authority, policy);
}

static void authenticate(struct rig *rig, const char *policy)
{
	bud_authority_destroy(rig->authority);
	rig->authority = bud_authority_create(&(struct bud_authority_options){0});
	set_policy(rig, policy);
	rig->event_members = RESOURCE;
}

static void subscribe(struct rig *rig, const char *owner, const char *id, const char *path)
{
	rig->subscriber = owner;
	rig_subscribe(rig, id, "t", path);
}

#define A_MAY "{\"rules\":[{\"who\":[\"/org/a\"],\"actions\":[\"subscribe\"]}]}"

static void only_permitted_ones_get_it(void **state)
{
	struct rig *rig = *state;

	authenticate(rig, A_MAY);
	subscribe(rig, "/org/a", "s1", "/a");
	subscribe(rig, "/org/b", "s2", "/b");
	subscribe(rig, "local", "s3", "/own");
	rig_start(rig);
	rig_publish(rig, "t", "e", 3);
	rig_wait(rig, rig->sink.n == 6 && rig_is_clean(rig));
	assert_int_equal(sink_count(&rig->sink, "/a", NULL), 3);
	assert_int_equal(sink_count(&rig->sink, "/own", NULL), 3);
	assert_int_equal(rig_count(rig, BUD_COUNTER_DELIVERIES_DENIED), 3);
}

static void what_waits_is_asked_again(void **state)
{
	struct rig *rig = *state;

	authenticate(rig, A_MAY);
	rig_set_schedule(rig, 2, (uint32_t[]){1, 1});
	sink_tell(&rig->sink, "/a", 0, (int[]){500, 0});
	subscribe(rig, "/org/a", "s1", "/a");
	rig_start(rig);
	rig_publish(rig, "t", "e", 2);
	rig_wait(rig, rig_number(rig, "ZCARD bud:{s0}:parked:%s", "s1") == 2);
	set_policy(rig, "{}");
	rig_wait(rig, rig_is_clean(rig));
	assert_int_equal(sink_count(&rig->sink, "/a", NULL), 2);
	assert_int_equal(rig_count(rig, BUD_COUNTER_DELIVERIES_DENIED), 2);
	assert_int_equal(rig_number(rig, "EXISTS bud:{s0}:dead:%s", "s1"), 0);
}

static void a_broadcast_leaves_out_who_may_not(void **state)
{
	struct rig *rig = *state;

	authenticate(rig, A_MAY);
	for (int i = 0; i < 300; i++) {
		char id[8];
		snprintf(id, sizeof(id), "s%d", i);
		subscribe(rig, i % 3 == 0 ? "/org/a" : "/org/b", id, i % 3 == 0 ? "/a" : "/b");
	}
	rig_start(rig);
	rig_publish(rig, "t", "e", 1);
	rig_wait_ms(rig, rig->sink.n == 100 && rig_is_clean(rig), 30000);
	assert_int_equal(sink_count(&rig->sink, "/a", NULL), 100);
	assert_int_equal(rig_count(rig, BUD_COUNTER_DELIVERIES_DENIED), 200);
}

static void grant(struct rig *rig, int64_t until_ms)
{
	struct bud_grant *grant = bud_new(struct bud_grant);

	snprintf(grant->id, sizeof(grant->id), "g");
	grant->owner = bud_strdup("local");
	grant->to = bud_strdup("/org/b");
	grant->actions = 1u << BUD_ACTION_SUBSCRIBE;
	grant->until_ms = until_ms;
	bud_authority_put_grant(rig->authority, grant);
}

static void a_grant_lasts_until_it_is_over(void **state)
{
	struct rig *rig = *state;

	authenticate(rig, A_MAY);
	subscribe(rig, "/org/b", "s1", "/b");
	rig_start(rig);
	grant(rig, 0);
	rig_publish(rig, "t", "e", 1);
	rig_wait(rig, rig->sink.n == 1 && rig_is_clean(rig));
	bud_authority_remove_grant(rig->authority, bud_span("g"));
	rig_publish(rig, "t", "revoked", 1);
	rig_wait(rig, rig_count(rig, BUD_COUNTER_DELIVERIES_DENIED) == 1 && rig_is_clean(rig));
	grant(rig, bud_clock_wall_ms() - 1);
	rig_publish(rig, "t", "expired", 1);
	rig_wait(rig, rig_count(rig, BUD_COUNTER_DELIVERIES_DENIED) == 2 && rig_is_clean(rig));
	assert_int_equal(rig->sink.n, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(only_permitted_ones_get_it),
		TEST(what_waits_is_asked_again),
		TEST(a_broadcast_leaves_out_who_may_not),
		TEST(a_grant_lasts_until_it_is_over),
	};
	return cmocka_run_group_tests(tests, rig_group_set_up, rig_group_tear_down);
}
