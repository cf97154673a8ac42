/* Publishing over HTTP into a real Redis: requests of one turn share calls, each is answered by
 * what became of its own events, and when Redis is away, slow, or has lost a part nobody is told
 * 202 for what is not stored. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "client.h"
#include "auth/authorize.h"
#include "auth/identity.h"
#include "auth/quota.h"
#include "config/redis_url.h"
#include "core/clock.h"
#include "core/metrics.h"
#include "http/listener.h"
#include "ingest/ingest.h"
#include "redis/client.h"
#include "redis_server.h"
#include "store/store.h"
#include "wait_until.h"

#define KEY            "bud:{s0}:"
#define TIMEOUT_MS     1500
#define BATCH          "application/cloudevents-batch+json"
#define STRUCTURED     "application/cloudevents+json"
#define AT(type, hops) type "\r\nwebhook-hops: " hops
#define CLIENTS        60

static struct redis_server server;
static uv_loop_t loop;
static struct bud_redis *redis;
static struct bud_store store;
static struct bud_shard shard;
static struct bud_authority *authority;
static struct bud_quota *quota;
static struct bud_metrics metrics;
static struct bud_ingest *ingest;
static struct bud_listener *listener;
static struct bud_route_table routes;
static _Atomic(const char *) durability = "fsync";
static bool is_set_up;

static void on_set_up(void *owner, int err, const char *text)
{
	(void)owner;
	if (err < 0)
		fail_msg("%s", text);
	is_set_up = true;
}

static void on_up(void *owner)
{
	(void)owner;
	if (!is_set_up)
		assert_int_equal(bud_store_setup(&store, &shard, on_set_up, NULL), 0);
}

static int group_set_up(void **state)
{
	(void)state;
	redis_server_start(&server, NULL);
	authority = bud_authority_create(&(struct bud_authority_options){.is_open = true});
	return 0;
}

static int group_tear_down(void **state)
{
	(void)state;
	redis_server_finish(&server);
	bud_authority_destroy(authority);
	bud_quota_destroy(quota);
	return 0;
}

static int set_up(void **state)
{
	struct bud_redis_url url;
	struct bud_redis_options options = {
		.url = &url,
		.scripts = bud_store_scripts,
		.scripts_n = bud_store_scripts_n,
		.command_timeout_ms = TIMEOUT_MS,
		.on_up = on_up,
	};
	struct bud_ingest_options ingest_options = {
		.loop = &loop,
		.store = &store,
		.authority = authority,
		.quota = quota,
		.metrics = &metrics,
		.window_ms = 600000,
		.durability = &durability,
	};
	struct bud_listener_options listening = {
		.host = "127.0.0.1",
		.tables = &routes,
		.n_tables = 1,
		.authentication = {.everybody = &bud_identity_local},
	};
	int err = 0;

	(void)state;
	redis_server_do(&server, "FLUSHALL");
	memset(&metrics, 0, sizeof(metrics));
	is_set_up = false;
	assert_int_equal(bud_redis_url_parse(bud_span(server.url), &url, NULL), 0);
	uv_loop_init(&loop);
	redis = bud_redis_open(&loop, &options);
	bud_store_init(&store, redis, &shard);
	wait_until(is_set_up);
	ingest = bud_ingest_open(&ingest_options);
	routes = (struct bud_route_table){bud_ingest_routes, bud_ingest_routes_n, ingest};
	listener = bud_listener_open(&loop, &listening, &err);
	assert_non_null(listener);
	return 0;
}

static void on_listener_closed(void *owner)
{
	*(bool *)owner = true;
}

static int tear_down(void **state)
{
	bool is_closed = false;

	(void)state;
	bud_listener_close(listener, on_listener_closed, &is_closed);
	wait_until(is_closed);
	bud_store_detach(&store);
	bud_redis_close(redis);
	for (int i = 0; i < 10; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	bud_ingest_close(ingest);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	bud_store_finish(&store);
	return 0;
}

static void publish(struct client *client, const char *type, const char *body)
{
	client_publish(client, &loop, bud_listener_port(listener), type, body);
}

static int status(struct client *client)
{
	wait_until(client_is_answered(client));
	close(client->fd);
	assert_true(client->len > 12);
	return atoi(client->answer + 9);
}

static int publish_and_wait(struct client *client, const char *type, const char *body)
{
	publish(client, type, body);
	return status(client);
}

static bool says(const struct client *client, const char *text)
{
	return strstr(client->answer, text) != NULL;
}

static void write_event(struct bud_buffer *out, int id, const char *subject, const char *data)
{
	bud_buffer_format(out,
		"{\"specversion\":\"1.0\",\"id\":\"%d\",\"source\":\"/s\",\"type\":\"t\","
		"\"subject\":\"%s\",\"data\":\"%s\"}",
		id, subject, data);
}

static int publish_one(struct client *client, int id, const char *data)
{
	bud_auto(buffer) struct bud_buffer body = {0};

	write_event(&body, id, "a", data);
	return publish_and_wait(client, STRUCTURED, body.at);
}

/* A subject; which partition it falls in depends on the shard's random seed. */
static char other_subject[24] = "other";

/* Events 0 to n - 1; from `other_from` on they have another subject. */
static void write_batch(struct bud_buffer *out, int n, int other_from)
{
	for (int i = 0; i < n; i++) {
		bud_buffer_byte(out, i == 0 ? '[' : ',');
		write_event(out, i, i < other_from ? "a" : other_subject, "x");
	}
	bud_buffer_byte(out, ']');
}

static long long stored(void)
{
	long long n = 0;

	for (int i = 0; i < 16; i++) {
		redisReply *reply = redis_server_ask(&server, "XLEN " KEY "p%d:events", i);
		n += reply->integer;
		freeReplyObject(reply);
	}
	return n;
}

static long long calls(void)
{
	redisReply *reply = redis_server_ask(&server, "INFO commandstats");
	const char *at = strstr(reply->str, "cmdstat_evalsha:calls=");
	long long n = at ? atoll(at + strlen("cmdstat_evalsha:calls=")) : 0;

	freeReplyObject(reply);
	return n;
}

static void test_shares_calls(void **state)
{
	static struct client clients[CLIENTS];

	(void)state;
	long long before = calls();
	redis_server_pause(&server);
	for (int i = 0; i < CLIENTS; i++) {
		bud_auto(buffer) struct bud_buffer body = {0};
		write_event(&body, i, "a", "x");
		publish(&clients[i], STRUCTURED, body.at);
	}
	for (int i = 0; i < 20; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	redis_server_resume(&server);
	for (int i = 0; i < CLIENTS; i++)
		assert_int_equal(status(&clients[i]), 202);
	assert_int_equal(stored(), CLIENTS);
	assert_true(calls() - before <= 4);
	assert_int_equal(bud_metrics_counter(&metrics, BUD_COUNTER_EVENTS_ACCEPTED), CLIENTS);
}

static void test_batch_over_several_calls(void **state)
{
	bud_auto(buffer) struct bud_buffer body = {0};
	struct client client;

	(void)state;
	write_batch(&body, 300, 150);
	assert_int_equal(publish_and_wait(&client, BATCH, body.at), 202);
	assert_true(says(&client, "\"accepted\":300,\"duplicates\":0,\"durability\":\"fsync\""));
	assert_int_equal(publish_and_wait(&client, BATCH, body.at), 202);
	assert_true(says(&client, "\"accepted\":0,\"duplicates\":300"));
	assert_int_equal(stored(), 300);
	assert_int_equal(publish_and_wait(&client, BATCH, "[]"), 202);
}

static void test_conflicts(void **state)
{
	bud_auto(buffer) struct bud_buffer body = {0};
	struct client client;

	(void)state;
	assert_int_equal(publish_one(&client, 1, "x"), 202);
	assert_int_equal(publish_one(&client, 1, "y"), 409);
	assert_true(says(&client, "\"conflicts\":[{\"index\":0,\"source\":\"/s\",\"id\":\"1\"}]"));
	bud_buffer_byte(&body, '[');
	write_event(&body, 2, "a", "new");
	bud_buffer_byte(&body, ',');
	write_event(&body, 1, "a", "y");
	bud_buffer_byte(&body, ']');
	assert_int_equal(publish_and_wait(&client, BATCH, body.at), 202);
	assert_true(says(&client, "\"accepted\":1"));
	assert_true(says(&client, "\"conflicts\":[{\"index\":1,"));
	assert_int_equal(stored(), 2);
}

/* Events in the store that say so. */
static long long stored_with(int hops)
{
	redisReply *reply = redis_server_ask(&server, "EVAL %s 0 %d",
		"local n = 0 for i = 0, 15 do "
		"for _, e in ipairs(redis.call('XRANGE', 'bud:{s0}:p' .. i .. ':events', '-', '+'))"
		"do if cjson.decode(e[2][4]).webhookhops == tonumber(ARGV[1]) then n = n + 1 end "
		"end end return n",
		hops);
	long long n = reply->integer;

	freeReplyObject(reply);
	return n;
}

/* Stored with the count, it is still the event that was published; one too many is refused. */
static void test_hops(void **state)
{
	bud_auto(buffer) struct bud_buffer one = {0}, batch = {0};
	struct client client;

	(void)state;
	write_event(&one, 1, "a", "x");
	write_batch(&batch, 300, 150);
	assert_int_equal(publish_and_wait(&client, AT(STRUCTURED, "4"), one.at), 409);
	assert_true(says(&client, "\"member\":\"webhook-hops\""));
	assert_int_equal(publish_and_wait(&client, AT(BATCH, "4"), batch.at), 409);
	assert_int_equal(publish_and_wait(&client, AT(STRUCTURED, "many"), one.at), 400);
	assert_int_equal(stored(), 0);
	assert_int_equal(publish_and_wait(&client, AT(STRUCTURED, "3"), one.at), 202);
	assert_int_equal(publish_and_wait(&client, STRUCTURED, one.at), 202);
	assert_int_equal(publish_and_wait(&client, AT(BATCH, "1"), batch.at), 202);
	assert_true(says(&client, "\"accepted\":299,\"duplicates\":1"));
	assert_int_equal(stored_with(3), 1);
	assert_int_equal(stored_with(1), 299);
}

/* Nobody else publishes what tells of our subscriptions; the rest of its batch is not stored. */
static void test_our_own_types(void **state)
{
	static const char ours[] = "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\","
				   "\"type\":\"no.budstikke.subscription.disabled.v1\"}";
	bud_auto(buffer) struct bud_buffer batch = {0};
	struct client client;

	(void)state;
	assert_int_equal(publish_and_wait(&client, STRUCTURED, ours), 400);
	assert_true(says(&client, "\"member\":\"type\""));
	bud_buffer_byte(&batch, '[');
	write_event(&batch, 7, "a", "x");
	bud_buffer_format(&batch, ",%s]", ours);
	assert_int_equal(publish_and_wait(&client, BATCH, batch.at), 400);
	assert_true(says(&client, "events[1].type"));
	assert_int_equal(publish_one(&client, 7, "x"), 202);
	assert_true(says(&client, "\"accepted\":1"));
}

static void test_store_is_down(void **state)
{
	struct client client;

	(void)state;
	redis_server_kill(&server);
	wait_until(!bud_store_is_up(&store));
	int64_t began = bud_clock_mono_ms();
	assert_int_equal(publish_one(&client, 1, "x"), 503);
	assert_true(bud_clock_mono_ms() - began < TIMEOUT_MS);
	assert_true(says(&client, "Retry-After: 1"));
	assert_true(says(&client, "nothing of this request was accepted"));
	redis_server_restart(&server, NULL, true);
	wait_until(bud_store_is_up(&store));
	assert_int_equal(stored(), 0);
	assert_int_equal(publish_one(&client, 1, "x"), 202);
	assert_true(says(&client, "\"accepted\":1"));
}

static void test_reply_is_lost(void **state)
{
	static struct client clients[CLIENTS];
	struct client client;

	(void)state;
	redis_server_pause(&server);
	for (int i = 0; i < CLIENTS; i++) {
		bud_auto(buffer) struct bud_buffer body = {0};
		write_event(&body, i, "a", "x");
		publish(&clients[i], STRUCTURED, body.at);
	}
	for (int i = 0; i < CLIENTS; i++)
		assert_int_equal(status(&clients[i]), 503);
	assert_true(says(&clients[0], "may have been accepted"));
	redis_server_resume(&server);
	wait_until(bud_store_is_up(&store));
	for (int i = 0; i < CLIENTS; i++) {
		assert_int_equal(publish_one(&client, i, "x"), 202);
		assert_false(says(&client, "conflict"));
	}
	assert_int_equal(stored(), CLIENTS);
}

/* Looks for a subject whose partition is gone. */
static void choose_lost_subject(struct client *client)
{
	for (int i = 0; i < 1000; i++) {
		bud_auto(buffer) struct bud_buffer body = {0};
		snprintf(other_subject, sizeof(other_subject), "other-%d", i);
		write_event(&body, 6000 + i, other_subject, "x");
		if (publish_and_wait(client, STRUCTURED, body.at) == 503)
			return;
	}
	fail_msg("every subject falls into one partition");
}

/* 128 events of a call are stored, then the second one finds its stream gone. */
static void test_part_is_stored(void **state)
{
	bud_auto(buffer) struct bud_buffer body = {0};
	struct client client;
	long long before;

	(void)state;
	assert_int_equal(publish_one(&client, 5000, "x"), 202);
	for (int i = 0; i < 16; i++) {
		redisReply *reply = redis_server_ask(&server, "XLEN " KEY "p%d:events", i);
		bool is_used = reply->integer == 1;
		freeReplyObject(reply);
		if (!is_used)
			redis_server_do(&server, "RENAME " KEY "p%d:events away%d", i, i);
	}
	choose_lost_subject(&client);
	before = stored();
	write_batch(&body, 300, 128);
	assert_int_equal(publish_and_wait(&client, BATCH, body.at), 503);
	assert_int_equal(stored(), before + 128);
	assert_true(says(&client, "a part of the store is gone"));
	assert_true(says(&client, "may have been accepted"));
	assert_false(says(&client, "nothing of this request"));
	for (int i = 0; i < 16; i++) {
		redisReply *reply =
			redis_server_ask(&server, "RENAMENX away%d " KEY "p%d:events", i, i);
		freeReplyObject(reply);
	}
	assert_int_equal(publish_and_wait(&client, BATCH, body.at), 202);
	assert_true(says(&client, "\"accepted\":172,\"duplicates\":128"));
}

static void test_store_is_emptied(void **state)
{
	struct client client;

	(void)state;
	redis_server_do(&server, "FLUSHALL");
	assert_int_equal(publish_one(&client, 1, "x"), 503);
	assert_true(says(&client, "an operator must look"));
	assert_int_equal(stored(), 0);
}

static void test_store_is_full(void **state)
{
	struct client client;

	(void)state;
	redis_server_do(&server, "CONFIG SET maxmemory 1mb");
	assert_int_equal(publish_one(&client, 1, "x"), 503);
	assert_true(says(&client, "the store is full"));
	assert_true(says(&client, "Retry-After: 5"));
	redis_server_do(&server, "CONFIG SET maxmemory 0");
	assert_int_equal(publish_one(&client, 1, "x"), 202);
}

/* What is above a publisher's rate is told when to come again, and nothing of it is stored. */
static void test_is_bound_by_its_quota(void **state)
{
	bud_auto(buffer) struct bud_buffer body = {0};
	struct client client;

	tear_down(state);
	quota = bud_quota_create(&(struct bud_quotas){.publish_per_s = 2});
	set_up(state);
	write_batch(&body, 40, 40);
	assert_int_equal(publish_and_wait(&client, BATCH, body.at), 202); /* owes 18 s */
	assert_int_equal(publish_one(&client, 100, "x"), 429);
	assert_true(says(&client, "Retry-After: 1"));
	assert_true(says(&client, "\"quota\":\"publish_per_s\",\"limit\":2}"));
	assert_int_equal(stored(), 40);
	assert_int_equal(bud_metrics_counter(&metrics, BUD_COUNTER_QUOTA_PUBLISHES), 1);
	assert_int_equal(publish_and_wait(&client, STRUCTURED, "{}"), 400);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(shares_calls),
		TEST(batch_over_several_calls),
		TEST(conflicts),
		TEST(our_own_types),
		TEST(hops),
		TEST(store_is_down),
		TEST(reply_is_lost),
		TEST(part_is_stored),
		TEST(store_is_emptied),
		TEST(store_is_full),
		TEST(is_bound_by_its_quota),
	};

	return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
