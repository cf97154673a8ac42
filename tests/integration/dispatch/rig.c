/* One worker's dispatch under test. */
#include "rig.h"

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "core/alloc.h"
#include "core/limits.h"
#include "core/log.h"
#include "access/decision_point.h"
#include "auth/authorize.h"
#include "crypto/keyring.h"
#include "dispatch/endpoint.h"
#include "fetch/fetch.h"
#include "store/append.h"
#include "store/keys.h"
#include "subscription/subscription.h"
#include "subscription/table.h"

int rig_group_set_up(void **state)
{
	static struct redis_server server;

	bud_log_init(BUD_LOG_ERROR, false);
	redis_server_start(&server, NULL);
	*state = &server;
	return 0;
}

int rig_group_tear_down(void **state)
{
	redis_server_finish(*state);
	return 0;
}

static void on_confirm(uv_timer_t *timer)
{
	struct rig *rig = timer->data;

	if (rig->is_confirmed)
		atomic_store(&rig->following.confirmed_mono_ms, bud_clock_mono_ms());
}

static void on_commands_up(void *owner)
{
	struct rig *rig = owner;

	if (rig->dispatch)
		bud_dispatch_sweep(rig->dispatch);
}

static void on_reading_up(void *owner)
{
	struct rig *rig = owner;

	if (rig->dispatch)
		bud_dispatch_on_reading_up(rig->dispatch);
}

static void open_redis(struct rig *rig)
{
	struct bud_redis_url url;
	struct bud_error error;
	struct bud_redis_options options = {
		.url = &url,
		.scripts = bud_store_scripts,
		.scripts_n = bud_store_scripts_n,
		.on_up = on_commands_up,
		.owner = rig,
	};

	if (bud_redis_url_parse(bud_span(rig->server->url), &url, &error) < 0)
		abort();
	rig->commands = bud_redis_open(&rig->loop, &options);
	options.on_up = on_reading_up;
	rig->reading = bud_redis_open(&rig->loop, &options);
	bud_store_init(&rig->commands_store, rig->commands, &rig->shard);
	bud_store_init(&rig->reading_store, rig->reading, &rig->shard);
}

static void on_set_up(void *owner, int err, const char *text)
{
	struct rig *rig = owner;

	if (err < 0)
		fail_msg("%s", text);
	rig->is_set_up = true;
}

static void configure(struct rig *rig)
{
	struct bud_config_sources sources = {.file = NULL};
	struct bud_error error;
	struct bud_networks *networks = &rig->config.delivery.allow_networks;

	if (bud_config_load(&sources, &rig->config, &error) < 0)
		abort();
	rig->config.delivery.allow_http = true;
	networks->n = 1;
	if (bud_network_parse(bud_span("127.0.0.0/8"), &networks->list[0], &error) < 0)
		abort();
}

int rig_set_up(void **state)
{
	struct rig *rig = bud_new(struct rig);
	struct bud_endpoint_limits limits = {.window = BUD_ENDPOINT_WINDOW,
		.window_largest = BUD_ENDPOINT_WINDOW_MAX,
		.failures = 3,
		.open_ms = 300,
		.open_ms_longest = 600};

	rig->server = *state;
	if (rig->server->pid == 0)
		redis_server_restart(rig->server, NULL, true);
	redis_server_do(rig->server, "FLUSHALL");
	uv_loop_init(&rig->loop);
	configure(rig);
	rig->table = bud_table_create(1);
	rig->endpoints = bud_endpoints_create(&limits, &rig->shard.key);
	rig->keyring = bud_keyring_create();
	rig->authority = bud_authority_create(&(struct bud_authority_options){.is_open = true});
	rig->is_confirmed = true;
	uv_timer_init(&rig->loop, &rig->confirm);
	rig->confirm.data = rig;
	uv_timer_start(&rig->confirm, on_confirm, 0, 50);
	sink_open(&rig->sink, &rig->loop);
	open_redis(rig);
	rig_wait(rig, bud_redis_is_up(rig->commands) && bud_redis_is_up(rig->reading));
	if (bud_store_setup(&rig->commands_store, &rig->shard, on_set_up, rig) < 0)
		abort();
	rig_wait(rig, rig->is_set_up);
	*state = rig;
	return 0;
}

static void on_trouble(void *owner, const char *text)
{
	(void)owner;
	(void)text;
}

static void open_point(struct rig *rig)
{
	struct bud_decision_point_options options = {.loop = &rig->loop,
		.fetch = rig->fetch,
		.authority = rig->authority,
		.metrics = &rig->metrics,
		.url = rig->point_url,
		.kept_ms = 60000,
		.timeout_ms = 3000,
		.on_trouble = on_trouble};

	if (rig->point_url[0] == '\0')
		return;
	rig->point = bud_decision_point_open(&options, NULL);
	assert_non_null(rig->point);
}

void rig_start(struct rig *rig)
{
	struct bud_fetch_options fetch = {.networks = &rig->config.delivery.allow_networks,
		.connections_max = rig->connections_max,
		.allow_http = true};
	struct bud_desk desk = {
		.loop = &rig->loop,
		.commands = &rig->commands_store,
		.reading = &rig->reading_store,
		.table = rig->table,
		.table_reader = 0,
		.endpoints = rig->endpoints,
		.following = &rig->following,
		.keyring = rig->keyring,
		.authority = rig->authority,
		.quota = rig->quota,
		.config = &rig->config,
		.metrics = &rig->metrics,
		.node = RIG_NODE,
		.worker = 0,
		.workers = 1,
	};

	rig->fetch = bud_fetch_open(&rig->loop, &fetch);
	desk.fetch = rig->fetch;
	open_point(rig);
	desk.point = rig->point;
	rig->dispatch = bud_dispatch_open(&desk);
	bud_dispatch_on_reading_up(rig->dispatch);
}

static void on_fetch_closed(void *owner)
{
	((struct rig *)owner)->is_fetch_closed = true;
}

static void close_dispatch(struct rig *rig)
{
	bud_dispatch_stop(rig->dispatch);
	bud_dispatch_park_all(rig->dispatch);
	bud_decision_point_stop(rig->point);
	bud_fetch_close(rig->fetch, on_fetch_closed, rig);
	rig_wait(rig, rig->is_fetch_closed);
	rig_pass_ms(rig, 20); /* the connections' last callbacks */
	bud_dispatch_close(rig->dispatch);
	bud_decision_point_close(rig->point);
}

/* In the order that is hardest for the dispatch: Redis goes first, whatever is under way. */
int rig_tear_down(void **state)
{
	struct rig *rig = *state;
	size_t n_bad = rig->sink.n_bad;

	bud_store_detach(&rig->commands_store);
	bud_store_detach(&rig->reading_store);
	bud_redis_close(rig->commands);
	bud_redis_close(rig->reading);
	if (rig->dispatch)
		close_dispatch(rig);
	sink_close(&rig->sink);
	uv_close((uv_handle_t *)&rig->confirm, NULL);
	uv_run(&rig->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&rig->loop), 0);
	sink_finish(&rig->sink);
	assert_int_equal(bud_endpoints_count(rig->endpoints), 0);
	bud_endpoints_destroy(rig->endpoints);
	bud_keyring_destroy(rig->keyring);
	bud_authority_destroy(rig->authority);
	bud_table_destroy(rig->table);
	bud_store_finish(&rig->commands_store);
	bud_store_finish(&rig->reading_store);
	*state = rig->server;
	free(rig);
	assert_int_equal(n_bad, 0);
	return 0;
}

void rig_set_schedule(struct rig *rig, size_t n, const uint32_t *steps)
{
	rig->config.delivery.retry_schedule_s.n = n;
	for (size_t i = 0; i < n; i++)
		rig->config.delivery.retry_schedule_s.steps[i] = steps[i];
}

int rig_patience(void)
{
	const char *slow = getenv("BUD_TEST_SLOW");

	return slow ? atoi(slow) : 1;
}

void rig_pass_ms(struct rig *rig, int64_t ms)
{
	int64_t end_ms = bud_clock_mono_ms() + ms;

	while (bud_clock_mono_ms() < end_ms)
		uv_run(&rig->loop, UV_RUN_ONCE);
}

static void to_json(struct bud_buffer *text)
{
	for (size_t i = 0; i < text->len; i++)
		if (text->at[i] == '\'')
			text->at[i] = '"';
}

static struct bud_subscription *parse(struct rig *rig, struct bud_buffer *text, const char *id)
{
	struct bud_subscription_defaults defaults = {.id = id,
		.owner = rig->subscriber ? rig->subscriber : "local",
		.now_ms = bud_clock_wall_ms(),
		.timeout_ms = 30000};
	struct bud_subscription *made = NULL;
	struct bud_error error;

	to_json(text);
	if (bud_subscription_parse(bud_buffer_as_span(text), &defaults, &made, &error) < 0)
		fail_msg("%s: %s", text->at, error.text);
	return made;
}

static void subscribe(struct rig *rig, const char *id, struct bud_buffer *text)
{
	struct bud_subscription *made = parse(rig, text, id);

	made->serial = ++rig->serial;
	if (rig->on_made)
		rig->on_made(made);
	bud_table_put(rig->table, made);
}

void rig_subscribe_as(
	struct rig *rig, const char *id, const char *type, const char *path, const char *members)
{
	bud_auto(buffer) struct bud_buffer text = {0};

	bud_buffer_format(&text,
		"{'sink':'http://127.0.0.1:%d%s','protocol':'HTTP','types':['%s'],"
		"'config':{'signing':{'secret':'%s'}}%s}",
		rig->sink.port, path, type, SINK_SECRET, members);
	subscribe(rig, id, &text);
}

void rig_subscribe_wishing(
	struct rig *rig, const char *id, const char *path, const char *config, const char *members)
{
	bud_auto(buffer) struct bud_buffer text = {0};

	bud_buffer_format(&text,
		"{'sink':'http://127.0.0.1:%d%s','protocol':'HTTP','types':['t'],"
		"'config':{%s}%s}",
		rig->sink.port, path, config, members);
	subscribe(rig, id, &text);
}

void rig_subscribe(struct rig *rig, const char *id, const char *type, const char *path)
{
	rig_subscribe_as(rig, id, type, path, "");
}

static void on_appended(void *owner, int err, const signed char *results, size_t n)
{
	struct rig *rig = owner;

	assert_int_equal(err, 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(results[i], BUD_APPEND_STORED);
	rig->appended -= (int)n;
}

static void publish_some(struct rig *rig, const char *type, const char *prefix, int from, int n)
{
	struct bud_append_event events[BUD_APPEND_EVENTS_MAX] = {0};
	struct bud_buffer texts[BUD_APPEND_EVENTS_MAX] = {0};
	char ids[BUD_APPEND_EVENTS_MAX][32];
	struct bud_append_key key;

	for (int i = 0; i < n; i++) {
		snprintf(ids[i], sizeof(ids[i]), "%s%d", prefix, from + i);
		bud_buffer_format(&texts[i],
			"{'specversion':'1.0','id':'%s','source':'/t','type':'%s'%s,'data':%d}",
			ids[i], type, rig->event_members ? rig->event_members : "", i);
		to_json(&texts[i]);
		key = (struct bud_append_key){bud_span("/t"), bud_span(ids[i]), {NULL, 0}};
		bud_append_prepare(&rig->shard, &key, bud_span("local"),
			bud_buffer_as_span(&texts[i]), &events[i]);
	}
	rig->appended += n;
	assert_int_equal(
		bud_append(&rig->commands_store, 60000, events, (size_t)n, on_appended, rig), 0);
	for (int i = 0; i < n; i++)
		bud_buffer_finish(&texts[i]);
	rig_wait(rig, rig->appended == 0);
}

void rig_publish(struct rig *rig, const char *type, const char *prefix, int n)
{
	for (int i = 0; i < n; i += (int)BUD_APPEND_EVENTS_MAX)
		publish_some(rig, type, prefix, i,
			n - i < (int)BUD_APPEND_EVENTS_MAX ? n - i : (int)BUD_APPEND_EVENTS_MAX);
}

long long rig_number(struct rig *rig, const char *format, const char *name)
{
	redisReply *reply = redis_server_ask(rig->server, format, name);
	long long number = reply->type == REDIS_REPLY_INTEGER ? reply->integer : -1;

	freeReplyObject(reply);
	return number;
}

static long long sum_streams(struct rig *rig, const char *format)
{
	long long sum = 0;

	for (int i = 0; i < BUD_PARTITIONS; i++) {
		char key[64];
		snprintf(key, sizeof(key), BUD_KEY_EVENTS_FORMAT, (unsigned)i);
		redisReply *reply = redis_server_ask(rig->server, format, key, BUD_GROUP);
		sum += reply->type == REDIS_REPLY_ARRAY ? reply->element[0]->integer
							: reply->integer;
		freeReplyObject(reply);
	}
	return sum;
}

long long rig_pending(struct rig *rig)
{
	return sum_streams(rig, "XPENDING %s %s");
}

long long rig_events(struct rig *rig)
{
	return sum_streams(rig, "XLEN %s");
}

bool rig_is_clean(struct rig *rig)
{
	return rig_number(rig, "EXISTS %s", BUD_KEY_DUE) == 0 &&
	       rig_number(rig, "EXISTS %s", BUD_KEY_KEPT) == 0 &&
	       rig_number(rig, "EXISTS %s", BUD_KEY_REFS) == 0 &&
	       rig_number(rig, "EXISTS %s", BUD_KEY_CURSORS) == 0 && rig_pending(rig) == 0;
}

uint64_t rig_count(struct rig *rig, enum bud_counter counter)
{
	return bud_metrics_counter(&rig->metrics, counter);
}
