/* The control thread. */
#include "app/control.h"

#include <stdlib.h>
#include <uv.h>

#include "access/issuer_keys.h"
#include "api/api_keys.h"
#include "api/health.h"
#include "api/keys.h"
#include "api/pauses.h"
#include "app/app.h"
#include "app/budget.h"
#include "app/client.h"
#include "app/worker.h"
#include "auth/quota.h"
#include "core/alloc.h"
#include "core/log.h"
#include "dispatch/endpoint.h"
#include "dispatch/pauses.h"
#include "fetch/fetch.h"
#include "http/listener.h"
#include "lifecycle/api_key_watch.h"
#include "lifecycle/clean.h"
#include "lifecycle/disable.h"
#include "lifecycle/durability.h"
#include "lifecycle/follow.h"
#include "lifecycle/key_keeper.h"
#include "lifecycle/measure.h"
#include "lifecycle/nodes.h"
#include "lifecycle/replay.h"
#include "lifecycle/reseal.h"
#include "lifecycle/resume.h"
#include "lifecycle/tokens.h"
#include "lifecycle/verify.h"
#include "read/trimmer.h"
#include "redis/client.h"
#include "store/store.h"

#define GAUGES_MS  500
#define CLOSE_MS   20 /* for the connections' last callbacks */
#define ASKING_MAX 64
#define TABLES     4

enum wish {
	WISH_JOIN = 1,
	WISH_STOP = 2,
};

struct bud_control {
	struct bud_app *app;
	int admin_fd;
	uv_thread_t thread;
	uv_loop_t loop;
	uv_async_t wake;
	atomic_uint wishes;
	uv_timer_t gauges;
	struct bud_metrics *metrics;
	struct bud_redis *commands;
	struct bud_redis *following;
	struct bud_store commands_store;
	struct bud_store following_store;
	struct bud_follower *follower;
	struct bud_watch *watch;
	struct bud_durability_watch *durability;
	struct bud_cleaner *cleaner;
	struct bud_trimmer *trimmer;
	struct bud_pause_follower *pause_follower;
	struct bud_key_keeper *key_keeper;
	struct bud_api_key_watch *api_key_watch;
	struct bud_fetch *trusted; /* for those whom the configuration names */
	struct bud_issuer_keys *issuer_keys;
	struct bud_fetch *fetch; /* for questions and tokens; deliveries are the workers' */
	struct bud_verifier *verifier;
	struct bud_keeper *keeper;
	struct bud_disabler *disabler;
	struct bud_replayer *replayer;
	struct bud_resumer *resumer;
	struct bud_resealer *resealer;
	struct bud_measurer *measurer;
	struct bud_listener *admin;
	struct bud_health_api health;
	struct bud_pauses_api pauses;
	struct bud_keys_api keys;
	struct bud_api_keys_api api_keys;
	struct bud_route_table tables[TABLES];
};

static void on_commands_up(void *owner)
{
	struct bud_control *control = owner;

	atomic_store(&control->app->readiness.is_redis_up, true);
	bud_metrics_set(control->metrics, BUD_GAUGE_REDIS_UP, 1);
	bud_log_info("connected to Redis");
	bud_watch_on_up(control->watch);
	bud_pause_follower_on_up(control->pause_follower);
	bud_key_keeper_on_up(control->key_keeper);
	bud_api_key_watch_on_up(control->api_key_watch);
}

static void on_commands_down(void *owner, const char *reason)
{
	struct bud_control *control = owner;

	atomic_store(&control->app->readiness.is_redis_up, false);
	bud_metrics_set(control->metrics, BUD_GAUGE_REDIS_UP, 0);
	bud_log_warn("no connection to Redis", "reason", reason);
}

static void on_following_up(void *owner)
{
	struct bud_control *control = owner;

	bud_follower_on_up(control->follower);
}

static void on_joined(void *owner)
{
	struct bud_control *control = owner;

	atomic_store(&control->app->is_joined, true);
	uv_async_send(&control->app->wake);
}

/* Sealed with a key that is not here: the keeper said so, and the rest goes on. */
static void on_keyed(void *owner, int err)
{
	struct bud_control *control = owner;

	(void)err;
	atomic_store(&control->app->is_keyed, true);
	uv_async_send(&control->app->wake);
}

static void on_deleted(void *owner, const char *id)
{
	struct bud_control *control = owner;

	bud_cleaner_on_deleted(control->cleaner, id);
	bud_verifier_on_deleted(control->verifier, id);
	bud_keeper_on_deleted(control->keeper, id);
	bud_resealer_on_deleted(control->resealer, id);
}

static void on_changed(void *owner, const struct bud_subscription *before,
	const struct bud_subscription *subscription)
{
	struct bud_control *control = owner;

	bud_verifier_on_changed(control->verifier, subscription);
	bud_keeper_on_changed(control->keeper, subscription);
	bud_resumer_on_changed(control->resumer, before, subscription);
	bud_resealer_on_changed(control->resealer, subscription);
}

static void on_taken(void *owner)
{
	struct bud_control *control = owner;

	for (unsigned i = 0; i < control->app->workers_n; i++)
		bud_worker_sweep(control->app->workers[i]);
}

static void on_rival(void *owner)
{
	struct bud_control *control = owner;

	atomic_store(&control->app->is_rivaled, true);
	uv_async_send(&control->app->wake);
}

static void open_stores(struct bud_control *control)
{
	struct bud_redis_options options = {
		.url = &control->app->redis_url,
		.scripts = bud_store_scripts,
		.scripts_n = bud_store_scripts_n,
		.on_up = on_commands_up,
		.on_down = on_commands_down,
		.owner = control,
	};

	control->commands = bud_redis_open(&control->loop, &options);
	options.on_up = on_following_up;
	options.on_down = NULL;
	control->following = bud_redis_open(&control->loop, &options);
	bud_store_init(&control->commands_store, control->commands, &control->app->shard);
	bud_store_init(&control->following_store, control->following, &control->app->shard);
}

/* What goes out from here, and who is judged. */
static void open_judges(struct bud_control *control)
{
	const struct bud_config *config = &control->app->config;
	struct bud_fetch_options fetch = bud_client_options(control->app);
	struct bud_verify_options verify = {
		.loop = &control->loop,
		.store = &control->commands_store,
		.config = config,
		.keyring = control->app->keyring,
	};
	struct bud_keeper_options keep = {
		.loop = &control->loop,
		.store = &control->commands_store,
		.config = config,
	};
	struct bud_disable_options disable = {
		.loop = &control->loop,
		.store = &control->commands_store,
		.table = control->app->table,
		.after_ms = config->delivery.disable_after_s * 1000,
	};
	struct bud_measure_options measure = {
		.loop = &control->loop,
		.store = &control->commands_store,
		.table = control->app->table,
		.quota = control->app->quota,
		.metrics = control->metrics,
	};
	struct bud_replay_options replay = {
		.loop = &control->loop,
		.store = &control->commands_store,
		.table = control->app->table,
		.authority = control->app->authority,
		.quota = control->app->quota,
	};
	struct bud_resume_options resume = {
		.loop = &control->loop,
		.store = &control->commands_store,
		.table = control->app->table,
	};

	fetch.connections_max = ASKING_MAX;
	fetch.multis = 1;
	control->fetch = bud_fetch_open(&control->loop, &fetch);
	verify.fetch = control->fetch;
	keep.fetch = control->fetch;
	control->verifier = bud_verifier_open(&verify);
	control->keeper = bud_keeper_open(&keep);
	control->disabler = bud_disabler_open(&disable);
	control->replayer = bud_replayer_open(&replay);
	control->resumer = bud_resumer_open(&resume);
	control->measurer = bud_measurer_open(&measure);
}

static void on_issuer(void *owner, const char *issuer, const char *why)
{
	struct bud_control *control = owner;
	int64_t failing = bud_metrics_gauge(control->metrics, BUD_GAUGE_ISSUERS_FAILING);

	bud_metrics_set(
		control->metrics, BUD_GAUGE_ISSUERS_FAILING, why ? failing + 1 : failing - 1);
	if (why)
		bud_log_warn("an issuer's keys cannot be fetched", "issuer", issuer, "reason", why);
	else
		bud_log_info("an issuer's keys are no trouble any more", "issuer", issuer);
}

/* What tokens and API keys are checked by. */
static void open_trust(struct bud_control *control)
{
	struct bud_app *app = control->app;
	struct bud_networks networks;
	struct bud_fetch_options fetch = bud_client_trusted_options(app, &networks);
	struct bud_api_key_watch_options watch = {
		.loop = &control->loop,
		.store = &control->commands_store,
		.trust = app->trust,
	};
	struct bud_issuer_keys_options keys = {
		.loop = &control->loop,
		.trust = app->trust,
		.allow_http = app->config.auth.allow_http,
		.on_change = on_issuer,
		.owner = control,
	};

	fetch.connections_max = ASKING_MAX;
	fetch.multis = 1;
	control->trusted = bud_fetch_open(&control->loop, &fetch);
	keys.fetch = control->trusted;
	control->issuer_keys = bud_issuer_keys_open(&keys);
	control->api_key_watch = bud_api_key_watch_open(&watch);
	control->api_keys.watch = control->api_key_watch;
}

static void open_flows(struct bud_control *control)
{
	struct bud_app *app = control->app;
	struct bud_follow_options follow = {
		.loop = &control->loop,
		.store = &control->following_store,
		.table = app->table,
		.authority = app->authority,
		.following = &app->following,
		.metrics = control->metrics,
		.timeout_ms = (uint32_t)app->config.delivery.timeout_ms,
		.on_deleted = on_deleted,
		.on_changed = on_changed,
		.owner = control,
	};
	struct bud_watch_options watch = {
		.loop = &control->loop,
		.store = &control->commands_store,
		.metrics = control->metrics,
		.node = app->node,
		.run = app->run,
		.on_joined = on_joined,
		.on_taken = on_taken,
		.on_rival = on_rival,
		.owner = control,
	};
	struct bud_clean_options clean = {
		.loop = &control->loop,
		.store = &control->commands_store,
		.table = app->table,
		.authority = app->authority,
		.metrics = control->metrics,
		.retention_ms = app->config.retention.age_s * 1000,
		.budget_bytes = app->config.retention.memory_bytes,
	};
	struct bud_trimmer_options trim = {
		.loop = &control->loop,
		.store = &control->commands_store,
		.metrics = control->metrics,
		.retention_ms = app->config.retention.age_s * 1000,
		.is_indexed = bud_budget_index_kinds(&app->config) != 0,
	};
	struct bud_reseal_options reseal = {
		.loop = &control->loop,
		.store = &control->commands_store,
		.metrics = control->metrics,
	};
	struct bud_key_keeper_options keys = {
		.loop = &control->loop,
		.store = &control->commands_store,
		.sealer = app->sealer,
		.keyring = app->keyring,
		.on_loaded = on_keyed,
		.owner = control,
	};

	open_judges(control);
	control->resealer = bud_resealer_open(&reseal);
	open_trust(control);
	control->key_keeper = bud_key_keeper_open(&keys);
	control->keys.keeper = control->key_keeper;
	control->cleaner = bud_cleaner_open(&clean);
	control->trimmer = bud_trimmer_open(&trim);
	control->pause_follower = bud_pause_follower_open(&(struct bud_pause_options){
		&control->loop, &control->commands_store, app->endpoints, app->node});
	control->watch = bud_watch_open(&watch);
	control->durability = bud_durability_watch_open(&(struct bud_durability_options){
		&control->loop, &control->commands_store, &app->durability, 0});
	control->follower = bud_follower_open(&follow);
}

static void open_admin(struct bud_control *control)
{
	struct bud_listener_options options = {
		.fd = control->admin_fd,
		.tables = control->tables,
		.n_tables = TABLES,
		.refuses_other_sites = true,
	};
	int err = 0;

	control->health = (struct bud_health_api){
		control->app->metrics_list, control->app->metrics_n, &control->app->readiness};
	control->pauses = (struct bud_pauses_api){&control->commands_store};
	control->keys.keyring = control->app->keyring;
	control->tables[0] =
		(struct bud_route_table){bud_health_routes, bud_health_routes_n, &control->health};
	control->tables[1] =
		(struct bud_route_table){bud_pauses_routes, bud_pauses_routes_n, &control->pauses};
	control->tables[2] =
		(struct bud_route_table){bud_keys_routes, bud_keys_routes_n, &control->keys};
	control->api_keys.store = &control->commands_store;
	control->tables[3] = (struct bud_route_table){
		bud_api_keys_routes, bud_api_keys_routes_n, &control->api_keys};
	control->admin = bud_listener_open(&control->loop, &options, &err);
	if (!control->admin)
		bud_log_error("cannot listen for admin", "error", uv_strerror(err));
}

static void on_gauges(uv_timer_t *timer)
{
	struct bud_control *control = timer->data;
	struct bud_endpoints *endpoints = control->app->endpoints;

	unsigned nodes = (unsigned)bud_metrics_gauge(control->metrics, BUD_GAUGE_NODES_LIVE);

	bud_endpoints_set_nodes(endpoints, nodes);
	bud_quota_set_nodes(control->app->quota, nodes);
	bud_metrics_set(
		control->metrics, BUD_GAUGE_ENDPOINTS, (int64_t)bud_endpoints_count(endpoints));
	bud_metrics_set(control->metrics, BUD_GAUGE_ENDPOINTS_OPEN,
		(int64_t)bud_endpoints_open_count(endpoints));
}

static void on_close_time(uv_timer_t *timer)
{
	struct bud_control *control = timer->data;

	bud_follower_close(control->follower);
	bud_watch_close(control->watch);
	bud_durability_watch_close(control->durability);
	bud_cleaner_close(control->cleaner);
	bud_trimmer_close(control->trimmer);
	bud_pause_follower_close(control->pause_follower);
	bud_key_keeper_close(control->key_keeper);
	bud_api_key_watch_close(control->api_key_watch);
	bud_issuer_keys_close(control->issuer_keys);
	bud_verifier_close(control->verifier);
	bud_keeper_close(control->keeper);
	bud_disabler_close(control->disabler);
	bud_replayer_close(control->replayer);
	bud_resumer_close(control->resumer);
	bud_resealer_close(control->resealer);
	bud_measurer_close(control->measurer);
	uv_close((uv_handle_t *)&control->wake, NULL);
	uv_close((uv_handle_t *)&control->gauges, NULL);
}

static void on_wake(uv_async_t *async)
{
	struct bud_control *control = async->data;
	unsigned wishes = atomic_exchange(&control->wishes, 0);

	if ((wishes & WISH_JOIN) && !(wishes & WISH_STOP)) {
		open_stores(control);
		open_flows(control);
	}
	if (wishes & WISH_STOP) {
		bud_listener_close(control->admin, NULL, NULL);
		bud_fetch_close(control->fetch, NULL, NULL);
		bud_fetch_close(control->trusted, NULL, NULL);
		bud_store_detach(&control->following_store);
		bud_store_detach(&control->commands_store);
		bud_redis_close(control->following);
		bud_redis_close(control->commands);
		uv_timer_stop(&control->gauges);
		uv_timer_start(&control->gauges, on_close_time, CLOSE_MS, 0);
	}
}

static void run(void *arg)
{
	struct bud_control *control = arg;

	open_admin(control);
	uv_timer_start(&control->gauges, on_gauges, GAUGES_MS, GAUGES_MS);
	uv_run(&control->loop, UV_RUN_DEFAULT);
	uv_loop_close(&control->loop);
	bud_store_finish(&control->commands_store);
	bud_store_finish(&control->following_store);
}

struct bud_control *bud_control_start(struct bud_app *app, int admin_fd)
{
	struct bud_control *control = bud_new(struct bud_control);

	control->app = app;
	control->admin_fd = admin_fd;
	control->metrics = &app->metrics[BUD_APP_METRICS_CONTROL];
	uv_loop_init(&control->loop);
	uv_async_init(&control->loop, &control->wake, on_wake);
	control->wake.data = control;
	uv_timer_init(&control->loop, &control->gauges);
	control->gauges.data = control;
	if (uv_thread_create(&control->thread, run, control) != 0)
		abort();
	return control;
}

static void wish(struct bud_control *control, enum wish wish)
{
	atomic_fetch_or(&control->wishes, (unsigned)wish);
	uv_async_send(&control->wake);
}

void bud_control_join(struct bud_control *control)
{
	wish(control, WISH_JOIN);
}

void bud_control_stop(struct bud_control *control)
{
	if (!control)
		return;
	wish(control, WISH_STOP);
	uv_thread_join(&control->thread);
	free(control);
}
