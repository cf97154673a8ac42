/* The node and its client. */
#include "api_node.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/grants.h"
#include "api/resources.h"
#include "auth/authorize.h"
#include "auth/identity.h"
#include "auth/policy.h"
#include "core/clock.h"
#include "crypto/keyring.h"
#include "http/listener.h"
#include "http/request.h"
#include "http_server.h"
#include "lifecycle/key_keeper.h"
#include "read/pull.h"
#include "redis/client.h"
#include "store/grants.h"
#include "store/registry_follow.h"
#include "subscription/subscription.h"
#include "subscription/table.h"

#define TICK_MS 20

/* The table: read anew, whole, whenever the version is another. */

static void read_some(struct api_node *node, uint64_t cursor);

static void apply(struct api_node *node, const struct bud_registry_record *record)
{
	struct bud_subscription_defaults defaults = {.timeout_ms = 15000};
	struct bud_subscription *loaded;
	char id[65] = "";
	int r;

	if (bud_grant_apply(node->authority, record) != 0)
		return;
	if (record->value.record.len == 0) {
		memcpy(id, record->id.at, record->id.len);
		bud_table_remove(node->table, id, record->value.serial);
		return;
	}
	r = bud_subscription_load(record->value.record, &defaults, &loaded, NULL);
	assert(r == 0);
	loaded->serial = record->value.serial;
	bud_table_put(node->table, loaded);
}

static void on_records(
	void *owner, int err, uint64_t cursor, const struct bud_registry_record *records, size_t n)
{
	struct api_node *node = owner;
	struct bud_table_version version = {node->version.ms, node->version.seq};

	node->is_reading = false;
	if (err < 0)
		return;
	for (size_t i = 0; i < n; i++)
		apply(node, &records[i]);
	if (cursor != 0)
		read_some(node, cursor);
	else
		bud_table_set_version(node->table, version);
}

static void read_some(struct api_node *node, uint64_t cursor)
{
	node->is_reading = bud_registry_scan(&node->store, cursor, on_records, node) == 0;
}

static void on_version(void *owner, int err, struct bud_member version)
{
	struct api_node *node = owner;
	struct bud_table_version have = bud_table_version(node->table);

	node->is_reading = false;
	if (err < 0)
		return;
	atomic_store(&node->following.confirmed_mono_ms, bud_clock_mono_ms());
	if (have.ms == version.ms && have.seq == version.seq)
		return;
	node->version = version;
	read_some(node, 0);
}

/* Life */

static void on_listener_closed(void *owner)
{
	struct api_node *node = owner;

	uv_close((uv_handle_t *)&node->tick, NULL);
	bud_pull_close(node->pull);
	bud_key_keeper_close(node->key_keeper);
}

static void on_tick(uv_timer_t *timer)
{
	struct api_node *node = timer->data;

	if (node->is_set_up && !node->is_reading && !node->holds_table)
		node->is_reading = bud_registry_version(&node->store, on_version, node) == 0;
	bud_subscriptions_api_tick(&node->subscriptions, bud_clock_mono_ms());
	if (node->wants_api_stop || node->wants_close) {
		bud_subscriptions_api_stop(&node->subscriptions);
		node->wants_api_stop = false;
	}
	if (node->wants_close) {
		uv_timer_stop(timer);
		bud_pull_stop(node->pull);
		bud_listener_close(node->listener, on_listener_closed, node);
		bud_redis_close(node->redis);
	}
}

static void on_keyed(void *owner, int err)
{
	struct api_node *node = owner;

	assert(err == 0);
	node->is_keyed = true;
}

static void open_keys(struct api_node *node)
{
	struct bud_key_keeper_options options = {.loop = &node->loop,
		.store = &node->store,
		.keyring = node->keyring,
		.on_loaded = on_keyed,
		.owner = node};

	node->key_keeper = bud_key_keeper_open(&options);
	node->keys.keeper = node->key_keeper;
}

static void on_set_up(void *owner, int err, const char *text)
{
	struct api_node *node = owner;

	(void)text;
	assert(err == 0);
	node->store.shard = &node->shard;
	node->is_set_up = true;
	open_keys(node);
}

static void on_up(void *owner)
{
	struct api_node *node = owner;
	int r = 0;

	node->readiness.is_redis_up = node->readiness.is_serving = true;
	if (!node->is_set_up)
		r = bud_store_setup(&node->store, &node->shard, on_set_up, node);
	assert(r == 0);
}

static void on_down(void *owner, const char *reason)
{
	struct api_node *node = owner;

	(void)reason;
	node->readiness.is_redis_up = false;
}

static void *run(void *owner)
{
	struct api_node *node = owner;

	uv_run(&node->loop, UV_RUN_DEFAULT);
	return NULL;
}

static void open_authority(struct api_node *node)
{
	struct bud_policy *policy = NULL;
	int r = 0;

	node->authority = bud_authority_create(
		&(struct bud_authority_options){.is_open = node->policy == NULL});
	if (node->policy)
		r = bud_policy_parse(bud_span(node->policy), &policy, NULL);
	assert(r == 0);
	bud_authority_set_policy(node->authority, policy);
}

static void open_api(struct api_node *node)
{
	node->keyring = bud_keyring_create();
	open_authority(node);
	node->pull = bud_pull_open(&(struct bud_pull_options){.loop = &node->loop,
		.store = &node->store,
		.metrics = &node->metrics,
		.kinds = BUD_INDEX_ALL,
		.table = node->table});
	node->keys.keyring = node->keyring;
	node->subscriptions.store = &node->store;
	node->subscriptions.table = node->table;
	node->subscriptions.config = &node->config;
	node->subscriptions.authority = node->authority;
	bud_subscriptions_api_init(&node->subscriptions);
	node->desk = (struct bud_api_desk){.store = &node->store,
		.config = &node->config,
		.table = node->table,
		.keyring = node->keyring,
		.authority = node->authority,
		.pull = node->pull};
	node->readiness.following = &node->following;
	node->sets[0] = &node->metrics;
	node->health = (struct bud_health_api){node->sets, 1, &node->readiness};
}

static void ask_who(void *owner, struct bud_request *request)
{
	struct bud_span who = bud_request_header(request, "X-Who");
	struct bud_span scopes = bud_request_header(request, "X-Scopes");
	bud_auto(free) char *name = who.at ? bud_strndup(who.at, who.len) : bud_strdup("local");
	struct bud_identity *identity = bud_identity_create(BUD_AUTHENTICATED_TOKEN, name);

	(void)owner;
	while (scopes.len > 0)
		bud_identity_add_scope(identity, bud_span_take_until(&scopes, ' '));
	identity->needs = ~0u;
	request->identity = identity;
	bud_request_admit(request);
}

static void leave(void *owner, struct bud_request *request)
{
	(void)owner;
	bud_identity_unref((struct bud_identity *)(uintptr_t)request->identity);
}

static void open_listener(struct api_node *node)
{
	static struct bud_route_table tables[5 + BUD_RESOURCES_TABLES];
	struct bud_listener_options options = {.host = "127.0.0.1",
		.tables = tables,
		.n_tables = sizeof(tables) / sizeof(tables[0]),
		.authentication = {.everybody = &bud_identity_local}};
	int r = 0;

	if (node->policy)
		options.authentication =
			(struct bud_authentication){.ask = ask_who, .leave = leave};
	tables[0] = (struct bud_route_table){
		bud_subscriptions_routes, bud_subscriptions_routes_n, &node->subscriptions};
	tables[1] = (struct bud_route_table){bud_health_routes, bud_health_routes_n, &node->health};
	node->pauses = (struct bud_pauses_api){&node->store};
	tables[2] = (struct bud_route_table){bud_pauses_routes, bud_pauses_routes_n, &node->pauses};
	tables[3] = (struct bud_route_table){bud_keys_routes, bud_keys_routes_n, &node->keys};
	tables[4] = (struct bud_route_table){
		bud_grants_routes, bud_grants_routes_n, &node->subscriptions};
	bud_resources_tables(&node->desk, &tables[5]);
	node->listener = bud_listener_open(&node->loop, &options, &r);
	assert(node->listener);
	node->port = bud_listener_port(node->listener);
}

static void start(struct api_node *node, const char *policy, int command_timeout_ms)
{
	struct bud_config_sources sources = {
		.sets = (const char *const[]){"delivery.allow_http=yes"}, .sets_n = 1};
	struct bud_redis_options options = {.scripts = bud_store_scripts,
		.scripts_n = bud_store_scripts_n,
		.command_timeout_ms = command_timeout_ms,
		.on_up = on_up,
		.on_down = on_down,
		.owner = node};
	struct bud_redis_url url;
	int r;

	memset(node, 0, sizeof(*node));
	node->policy = policy;
	redis_server_start(&node->server, NULL);
	r = bud_config_load(&sources, &node->config, NULL);
	assert(r == 0);
	r = bud_redis_url_parse(bud_span(node->server.url), &url, NULL);
	assert(r == 0);
	uv_loop_init(&node->loop);
	options.url = &url;
	node->redis = bud_redis_open(&node->loop, &options);
	bud_store_init(&node->store, node->redis, NULL);
	node->table = bud_table_create(1);
	open_api(node);
	open_listener(node);
	uv_timer_init(&node->loop, &node->tick);
	node->tick.data = node;
	uv_timer_start(&node->tick, on_tick, TICK_MS, TICK_MS);
	pthread_create(&node->thread, NULL, run, node);
	while (!node->is_set_up || !node->is_keyed || node->following.confirmed_mono_ms == 0)
		usleep(1000);
}

void api_node_start(struct api_node *node, int command_timeout_ms)
{
	start(node, NULL, command_timeout_ms);
}

void api_node_start_with(struct api_node *node, const char *policy)
{
	start(node, policy, 0);
}

void api_node_finish(struct api_node *node)
{
	int r;

	node->wants_close = true;
	pthread_join(node->thread, NULL);
	r = uv_loop_close(&node->loop);
	assert(r == 0);
	bud_table_destroy(node->table);
	bud_keyring_destroy(node->keyring);
	bud_authority_destroy(node->authority);
	bud_store_finish(&node->store);
	redis_server_finish(&node->server);
}

/* The client */

int api_send(
	const struct api_node *node, const char *request_line, const char *fields, const char *body)
{
	struct http_server server = {.port = node->port};
	bud_auto(buffer) struct bud_buffer wire = {0};
	int fd = http_client_open(&server);

	bud_buffer_format(
		&wire, "%s HTTP/1.1\r\nHost: a\r\n%s", request_line, fields ? fields : "");
	if (body)
		bud_buffer_format(&wire, "Content-Length: %zu\r\n", strlen(body));
	bud_buffer_text(&wire, "\r\n");
	bud_buffer_text(&wire, body ? body : "");
	http_client_send(fd, wire.at, wire.len);
	return fd;
}

void api_read(int fd, struct api_answer *out_answer)
{
	struct http_response response;

	http_client_read(fd, false, &response);
	close(fd);
	out_answer->status = response.status;
	memcpy(out_answer->head, response.head, sizeof(response.head));
	out_answer->body = json_loadb(
		response.body.at ? response.body.at : "", response.body.len, JSON_DECODE_ANY, NULL);
	bud_buffer_text(&response.body, "");
	out_answer->text = bud_move(response.body.at);
	bud_buffer_finish(&response.body);
	/* Seen only when the test fails: which failure it was. */
	if (out_answer->status >= 500)
		fprintf(stderr, "answered %d: %s\n", out_answer->status, out_answer->text);
}

void api_answer_finish(struct api_answer *answer)
{
	json_decref(answer->body);
	answer->body = NULL;
	free(answer->text);
	answer->text = NULL;
}

const char *api_field(const struct api_answer *answer, const char *name)
{
	static char value[1024];
	char start[64];
	const char *at;

	snprintf(start, sizeof(start), "\r\n%s: ", name);
	at = strstr(answer->head, start);
	if (!at)
		return "";
	at += strlen(start);
	snprintf(value, sizeof(value), "%.*s", (int)strcspn(at, "\r"), at);
	return value;
}

const char *api_text(const struct api_answer *answer, const char *name)
{
	const char *text = json_string_value(json_object_get(answer->body, name));

	return text ? text : "";
}
