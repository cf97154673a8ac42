/* What nodes tell each other of endpoints, on a real Redis: a follower learns every pause and every
 * end once, in order, and all that hold when it begins; what ended long ago goes. Published
 * endpoints are listed page by page; stats add up. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "lane_rig.h"
#include "store/endpoints.h"
#include "store/keys.h"
#include "store/pauses.h"
#include "store/stats.h"

/* What lists said: "id kind node reason;" each. */
static struct bud_buffer said;
static int64_t after;
static int64_t last_for_ms;
static struct bud_stats last_stats;

static long long number(void **state, const char *command)
{
	redisReply *reply = redis_server_ask(*state, command);
	long long found = reply->integer;

	freeReplyObject(reply);
	return found;
}

static int tear_down(void **state)
{
	bud_buffer_finish(&said);
	return lane_rig_finish(state);
}

static int empty(void **state)
{
	redis_server_do(*state, "FLUSHALL");
	after = 0;
	return 0;
}

static void on_pauses(void *owner, int err, const struct bud_pauses *pauses)
{
	(void)owner;
	rig.err = err;
	rig.answers++;
	bud_buffer_clear(&said);
	bud_buffer_text(&said, "");
	for (size_t i = 0; err == 0 && i < pauses->n; i++) {
		const struct bud_pause *pause = &pauses->at[i];
		bud_buffer_format(&said, "%.*s %s %.*s %.*s;", (int)pause->id.len, pause->id.at,
			bud_pause_kind_word(pause->kind), (int)pause->node.len, pause->node.at,
			(int)pause->reason.len, pause->reason.at);
		last_for_ms = pause->for_ms;
	}
	if (err == 0) {
		after = pauses->after;
		rig.number = pauses->last;
	}
}

static const char *follow(void)
{
	lane_rig_wait(bud_pauses_list(&rig.store, after, on_pauses, NULL));
	assert_int_equal(rig.err, 0);
	return said.at ? said.at : "";
}

static void put(const char *id, enum bud_pause_kind kind, int64_t for_ms, const char *node)
{
	struct bud_pause pause = {.id = bud_span(id),
		.kind = kind,
		.for_ms = for_ms,
		.node = bud_span(node),
		.reason = bud_span("why not")};

	lane_rig_wait(bud_pause_put(&rig.store, &pause, lane_rig_on_number, NULL));
	assert_int_equal(rig.err, 0);
	assert_int_equal(rig.number, 1);
}

static void remove_pause(const char *id, int64_t expected)
{
	lane_rig_wait(bud_pause_remove(
		&rig.store, bud_span(id), bud_span("n2"), lane_rig_on_number, NULL));
	assert_int_equal(rig.number, expected);
}

static void a_follower_learns_each_change_once(void **state)
{
	(void)state;
	assert_string_equal(follow(), "");
	assert_int_equal(rig.number, 0);
	put("endpoint:a", BUD_PAUSE_BREAKER, 30000, "n1");
	put("all", BUD_PAUSE_OPERATOR, 0, "");
	assert_string_equal(follow(), "endpoint:a breaker n1 why not;all operator  why not;");
	assert_int_equal(last_for_ms, 0);
	assert_int_equal(rig.number, 2);
	assert_string_equal(follow(), "");
	put("endpoint:a", BUD_PAUSE_RETRY_AFTER, 60000, "n1");
	assert_string_equal(follow(), "endpoint:a retry-after n1 why not;");
	assert_in_range(last_for_ms, 59000, 60000);
	remove_pause("all", 1);
	remove_pause("all", 0);
	remove_pause("nothing", 0);
	assert_string_equal(follow(), "all ended n2 ;");
	after = 0;
	assert_string_equal(follow(), "endpoint:a retry-after n1 why not;all ended n2 ;");
}

/* Time passes in Redis only: a short one is over in the list that follows. */
static void what_ran_out_is_over_and_goes(void **state)
{
	put("endpoint:a", BUD_PAUSE_BREAKER, 1, "n1");
	put("endpoint:b", BUD_PAUSE_OPERATOR, 0, "");
	while (last_for_ms != 0 || !strstr(follow(), "endpoint:a ended"))
		after = 0;
	redis_server_do(*state, "ZADD bud:{s0}:pauses:until 5 endpoint:a");
	after = 0;
	assert_string_equal(follow(), "endpoint:b operator  why not;");
	assert_int_equal(number(state, "HLEN bud:{s0}:pauses"), 1);
}

/* A node that was cut off for eleven minutes would pause for ever what it was not told the end of.
 */
static void an_end_is_told_as_long_as_its_pause_would_last(void **state)
{
	put("endpoint:a", BUD_PAUSE_BREAKER, 30000, "n1");
	put("owner:o", BUD_PAUSE_OPERATOR, 8 * 3600000, "");
	put("all", BUD_PAUSE_OPERATOR, 0, "");
	put("host:h:1", BUD_PAUSE_OPERATOR, 0, "");
	assert_string_not_equal(follow(), "");
	put("host:h:1", BUD_PAUSE_OPERATOR, 1, "");
	remove_pause("endpoint:a", 1);
	remove_pause("owner:o", 1);
	remove_pause("all", 1);
	redis_server_do(*state, "EVAL %s 1 bud:{s0}:pauses:until",
		"local all = redis.call('ZRANGE', KEYS[1], 0, -1) "
		"for i = 1, #all do redis.call('ZINCRBY', KEYS[1], -660000, all[i]) end");
	assert_string_equal(follow(), "host:h:1 ended  why not;owner:o ended n2 ;all ended n2 ;");
	redis_server_do(*state, "ZADD bud:{s0}:pauses:until 5 owner:o 5 all 5 host:h:1");
	after = 0;
	assert_string_equal(follow(), "");
}

static void long_lists_come_in_pages(void **state)
{
	size_t n = 0;

	(void)state;
	for (int i = 0; i < BUD_PAUSES_MAX + 10; i++) {
		char id[32];
		snprintf(id, sizeof(id), "owner:%d", i);
		put(id, BUD_PAUSE_OPERATOR, 0, "");
	}
	for (int page = 0; page < 3; page++)
		for (const char *at = follow(); (at = strchr(at, ';')) != NULL; at++)
			n++;
	assert_int_equal(n, BUD_PAUSES_MAX + 10);
	assert_int_equal(after, BUD_PAUSES_MAX + 10);
}

static void on_row(void *owner, int err, const struct bud_endpoint_row *row)
{
	(void)owner;
	if (!row) {
		rig.err = err;
		rig.answers++;
		return;
	}
	bud_buffer_format(&said, "%.1s %.*s %.*s", row->id.at, (int)row->owner.len, row->owner.at,
		(int)row->sink.len, row->sink.at);
	for (size_t i = 0; i < row->nodes_n; i++)
		bud_buffer_format(&said, " %.*s%.*s", (int)row->nodes[i].node.len,
			row->nodes[i].node.at, (int)row->nodes[i].json.len, row->nodes[i].json.at);
	bud_buffer_byte(&said, ';');
}

static const char *list(const char *behind, size_t limit)
{
	bud_buffer_clear(&said);
	bud_buffer_text(&said, "");
	lane_rig_wait(bud_endpoint_states_list(&rig.store, bud_span(behind), limit, on_row, NULL));
	assert_int_equal(rig.err, 0);
	return said.len > 0 ? said.at : "";
}

static void publish(const char *id, const char *node, const char *json)
{
	struct bud_endpoint_state state = {.id = bud_span(id),
		.owner = bud_span("o"),
		.sink = bud_span("https://x/"),
		.node = bud_span(node),
		.json = bud_span(json)};

	assert_int_equal(bud_endpoint_state_put(&rig.store, &state), 0);
}

static void endpoints_are_listed_by_page(void **state)
{
	assert_string_equal(list("", 10), "");
	publish("b", "n1", "{1}");
	publish("a", "n1", "{2}");
	publish("a", "n2", "{3}");
	publish("c", "n1", "{4}");
	publish("c", "n1", "{5}");
	assert_string_equal(list("", 2), "a o https://x/ n1{2} n2{3};b o https://x/ n1{1};");
	assert_string_equal(list("b", 2), "c o https://x/ n1{5};");
	assert_string_equal(list("c", 2), "");
	assert_in_range(number(state, "PTTL bud:{s0}:endpoint:a"), 3500000, 3600000);
	redis_server_do(*state, "DEL bud:{s0}:endpoint:b");
	assert_string_equal(list("", 2), "a o https://x/ n1{2} n2{3};");
	assert_string_equal(list("a", 2), "c o https://x/ n1{5};");
	assert_int_equal(number(state, "ZCARD bud:{s0}:endpoints"), 2);
	bud_buffer_clear(&said);
	lane_rig_wait(bud_endpoint_state_get(&rig.store, bud_span("c"), on_row, NULL));
	assert_string_equal(said.at, "c o https://x/ n1{5};");
}

static void an_endpoint_has_one_id(void **state)
{
	char a[BUD_ENDPOINT_ID_BYTES];
	char b[BUD_ENDPOINT_ID_BYTES];

	(void)state;
	bud_endpoint_id_write(&rig.shard.key, bud_span("o"), bud_span("https://x/?a"), a);
	bud_endpoint_id_write(&rig.shard.key, bud_span("o"), bud_span("https://x/?b?c"), b);
	assert_string_equal(a, b);
	assert_int_equal(strlen(a), 32);
	bud_endpoint_id_write(&rig.shard.key, bud_span("ohttps"), bud_span("://x/"), b);
	assert_string_not_equal(a, b);
}

static void on_stats(void *owner, int err, const struct bud_stats *stats)
{
	(void)owner;
	rig.err = err;
	if (stats)
		last_stats = *stats;
	rig.answers++;
}

static void stats_add_up(void **state)
{
	struct bud_span id = bud_span("s1");

	lane_rig_wait(bud_stats_get(&rig.store, id, on_stats, NULL));
	assert_int_equal(last_stats.delivered + last_stats.failed, 0);
	assert_int_equal(bud_stats_add(&rig.store, id,
				 &(struct bud_stats){.delivered = 3,
					 .time_us = 10,
					 .last_ok_ms = 1000,
					 .last_status = 200}),
		0);
	assert_int_equal(bud_stats_add(&rig.store, id,
				 &(struct bud_stats){.delivered = 1,
					 .failed = 2,
					 .time_us = 5,
					 .last_failure_ms = 2000}),
		0);
	lane_rig_wait(bud_stats_get(&rig.store, id, on_stats, NULL));
	assert_int_equal(rig.err, 0);
	assert_int_equal(last_stats.delivered, 4);
	assert_int_equal(last_stats.failed, 2);
	assert_int_equal(last_stats.time_us, 15);
	assert_int_equal(last_stats.last_ok_ms, 1000);
	assert_int_equal(last_stats.last_failure_ms, 2000);
	assert_int_equal(last_stats.last_status, 200);
	assert_int_equal(bud_stats_drop(&rig.store, id), 0);
	lane_rig_wait(bud_stats_get(&rig.store, id, on_stats, NULL));
	assert_int_equal(last_stats.delivered, 0);
	assert_int_equal(number(state, "EXISTS bud:{s0}:stats:s1"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_follower_learns_each_change_once, empty),
		cmocka_unit_test_setup(what_ran_out_is_over_and_goes, empty),
		cmocka_unit_test_setup(an_end_is_told_as_long_as_its_pause_would_last, empty),
		cmocka_unit_test_setup(long_lists_come_in_pages, empty),
		cmocka_unit_test_setup(endpoints_are_listed_by_page, empty),
		cmocka_unit_test(an_endpoint_has_one_id),
		cmocka_unit_test_setup(stats_add_up, empty),
	};

	return cmocka_run_group_tests(tests, lane_rig_start, tear_down);
}
