/* A receiver that says when to come back is left alone until then, with all that is meant for it,
 * and no attempt is used up; other nodes learn it within a second, and so does one that starts.
 * People stop and start everything. What cannot get better is dead at once, and says why. */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "core/limits.h"
#include "dispatch/endpoint.h"
#include "dispatch/endpoint_table.h"
#include "dispatch/pauses.h"
#include "store/endpoints.h"
#include "store/pauses.h"
#include "subscription/subscription.h"

/* Another node: endpoints of its own, on the same store. */
struct other {
	struct bud_endpoints *endpoints;
	struct bud_endpoint *endpoint;
	struct bud_pause_follower *follower;
};

static void open_other(struct rig *rig, struct other *other, const char *node, const char *path)
{
	struct bud_endpoint_limits limits = {
		.window = 16, .failures = 3, .open_ms = 300, .open_ms_longest = 600};
	bud_auto(buffer) struct bud_buffer sink = {0};

	bud_buffer_format(&sink, "http://127.0.0.1:%d%s", rig->sink.port, path);
	other->endpoints = bud_endpoints_create(&limits, &rig->shard.key);
	other->endpoint =
		bud_endpoints_get(other->endpoints, bud_span("local"), bud_buffer_as_span(&sink));
	other->follower = bud_pause_follower_open(&(struct bud_pause_options){
		&rig->loop, &rig->commands_store, other->endpoints, node});
	bud_pause_follower_on_up(other->follower);
}

static void close_other(struct other *other)
{
	bud_pause_follower_close(other->follower);
	bud_endpoint_unref(other->endpoint);
	bud_endpoints_destroy(other->endpoints);
}

static struct bud_pause_follower *follow(struct rig *rig)
{
	return bud_pause_follower_open(&(struct bud_pause_options){
		&rig->loop, &rig->commands_store, rig->endpoints, RIG_NODE});
}

static bool is_admitted(struct other *other)
{
	struct bud_settlement unused = {.verdict = BUD_VERDICT_UNUSED};
	int64_t now_ms = bud_clock_mono_ms();
	int64_t wait_ms = 0;

	enum bud_admit answer =
		bud_endpoint_admit(other->endpoint, BUD_SHARE_FRESH, now_ms, &wait_ms);

	unused.is_probe = answer == BUD_ADMIT_PROBE;
	if (answer != BUD_ADMIT_YES && answer != BUD_ADMIT_PROBE)
		return false;
	(void)bud_endpoint_settle(other->endpoint, &unused, now_ms);
	return true;
}

static void retry_after_holds_for_all_and_everywhere(void **state)
{
	struct rig *rig = *state;
	struct bud_pause_follower *follower = follow(rig);
	struct other other;
	struct other late;

	rig_set_schedule(rig, 2, (uint32_t[]){0, 60});
	sink_tell(&rig->sink, "/a", 0, (int[]){429, 200, 0});
	sink_tell_retry_after(&rig->sink, "/a", "6");
	rig_subscribe(rig, "s1", "t", "/a");
	rig_subscribe(rig, "s2", "u", "/a?x");
	open_other(rig, &other, "n2", "/a");
	rig_start(rig);
	rig_publish(rig, "t", "e", 1);
	rig_wait(rig, rig_number(rig, "ZCARD bud:{s0}:parked:%s", "s1") == 1);
	rig_publish(rig, "u", "f", 3);
	rig_wait(rig, rig_number(rig, "ZCARD bud:{s0}:parked:%s", "s2") == 3);
	rig_wait_ms(rig, !is_admitted(&other), 5500);
	open_other(rig, &late, RIG_NODE, "/a"); /* the same node, started again */
	rig_wait_ms(rig, !is_admitted(&late), 5500);
	assert_int_equal(sink_count(&rig->sink, "/a", NULL), 1);
	rig_wait_count(rig, BUD_COUNTER_ENDPOINT_PAUSES, 1);
	rig_wait_count(rig, BUD_COUNTER_WINDOW_HALVINGS, 1);
	assert_int_equal(rig_count(rig, BUD_COUNTER_BREAKER_OPENED), 0);
	rig_wait_ms(rig, sink_count(&rig->sink, "/a", NULL) == 5, 30000);
	rig_wait(rig, rig_is_clean(rig));
	rig_wait(rig, is_admitted(&other));
	close_other(&other);
	close_other(&late);
	bud_pause_follower_close(follower);
}

/* Cut off by what one node saw; well again by its probe. */
static void a_breaker_holds_for_all_nodes(void **state)
{
	struct rig *rig = *state;
	struct bud_pause_follower *follower = follow(rig);
	struct other other;
	struct other late;

	rig_set_schedule(rig, 2, (uint32_t[]){60, 60});
	sink_tell(&rig->sink, "/a", 0, (int[]){500, 500, 500, 500, 0});
	rig_subscribe(rig, "s1", "t", "/a");
	open_other(rig, &other, "n2", "/a");
	rig_start(rig);
	rig_publish(rig, "t", "e", 3);
	rig_wait(rig, rig_count(rig, BUD_COUNTER_BREAKER_OPENED) == 1);
	rig_wait(rig, bud_endpoints_open_count(other.endpoints) == 1);
	open_other(rig, &late, RIG_NODE, "/a"); /* the same node, started again */
	rig_wait(rig, bud_endpoints_open_count(late.endpoints) == 1);
	sink_tell(&rig->sink, "/a", 0, (int[]){200, 0});
	rig_publish(rig, "t", "f", 2);
	rig_wait_ms(rig, sink_count(&rig->sink, "/a", NULL) >= 5, 12000);
	rig_wait(rig, bud_endpoints_open_count(other.endpoints) == 0 && is_admitted(&other));
	rig_wait(rig, is_admitted(&late)); /* a probe of its own */
	close_other(&other);
	close_other(&late);
	bud_pause_follower_close(follower);
}

static void on_put(void *owner, int err, int64_t number)
{
	assert_int_equal(err, 0);
	*(int64_t *)owner = number;
}

static void people_stop_and_start_everything(void **state)
{
	struct rig *rig = *state;
	struct bud_pause_follower *follower = follow(rig);
	struct bud_pause pause = {.id = bud_span(BUD_PAUSE_ALL), .kind = BUD_PAUSE_OPERATOR};
	int64_t answer = -1;

	rig_subscribe(rig, "s1", "t", "/a");
	rig_start(rig);
	rig_publish(rig, "t", "before", 1);
	rig_wait(rig, sink_count(&rig->sink, "/a", NULL) == 1);
	assert_int_equal(bud_pause_put(&rig->commands_store, &pause, on_put, &answer), 0);
	rig_wait(rig, answer == 1);
	rig_pass_ms(rig, 700); /* a node's look at what is paused */
	rig_publish(rig, "t", "e", 5);
	rig_wait(rig, rig_number(rig, "ZCARD bud:{s0}:parked:%s", "s1") == 5);
	assert_int_equal(sink_count(&rig->sink, "/a", NULL), 1);
	answer = -1;
	assert_int_equal(
		bud_pause_remove(&rig->commands_store, pause.id, bud_span(""), on_put, &answer), 0);
	rig_wait(rig, answer == 1);
	rig_wait_ms(rig, sink_count(&rig->sink, "/a", NULL) == 6, 30000);
	rig_wait(rig, rig_is_clean(rig));
	bud_pause_follower_close(follower);
}

static void what_cannot_get_better_dies_at_once(void **state)
{
	struct rig *rig = *state;
	struct bud_endpoint_report report;
	size_t position = 0;

	rig_set_schedule(rig, 3, (uint32_t[]){0, 0, 0});
	sink_tell(&rig->sink, "/a", 0, (int[]){413, 0});
	rig_subscribe(rig, "s1", "t", "/a");
	rig_start(rig);
	rig_publish(rig, "t", "e", 4);
	rig_wait(rig, rig_number(rig, "ZCARD bud:{s0}:dead:%s", "s1") == 4);
	rig_wait(rig, rig_count(rig, BUD_COUNTER_DELIVERIES_DEAD) == 4);
	assert_int_equal(sink_count(&rig->sink, "/a", NULL), 4);
	rig_wait_count(rig, BUD_COUNTER_OUTCOME_DEAD, 4);
	assert_int_equal(bud_endpoints_open_count(rig->endpoints), 0);
	assert_int_equal(
		bud_endpoints_report(rig->endpoints, bud_clock_mono_ms(), &position, &report, 1),
		1);
	assert_int_equal(report.delivered, 0);
	assert_int_equal(report.failed, 4);
	bud_endpoint_report_finish(&report);
	redisReply *reply = redis_server_ask(rig->server, "HVALS bud:{s0}:why");
	assert_int_equal(reply->elements, 4);
	assert_string_equal(reply->element[0]->str, "{\"reason\":\"status\",\"status\":413}");
	freeReplyObject(reply);
}

static void what_goes_on_is_published(void **state)
{
	struct rig *rig = *state;
	struct bud_pause_follower *follower = follow(rig);

	rig_subscribe(rig, "s1", "t", "/a");
	rig_start(rig);
	rig_publish(rig, "t", "e", 3);
	rig_wait(rig, rig_number(rig, "HLEN bud:{s0}:%s", "stats:s1") > 0);
	rig_wait(rig, rig_number(rig, "HEXISTS bud:{s0}:stats:s1 %s", "delivered") == 1);
	rig_wait(rig, rig_number(rig, "ZCARD bud:{s0}:%s", "endpoints") == 1);
	bud_pause_follower_close(follower);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_set_up, rig_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(retry_after_holds_for_all_and_everywhere),
		TEST(a_breaker_holds_for_all_nodes),
		TEST(people_stop_and_start_everything),
		TEST(what_cannot_get_better_dies_at_once),
		TEST(what_goes_on_is_published),
	};

	return cmocka_run_group_tests(tests, rig_group_set_up, rig_group_tear_down);
}
