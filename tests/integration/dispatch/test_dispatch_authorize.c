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
#include "pdp.h"

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

/* The decision point */

static struct pdp pdp;

static int set_up_with_point(void **state)
{
	struct rig *rig;
	int r = rig_set_up(state);

	rig = *state;
	pdp_open(&pdp, &rig->loop);
	bud_authority_destroy(rig->authority);
	rig->authority = bud_authority_create(&(struct bud_authority_options){.has_point = true});
	snprintf(rig->point_url, sizeof(rig->point_url), "http://127.0.0.1:%d/decide", pdp.port);
	rig->event_members = RESOURCE;
	return r;
}

static int tear_down_with_point(void **state)
{
	int r;

	pdp_close(&pdp);
	r = rig_tear_down(state);
	pdp_finish(&pdp);
	return r;
}

static void the_point_is_asked_once(void **state)
{
	struct rig *rig = *state;

	pdp.permitted = "a";
	subscribe(rig, "/org/a", "s1", "/a");
	subscribe(rig, "/org/b", "s2", "/b");
	subscribe(rig, "local", "s3", "/own");
	rig_start(rig);
	rig_publish(rig, "t", "e", 1);
	rig_wait(rig, rig->sink.n == 2 && rig_is_clean(rig));
	assert_int_equal(pdp.calls, 1);
	assert_int_equal(pdp.questions, 2);
	assert_int_equal(rig_count(rig, BUD_COUNTER_DELIVERIES_PARKED), 0);
	rig_publish(rig, "t", "more", 5);
	rig_wait(rig, rig->sink.n == 12 && rig_is_clean(rig));
	assert_int_equal(pdp.calls, 1);
	assert_int_equal(rig_count(rig, BUD_COUNTER_DELIVERIES_DENIED), 6);
	/* Of another party nothing is known. */
	rig->event_members = ",'resource':'urn:r:a','subject':'/party/2'";
	rig_publish(rig, "t", "other", 1);
	rig_wait(rig, rig->sink.n == 14 && rig_is_clean(rig));
	assert_int_equal(pdp.calls, 2);
	assert_int_equal(sink_count(&rig->sink, "/b", NULL), 0);
}

/* Fail closed, and nothing is lost; who needs no answer does not wait. */
static void without_an_answer_it_is_parked(void **state)
{
	static const enum pdp_mode modes[] = {PDP_STATUS_500, PDP_SILENT};
	struct rig *rig = *state;

	pdp.permitted = "a";
	subscribe(rig, "/org/a", "s1", "/a");
	subscribe(rig, "local", "s2", "/own");
	rig_start(rig);
	for (int i = 0; i < 2; i++) {
		pdp.mode = modes[i];
		rig_publish(rig, "t", i == 0 ? "broken" : "silent", 2);
		rig_wait(rig, sink_count(&rig->sink, "/own", NULL) == 2 * (size_t)(i + 1));
		rig_wait_ms(rig, rig_number(rig, "ZCARD bud:{s0}:parked:%s", "s1") == 2, 10000);
		assert_int_equal(sink_count(&rig->sink, "/a", NULL), 2 * i);
		pdp.mode = PDP_ANSWERS;
		rig_wait_ms(rig, sink_count(&rig->sink, "/a", NULL) == 2 * (size_t)(i + 1), 40000);
		rig_wait(rig, rig_is_clean(rig));
		bud_authority_forget_decisions(rig->authority);
	}
	assert_true(rig_count(rig, BUD_COUNTER_DELIVERIES_LATER) >= 2);
	assert_int_equal(rig_number(rig, "EXISTS bud:{s0}:dead:%s", "s1"), 0);
}

static void a_thousand_are_one_call(void **state)
{
	struct rig *rig = *state;

	pdp.permitted = "*";
	for (int i = 0; i < 1000; i++) {
		char id[8];
		char owner[16];
		snprintf(id, sizeof(id), "s%d", i);
		snprintf(owner, sizeof(owner), "/org/%d", i);
		subscribe(rig, owner, id, "/a");
	}
	rig_start(rig);
	rig_publish(rig, "t", "e", 1);
	rig_wait_ms(rig, rig->sink.n == 1000 && rig_is_clean(rig), 60000);
	assert_int_equal(pdp.calls, 1);
	assert_int_equal(pdp.questions, 1000);
}

static void a_drain_waits_for_nobody(void **state)
{
	struct rig *rig = *state;

	pdp.mode = PDP_SILENT;
	subscribe(rig, "/org/a", "s1", "/a");
	rig_start(rig);
	rig_publish(rig, "t", "e", 3);
	rig_wait(rig, pdp.calls == 1);
	bud_dispatch_stop(rig->dispatch);
	bud_dispatch_park_all(rig->dispatch);
	rig_wait(rig, rig_number(rig, "ZCARD bud:{s0}:parked:%s", "s1") == 3);
	rig_wait(rig, bud_dispatch_is_idle(rig->dispatch));
}

#define POINT_TEST(name)                                                                           \
	cmocka_unit_test_setup_teardown(name, set_up_with_point, tear_down_with_point)
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(only_permitted_ones_get_it),
		TEST(what_waits_is_asked_again),
		TEST(a_broadcast_leaves_out_who_may_not),
		TEST(a_grant_lasts_until_it_is_over),
		POINT_TEST(the_point_is_asked_once),
		POINT_TEST(without_an_answer_it_is_parked),
		POINT_TEST(a_thousand_are_one_call),
		POINT_TEST(a_drain_waits_for_nobody),
	};
	return cmocka_run_group_tests(tests, rig_group_set_up, rig_group_tear_down);
}
