/* A store on a private Redis. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "config/redis_url.h"
#include "lane_rig.h"
#include "redis/client.h"
#include "store/keys.h"
#include "store/partition.h"

struct lane_rig rig;

void lane_rig_note(int err, int64_t number, size_t n, struct bud_span text)
{
	rig.answers++;
	rig.err = err;
	rig.number = number;
	rig.n = n;
	snprintf(rig.text, sizeof(rig.text), "%.*s", (int)text.len, text.at ? text.at : "");
}

static const struct bud_span none = {NULL, 0};

/* Runs what `sent` started. */
void lane_rig_wait(int sent)
{
	int before = rig.answers;

	assert_int_equal(sent, 0);
	while (rig.answers == before)
		uv_run(&rig.loop, UV_RUN_ONCE);
	assert_int_equal(rig.answers, before + 1);
}

void lane_rig_on_setup(void *owner, int err, const char *text)
{
	(void)owner;
	lane_rig_note(err, 0, 0, bud_span(text));
}

void lane_rig_on_number(void *owner, int err, int64_t number)
{
	(void)owner;
	lane_rig_note(err, number, 0, none);
}

int lane_rig_start(void **state)
{
	static struct redis_server server;
	struct bud_redis_url url;
	struct bud_error error;
	struct bud_redis_options options = {
		.url = &url, .scripts = bud_store_scripts, .scripts_n = bud_store_scripts_n};

	redis_server_start(&server, NULL);
	if (bud_redis_url_parse(bud_span(server.url), &url, &error) < 0)
		abort();
	uv_loop_init(&rig.loop);
	rig.redis = bud_redis_open(&rig.loop, &options);
	bud_store_init(&rig.store, rig.redis, &rig.shard);
	while (!bud_redis_is_up(rig.redis))
		uv_run(&rig.loop, UV_RUN_ONCE);
	lane_rig_wait(bud_store_setup(&rig.store, &rig.shard, lane_rig_on_setup, NULL));
	assert_int_equal(rig.err, 0);
	*state = &server;
	return 0;
}

int lane_rig_finish(void **state)
{
	bud_store_detach(&rig.store);
	bud_redis_close(rig.redis);
	uv_run(&rig.loop, UV_RUN_DEFAULT);
	bud_store_finish(&rig.store);
	redis_server_finish(*state);
	return uv_loop_close(&rig.loop);
}

void lane_rig_on_entries(void *owner, int err, const struct bud_entry *entries, size_t n)
{
	(void)owner;
	lane_rig_note(err, 0, n, n ? entries[0].bytes : none);
	if (n > 0)
		rig.read_id = entries[0].id;
}

void lane_rig_read(struct redis_server *server, const char *bytes)
{
	struct bud_read read = {"me", 3, BUD_PARTITIONS, 10, 10};

	redis_server_do(server, "XADD bud:{s0}:p3:events * o local e %s", bytes);
	lane_rig_wait(bud_partition_read(&rig.store, &read, lane_rig_on_entries, NULL));
	assert_int_equal(rig.n, 1);
	assert_string_equal(rig.text, bytes);
}

void lane_rig_settle(struct redis_server *server, const char *bytes, struct bud_parking parking)
{
	struct bud_settle settle = {.consumer = "me", .parkings = &parking, .n = 1, .ack = true};

	lane_rig_read(server, bytes);
	settle.id = rig.read_id;
	lane_rig_wait(bud_settle(&rig.store, &settle, lane_rig_on_number, NULL));
	assert_true(rig.number > 1700000000000);
}

/* How far ahead of now the lane is looked at. */
int64_t lane_rig_due_in_ms(struct redis_server *server, const char *lane)
{
	redisReply *time = redis_server_ask(server, "TIME");
	redisReply *score = redis_server_ask(server, "ZSCORE bud:{s0}:due %s", lane);
	int64_t now_ms = strtoll(time->element[0]->str, NULL, 10) * 1000 +
			 strtoll(time->element[1]->str, NULL, 10) / 1000;
	int64_t ahead_ms = strtoll(score->str, NULL, 10) - now_ms;

	freeReplyObject(time);
	freeReplyObject(score);
	return ahead_ms;
}

void lane_rig_on_claimed(
	void *owner, int err, int64_t now_ms, const struct bud_claimed *rows, size_t n)
{
	(void)owner;
	lane_rig_note(err, now_ms, n, n ? rows[0].bytes : none);
	rig.claim_now_ms = now_ms;
	if (n > 0)
		rig.claimed = rows[0];
	if (n > 1)
		rig.second = rows[1];
}

void lane_rig_claim(struct bud_claim claim, size_t wanted)
{
	claim.lease_ms = 60000;
	claim.hold_ms = 60000;
	lane_rig_wait(bud_lane_claim(&rig.store, &claim, lane_rig_on_claimed, NULL));
	assert_int_equal(rig.err, 0);
	assert_int_equal(rig.n, wanted);
}

void lane_rig_resolve(struct bud_lane_resolve resolve, enum bud_resolve verb, int64_t delay_ms,
	const struct bud_claimed *which)
{
	struct bud_resolution resolution = {.id = which->id,
		.verb = verb,
		.lease = which->lease,
		.delay_ms = delay_ms,
		.attempt = verb == BUD_RESOLVE_AGAIN ? which->attempt - 1 : which->attempt,
		.why = bud_span("{}"),
		.note = {0, bud_span("us"), bud_span("it died")}};

	resolve.subscription = bud_lane_subscription(resolve.lane);
	resolve.resolutions = &resolution;
	resolve.n = 1;
	lane_rig_wait(bud_lane_resolve(&rig.store, &resolve, lane_rig_on_number, NULL));
	assert_int_equal(rig.err, 0);
	assert_int_equal(rig.number, 1);
}
