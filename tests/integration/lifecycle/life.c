/* The connection, and subscriptions written through it. */
#include "life.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "config/redis_url.h"
#include "core/error.h"
#include "core/random.h"
#include "store/registry.h"
#include "subscription/subscription.h"

static struct redis_server server;

int life_group_set_up(void **state)
{
	(void)state;
	redis_server_start(&server, NULL);
	return 0;
}

int life_group_tear_down(void **state)
{
	(void)state;
	redis_server_finish(&server);
	return 0;
}

static void on_set_up(void *owner, int err, const char *text)
{
	struct life *life = owner;

	if (err < 0)
		fail_msg("%s", text);
	life->is_set_up = true;
}

static void on_up(void *owner)
{
	struct life *life = owner;

	life->ups++;
	if (!life->is_set_up)
		assert_int_equal(bud_store_setup(&life->store, &life->shard, on_set_up, life), 0);
	else if (life->on_up)
		life->on_up(life->owner);
}

int life_set_up(void **state)
{
	struct life *life = bud_new(struct life);
	struct bud_redis_url url;
	struct bud_redis_options options = {
		.url = &url,
		.scripts = bud_store_scripts,
		.scripts_n = bud_store_scripts_n,
		.on_up = on_up,
		.owner = life,
	};

	*state = life;
	life->server = &server;
	redis_server_do(&server, "FLUSHALL");
	redis_server_do(&server, "CONFIG SET maxmemory 0");
	assert_int_equal(bud_redis_url_parse(bud_span(server.url), &url, NULL), 0);
	uv_loop_init(&life->loop);
	life->redis = bud_redis_open(&life->loop, &options);
	bud_store_init(&life->store, life->redis, &life->shard);
	life_wait(life, life->is_set_up);
	return 0;
}

void life_close_redis(struct life *life)
{
	bud_store_detach(&life->store);
	bud_redis_close(bud_move(life->redis));
	for (int i = 0; i < 10; i++)
		uv_run(&life->loop, UV_RUN_NOWAIT);
}

void life_turn_out(struct life *life)
{
	uv_run(&life->loop, UV_RUN_DEFAULT);
}

int life_tear_down(void **state)
{
	struct life *life = *state;

	life_turn_out(life);
	assert_int_equal(uv_loop_close(&life->loop), 0);
	bud_store_finish(&life->store);
	free(life);
	return 0;
}

static void on_put(void *owner, int err, const struct bud_put_result *result)
{
	struct life *life = owner;

	assert_int_equal(err, 0);
	assert_int_equal(result->outcome, BUD_PUT_OK);
	life->puts--;
}

static void put(struct life *life, const char *id, struct bud_span record, const char *status)
{
	char etag[33];
	struct bud_put put = {.id = id,
		.if_etag = life_number(life, "HEXISTS bud:{s0}:subs:records %s", id) ? "*" : "",
		.etag = etag,
		.fingerprint = etag,
		.record = record,
		.status = status ? bud_span(status) : (struct bud_span){NULL, 0}};

	bud_random_hex(etag, 16);
	life->puts++;
	assert_int_equal(bud_registry_put(&life->store, &put, on_put, life), 0);
	life_wait(life, life->puts == 0);
}

static void drop(struct life *life, const char *id)
{
	char etag[33];
	const struct bud_drop drop = {.id = id, .if_etag = "*", .etag = etag};

	bud_random_hex(etag, 16);
	life->puts++;
	assert_int_equal(bud_registry_drop(&life->store, &drop, on_put, life), 0);
	life_wait(life, life->puts == 0);
}

void life_put_json(struct life *life, const char *id, const char *json, const char *status)
{
	struct bud_subscription_defaults defaults = {.id = id,
		.owner = life->put_owner ? life->put_owner : "local",
		.timeout_ms = 10000,
		.sealer = bud_store_sealer(&life->store)};
	struct bud_subscription *subscription;
	bud_auto(buffer) struct bud_buffer record = {0};
	struct bud_error error;

	if (bud_subscription_parse(bud_span(json), &defaults, &subscription, &error) < 0)
		fail_msg("%s", error.text);
	bud_subscription_write_record(subscription, &record);
	bud_subscription_destroy(subscription);
	put(life, id, bud_buffer_as_span(&record), status);
}

void life_put(struct life *life, const char *id, bool is_deleted)
{
	static const char json[] = "{\"protocol\":\"HTTP\",\"sink\":\"http://127.0.0.1/\"}";

	if (is_deleted)
		drop(life, id);
	else
		life_put_json(life, id, json, NULL);
}

bool life_stored_has(struct life *life, const char *id, const char *text)
{
	redisReply *reply = redis_server_ask(life->server, "HGET bud:{s0}:subs:records %s", id);
	bool has = reply->type == REDIS_REPLY_STRING && strstr(reply->str, text);

	freeReplyObject(reply);
	return has;
}

long long life_told(struct life *life, const char *type)
{
	return life_number(life,
		"EVAL local\tn=0;for\ti=0,15\tdo\tfor\t_,e\tin\tipairs(redis.call('XRANGE',"
		"'bud:{s0}:p'..i..':events','-','+'))do\tif\tstring.find(e[2][4],'\"type\":\""
		"no.budstikke.%s.v1\"',1,true)then\tn=n+1\tend\tend\tend\treturn\tn 0",
		type);
}

long long life_number(struct life *life, const char *format, ...)
{
	char command[512];
	va_list list;

	va_start(list, format);
	vsnprintf(command, sizeof(command), format, list);
	va_end(list);
	redisReply *reply = redis_server_ask(life->server, command);
	assert_int_equal(reply->type, REDIS_REPLY_INTEGER);
	long long number = reply->integer;
	freeReplyObject(reply);
	return number;
}
