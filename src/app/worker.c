/* A worker. start -> run the loop -> wishes of the main thread (sweep, drain, park, stop) come as
 * bits and a wake-up. Stop: listener, connections and client are closed first, the flows behind
 * them. */
#include "app/worker.h"

#include <assert.h>
#include <stdlib.h>
#include <uv.h>

#include "access/decision_point.h"
#include "access/register.h"
#include "api/authenticator.h"
#include "api/altinn.h"
#include "api/desk.h"
#include "api/grants.h"
#include "api/instance_guard.h"
#include "api/resources.h"
#include "api/subscriptions.h"
#include "app/app.h"
#include "app/budget.h"
#include "app/client.h"
#include "auth/identity.h"
#include "auth/authorize.h"
#include "core/alloc.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "dispatch/dispatch.h"
#include "fetch/fetch.h"
#include "http/listener.h"
#include "ingest/ingest.h"
#include "read/pull.h"
#include "redis/client.h"
#include "store/store.h"

#define READ_TIMEOUT_MS 5000 /* longer than the reader's BLOCK */
#define TICK_MS         20
#define WRITE_MS        50 /* for what cancelled attempts leave */
/* A delivery in hand waits as long. */
#define SERVICE_TIMEOUT_MS      2000
#define SERVICE_CONNECTIONS_MAX 64
#define REGISTER_KEPT_MS        3600000
#define CLOSE_MS                20 /* for the connections' last callbacks */
#define TABLES                  (4 + BUD_RESOURCES_TABLES)

enum wish {
	WISH_SWEEP = 1,
	WISH_DRAIN = 2,
	WISH_PARK = 4,
	WISH_STOP = 8,
};

struct bud_worker {
	struct bud_app *app;
	unsigned index;
	int listen_fd;
	uv_thread_t thread;
	uv_loop_t loop;
	uv_async_t wake;
	atomic_uint wishes;
	uv_timer_t tick;
	struct bud_metrics *metrics;
	struct bud_redis *commands;
	struct bud_redis *reading;
	struct bud_store commands_store;
	struct bud_store reading_store;
	struct bud_fetch *fetch;
	struct bud_fetch *service_fetch;
	struct bud_register *reg;
	struct bud_decision_point *point; /* NULL: there is none */
	struct bud_ingest *ingest;
	struct bud_dispatch *dispatch;
	struct bud_pull *pull;
	struct bud_listener *listener;
	struct bud_route_table tables[TABLES];
	struct bud_authenticator authenticator; /* its cache is NULL without authentication */
	struct bud_instance_guard guard;
	struct bud_subscriptions_api subscriptions;
	struct bud_api_desk desk;
	struct bud_altinn_api altinn;
	bool is_ready;
	bool is_draining;
	bool is_drained;
	unsigned n_closing;
};

/* Both connections are up for the first time: requests can be answered. */
static void ready_once(struct bud_worker *worker)
{
	if (worker->is_ready || !bud_redis_is_up(worker->commands) ||
		!bud_redis_is_up(worker->reading))
		return;
	worker->is_ready = true;
	atomic_fetch_add(&worker->app->n_ready, 1);
	uv_async_send(&worker->app->wake);
}

static void on_commands_up(void *owner)
{
	struct bud_worker *worker = owner;

	bud_dispatch_sweep(worker->dispatch);
	ready_once(worker);
}

static void on_down(void *owner, const char *reason)
{
	struct bud_worker *worker = owner;

	bud_metrics_add(worker->metrics, BUD_COUNTER_REDIS_RECONNECTS, 1);
	bud_log_warn("no connection to Redis", "worker", bud_log_number(worker->index), "reason",
		reason);
}

static void on_reading_up(void *owner)
{
	struct bud_worker *worker = owner;

	bud_dispatch_on_reading_up(worker->dispatch);
	ready_once(worker);
}

static void open_stores(struct bud_worker *worker)
{
	struct bud_redis_options options = {
		.url = &worker->app->redis_url,
		.scripts = bud_store_scripts,
		.scripts_n = bud_store_scripts_n,
		.on_up = on_commands_up,
		.on_down = on_down,
		.owner = worker,
	};

	worker->commands = bud_redis_open(&worker->loop, &options);
	options.command_timeout_ms = READ_TIMEOUT_MS;
	options.on_up = on_reading_up;
	options.on_down = NULL;
	worker->reading = bud_redis_open(&worker->loop, &options);
	bud_store_init(&worker->commands_store, worker->commands, &worker->app->shard);
	bud_store_init(&worker->reading_store, worker->reading, &worker->app->shard);
}

static void on_trouble(void *owner, const char *text)
{
	struct bud_worker *worker = owner;

	if (text)
		bud_log_error("the decision point decides nothing: what it should say waits",
			"worker", bud_log_number(worker->index), "reason", text);
	else
		bud_log_info("the decision point decides again", "worker",
			bud_log_number(worker->index));
}

static void open_register(struct bud_worker *worker)
{
	struct bud_app *app = worker->app;
	struct bud_register_options options = {
		.parties = app->parties,
		.fetch = worker->service_fetch,
		.metrics = worker->metrics,
		.url = app->config.auth.register_url,
		.header = app->config.auth.register_header,
		.timeout_ms = SERVICE_TIMEOUT_MS,
		.kept_ms = REGISTER_KEPT_MS,
	};
	struct bud_error error;

	worker->reg = bud_register_create(&options, &error);
	assert(worker->reg); /* it was tried before the threads were */
}

static void open_point(struct bud_worker *worker)
{
	struct bud_app *app = worker->app;
	const struct bud_auth_config *auth = &app->config.auth;
	struct bud_decision_point_options options = {
		.loop = &worker->loop,
		.fetch = worker->service_fetch,
		.authority = app->authority,
		.metrics = worker->metrics,
		.reg = auth->register_url[0] != '\0' || app->parties ? worker->reg : NULL,
		.url = auth->decision_url,
		.header = auth->decision_header,
		.kept_ms = auth->decision_kept_s * 1000,
		.timeout_ms = SERVICE_TIMEOUT_MS,
		.on_trouble = on_trouble,
		.owner = worker,
	};
	struct bud_error error;

	if (bud_authority_is_open(app->authority) || auth->decision_url[0] == '\0')
		return;
	worker->point = bud_decision_point_open(&options, &error);
	assert(worker->point); /* the same */
}

/* What the operator named, wherever that is. */
static void open_services(struct bud_worker *worker)
{
	struct bud_networks networks;
	struct bud_fetch_options fetch = bud_client_trusted_options(worker->app, &networks);

	fetch.allow_http = true;
	fetch.proxy = NULL;
	fetch.connections_max = SERVICE_CONNECTIONS_MAX;
	fetch.multis = 1;
	worker->service_fetch = bud_fetch_open(&worker->loop, &fetch);
	open_register(worker);
	open_point(worker);
}

static void open_flows(struct bud_worker *worker)
{
	struct bud_app *app = worker->app;
	struct bud_fetch_options fetch = bud_client_options(app);
	struct bud_ingest_options ingest = {
		.loop = &worker->loop,
		.store = &worker->commands_store,
		.authority = app->authority,
		.quota = app->quota,
		.metrics = worker->metrics,
		.index_kinds = bud_budget_index_kinds(&app->config),
		.window_ms = app->config.dedupe.window_s * 1000,
		.durability = &app->durability,
	};
	struct bud_desk desk = {
		.loop = &worker->loop,
		.commands = &worker->commands_store,
		.reading = &worker->reading_store,
		.table = app->table,
		.table_reader = worker->index,
		.endpoints = app->endpoints,
		.following = &app->following,
		.keyring = app->keyring,
		.authority = app->authority,
		.quota = app->quota,
		.config = &app->config,
		.metrics = worker->metrics,
		.node = app->node,
		.worker = worker->index,
		.workers = app->workers_n,
	};

	open_services(worker);
	worker->fetch = bud_fetch_open(&worker->loop, &fetch);
	desk.fetch = worker->fetch;
	desk.point = worker->point;
	desk.reg = worker->reg;
	ingest.point = worker->point;
	worker->ingest = bud_ingest_open(&ingest);
	worker->dispatch = bud_dispatch_open(&desk);
	worker->pull = bud_pull_open(&(struct bud_pull_options){&worker->loop,
		&worker->commands_store, worker->metrics, ingest.index_kinds,
		bud_authority_is_open(app->authority) ? NULL : desk.table, desk.table_reader});
}

static struct bud_authentication open_authenticator(struct bud_worker *worker)
{
	const struct bud_app *app = worker->app;
	struct bud_authenticator_options options = {
		.trust = app->trust,
		.rules = &app->scope_rules,
		.metrics = worker->metrics,
		.person_key = {(const char *)app->shard.key.secret, sizeof(app->shard.key.secret)},
		.takes_keys = app->config.auth.mode & BUD_AUTH_MODE_KEYS,
		.takes_tokens = app->config.auth.mode & BUD_AUTH_MODE_JWT,
	};

	bud_authenticator_init(&worker->authenticator, &options);
	return bud_authenticator_hooks(&worker->authenticator);
}

static void open_listener(struct bud_worker *worker)
{
	struct bud_app *app = worker->app;
	struct bud_listener_options options = {
		.fd = worker->listen_fd,
		.tables = worker->tables,
		.n_tables = TABLES,
		.authentication = {.everybody = &bud_identity_local},
		.refuses_other_sites = app->config.auth.mode == BUD_AUTH_MODE_NONE,
	};
	int err = 0;

	if (app->config.auth.mode != BUD_AUTH_MODE_NONE)
		options.authentication = open_authenticator(worker);

	worker->subscriptions = (struct bud_subscriptions_api){
		.store = &worker->commands_store,
		.table = app->table,
		.table_reader = worker->index,
		.authority = app->authority,
		.point = worker->point,
		.quota = app->quota,
		.metrics = worker->metrics,
		.config = &app->config,
		.own_ports = app->own_ports,
	};
	bud_subscriptions_api_init(&worker->subscriptions);
	worker->desk = (struct bud_api_desk){
		.store = &worker->commands_store,
		.config = &app->config,
		.authority = app->authority,
		.point = worker->point,
		.reg = worker->reg,
		.quota = app->quota,
		.table = app->table,
		.table_reader = worker->index,
		.keyring = app->keyring,
		.metrics = worker->metrics,
		.pull = worker->pull,
	};
	worker->guard = (struct bud_instance_guard){
		app->keyring, app->quota, worker->metrics, options.authentication};
	options.authentication = bud_instance_guard_hooks(&worker->guard);
	worker->tables[0] =
		(struct bud_route_table){bud_ingest_routes, bud_ingest_routes_n, worker->ingest};
	worker->tables[1] = (struct bud_route_table){
		bud_subscriptions_routes, bud_subscriptions_routes_n, &worker->subscriptions};
	worker->tables[2] = (struct bud_route_table){
		bud_grants_routes, bud_grants_routes_n, &worker->subscriptions};
	worker->altinn =
		(struct bud_altinn_api){&worker->desk, &worker->subscriptions, worker->ingest};
	worker->tables[3] =
		(struct bud_route_table){bud_altinn_routes, bud_altinn_routes_n, &worker->altinn};
	bud_resources_tables(&worker->desk, &worker->tables[4]);
	worker->listener = bud_listener_open(&worker->loop, &options, &err);
	if (!worker->listener)
		bud_log_error("cannot listen", "error", uv_strerror(err));
}

static void drained(struct bud_worker *worker)
{
	worker->is_drained = true;
	atomic_fetch_add(&worker->app->n_drained, 1);
	uv_async_send(&worker->app->wake);
}

static void on_tick(uv_timer_t *timer)
{
	struct bud_worker *worker = timer->data;

	bud_subscriptions_api_tick(&worker->subscriptions, bud_clock_mono_ms());
	if (worker->authenticator.cache)
		bud_authenticator_tick(&worker->authenticator, bud_clock_mono_ms());
	if (worker->is_draining && !worker->is_drained && bud_dispatch_is_idle(worker->dispatch) &&
		(!worker->listener || bud_listener_requests(worker->listener) == 0))
		drained(worker);
}

/* The last callbacks of the connections have come: now the flows. */
static void on_flows_time(uv_timer_t *timer)
{
	struct bud_worker *worker = timer->data;

	bud_ingest_close(worker->ingest);
	bud_dispatch_close(worker->dispatch);
	bud_decision_point_close(worker->point);
	bud_register_destroy(worker->reg);
	bud_pull_close(worker->pull);
	uv_close((uv_handle_t *)&worker->wake, NULL);
	uv_close((uv_handle_t *)&worker->tick, NULL);
}

/* What the cancelled attempts left is written: now the connections. */
static void on_connections_time(uv_timer_t *timer)
{
	struct bud_worker *worker = timer->data;

	bud_store_detach(&worker->reading_store);
	bud_store_detach(&worker->commands_store);
	bud_redis_close(worker->reading);
	bud_redis_close(worker->commands);
	uv_timer_start(&worker->tick, on_flows_time, CLOSE_MS, 0);
}

static void on_part_closed(void *owner)
{
	struct bud_worker *worker = owner;

	if (--worker->n_closing == 0)
		uv_timer_start(&worker->tick, on_connections_time, WRITE_MS, 0);
}

static void close_parts(struct bud_worker *worker)
{
	uv_timer_stop(&worker->tick);
	bud_dispatch_stop(worker->dispatch);
	bud_dispatch_park_all(worker->dispatch);
	bud_decision_point_stop(worker->point);
	bud_authenticator_stop(&worker->authenticator);
	bud_subscriptions_api_stop(&worker->subscriptions);
	worker->n_closing = 2 + (worker->listener != NULL);
	bud_pull_stop(worker->pull);
	bud_listener_close(worker->listener, on_part_closed, worker);
	bud_fetch_close(worker->fetch, on_part_closed, worker);
	bud_fetch_close(worker->service_fetch, on_part_closed, worker);
}

static void on_wake(uv_async_t *async)
{
	struct bud_worker *worker = async->data;
	unsigned wishes = atomic_exchange(&worker->wishes, 0);

	if (wishes & WISH_SWEEP)
		bud_dispatch_sweep(worker->dispatch);
	if (wishes & WISH_DRAIN) {
		bud_dispatch_stop(worker->dispatch);
		bud_pull_stop(worker->pull);
		worker->is_draining = true;
		if (worker->listener)
			bud_listener_stop(worker->listener);
	}
	if (wishes & WISH_PARK)
		bud_dispatch_park_all(worker->dispatch);
	if (wishes & WISH_STOP)
		close_parts(worker);
}

static void run(void *arg)
{
	struct bud_worker *worker = arg;

	open_stores(worker);
	open_flows(worker);
	open_listener(worker);
	uv_timer_start(&worker->tick, on_tick, TICK_MS, TICK_MS);
	uv_run(&worker->loop, UV_RUN_DEFAULT);
	uv_loop_close(&worker->loop);
	bud_authenticator_finish(&worker->authenticator);
	bud_store_finish(&worker->commands_store);
	bud_store_finish(&worker->reading_store);
}

struct bud_worker *bud_worker_start(struct bud_app *app, unsigned index, int listen_fd)
{
	struct bud_worker *worker = bud_new(struct bud_worker);

	worker->app = app;
	worker->index = index;
	worker->listen_fd = listen_fd;
	worker->metrics = &app->metrics[BUD_APP_METRICS_WORKERS + index];
	uv_loop_init(&worker->loop);
	uv_async_init(&worker->loop, &worker->wake, on_wake);
	worker->wake.data = worker;
	uv_timer_init(&worker->loop, &worker->tick);
	worker->tick.data = worker;
	if (uv_thread_create(&worker->thread, run, worker) != 0)
		abort();
	return worker;
}

static void wish(struct bud_worker *worker, enum wish wish)
{
	atomic_fetch_or(&worker->wishes, (unsigned)wish);
	uv_async_send(&worker->wake);
}

void bud_worker_sweep(struct bud_worker *worker)
{
	wish(worker, WISH_SWEEP);
}

void bud_worker_drain(struct bud_worker *worker)
{
	wish(worker, WISH_DRAIN);
}

void bud_worker_park(struct bud_worker *worker)
{
	wish(worker, WISH_PARK);
}

void bud_worker_stop(struct bud_worker *worker)
{
	if (!worker)
		return;
	wish(worker, WISH_STOP);
	uv_thread_join(&worker->thread);
	free(worker);
}
