/* `budstikke serve`. Control thread with the admin listener -> Redis (embedded or not) -> set-up of
 * the shard -> heartbeat -> workers -> "listening" -> … -> SIGTERM: drain -> (drained, or the
 * limit: park) -> stop all. */
#include "app/serve.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

#include "app/app.h"
#include "app/authority.h"
#include "app/budget.h"
#include "app/control.h"
#include "app/memory.h"
#include "app/node_id.h"
#include "app/redis_child.h"
#include "app/redis_home.h"
#include "app/sockets.h"
#include "app/trust.h"
#include "app/worker.h"
#include "cli/arguments.h"
#include "cli/cli.h"
#include "core/clock.h"
#include "core/limits.h"
#include "core/log.h"
#include "core/random.h"
#include "crypto/keyring.h"
#include "crypto/seal.h"
#include "dispatch/endpoint.h"
#include "lifecycle/secrets.h"
#include "redis/client.h"
#include "subscription/table.h"

#define SETUP_RETRY_MS       1000
#define PARKING_MS           3000 /* after the drain's limit */
#define BREAKER_OPEN_LONGEST 20   /* times the first */
#define REDIS_MEMORY_PERCENT 45

enum state {
	SERVE_STARTING,
	SERVE_RUNNING,
	SERVE_DRAINING,
	SERVE_PARKING,
	SERVE_STOPPED,
};

struct serve {
	struct bud_app app;
	enum state state;
	int exit_code;
	uv_loop_t loop;
	uv_signal_t terminate;
	uv_signal_t interrupt;
	uv_signal_t hang_up;
	uv_timer_t limit; /* starting: until the next try of the set-up; then of the drain */
	struct bud_sockets sockets;
	bool is_embedded;
	bool is_set_up;    /* the shard */
	bool is_announced; /* "listening" is printed */
	char waits_for[128];
	struct bud_redis_child *child;
	struct bud_redis_home home; /* with a Redis elsewhere: for its lock */
	struct bud_redis *redis;    /* for the set-up only */
	struct bud_store store;
};

static void stop(struct serve *serve, int exit_code);

static int fail(const char *what, const struct bud_error *error)
{
	fprintf(stderr, "budstikke serve: %s%s%s\n", what, what[0] ? ": " : "", error->text);
	return BUD_CLI_EXIT_FAILED;
}

/* Step 6: every worker has reached Redis. */
static void print_listening(const struct serve *serve)
{
	const struct bud_config *config = &serve->app.config;
	bud_auto(buffer) struct bud_buffer redis = {0};

	if (!serve->is_embedded)
		bud_redis_url_write(&config->redis.url, &redis);
	printf("listening ");
	bud_sockets_print(&serve->sockets, config);
	printf(" redis=%s data=%s\n", serve->is_embedded ? "embedded" : redis.at, config->data.dir);
	fflush(stdout);
}

/* Step 5: our heartbeat is written, and there are keys to sign with. The table may still be
 * loading: the barrier waits for it. */
static void start_workers(struct serve *serve)
{
	struct bud_app *app = &serve->app;

	app->workers = bud_alloc_zero(app->workers_n * sizeof(*app->workers));
	for (unsigned i = 0; i < app->workers_n; i++)
		app->workers[i] = bud_worker_start(app, i, serve->sockets.public_fds[i]);
	serve->state = SERVE_RUNNING;
}

static void drain(struct serve *serve);

static void on_wake(uv_async_t *async)
{
	struct serve *serve = async->data;
	struct bud_app *app = &serve->app;

	if (serve->state == SERVE_STARTING && atomic_load(&app->is_joined) &&
		atomic_load(&app->is_keyed))
		start_workers(serve);
	if (serve->state == SERVE_RUNNING && !serve->is_announced &&
		atomic_load(&app->n_ready) == app->workers_n) {
		serve->is_announced = true;
		atomic_store(&app->readiness.is_serving, true);
		print_listening(serve);
	}
	if (serve->state == SERVE_RUNNING && atomic_load(&app->is_rivaled)) {
		serve->exit_code = BUD_CLI_EXIT_USAGE; /* it would be so again */
		drain(serve);
	}
	if ((serve->state == SERVE_DRAINING || serve->state == SERVE_PARKING) &&
		atomic_load(&app->n_drained) == app->workers_n)
		stop(serve, serve->exit_code);
}

/* Step 4: the shard is set up. */
static void on_durability(void *owner, int err, const char *durability)
{
	struct serve *serve = owner;

	if (err < 0)
		return; /* the connection is gone: on_up comes again */
	atomic_store(&serve->app.durability, durability);
	serve->is_set_up = true;
	bud_control_join(serve->app.control);
	bud_redis_close(bud_move(serve->redis));
}

static void on_memory(void *owner, int err, uint64_t used, uint64_t limit)
{
	struct serve *serve = owner;
	struct bud_error error;

	(void)used;
	if (err < 0 && err != -EPROTO)
		return; /* the connection is gone: on_up comes again */
	if (err == 0 && bud_budget_check(&serve->app.config, limit, &error) < 0)
		stop(serve, fail("", &error));
	else
		(void)!bud_store_durability(&serve->store, on_durability, serve);
}

static void on_setup_time(uv_timer_t *timer);

static void on_setup(void *owner, int err, const char *text)
{
	struct serve *serve = owner;

	if (serve->state == SERVE_STOPPED || err == -ENOTCONN)
		return;
	if (err == -EAGAIN || err == -ENOSPC) {
		if (strncmp(serve->waits_for, text, sizeof(serve->waits_for) - 1) != 0)
			bud_log_warn("waiting for Redis", "reason", text);
		snprintf(serve->waits_for, sizeof(serve->waits_for), "%s", text);
		uv_timer_start(&serve->limit, on_setup_time, SETUP_RETRY_MS, 0);
		return;
	}
	if (err < 0) {
		bud_log_error("the data in Redis cannot be used", "reason", text);
		fprintf(stderr, "budstikke serve: the data in Redis cannot be used: %s\n", text);
		stop(serve, BUD_CLI_EXIT_FAILED);
		return;
	}
	(void)!bud_store_memory(&serve->store, on_memory, serve);
}

/* Step 3: Redis is up and checked. */
static void on_redis_up(void *owner)
{
	struct serve *serve = owner;

	uv_timer_stop(&serve->limit);
	(void)!bud_store_setup(&serve->store, &serve->app.shard, on_setup, serve);
}

static void on_setup_time(uv_timer_t *timer)
{
	on_redis_up(timer->data);
}

static void on_redis_down(void *owner, const char *reason)
{
	(void)owner;
	bud_log_warn("waiting for Redis", "reason", reason);
}

static void open_redis(struct serve *serve)
{
	struct bud_redis_options options = {
		.url = &serve->app.redis_url,
		.scripts = bud_store_scripts,
		.scripts_n = bud_store_scripts_n,
		.on_up = on_redis_up,
		.on_down = on_redis_down,
		.owner = serve,
	};

	serve->redis = bud_redis_open(&serve->loop, &options);
	bud_store_init(&serve->store, serve->redis, &serve->app.shard);
}

/* Step 2, embedded: our own server is ready, for the first time or again. */
static void on_child_ready(void *owner, const char *url)
{
	struct serve *serve = owner;
	struct bud_error error;

	if (serve->redis || serve->is_set_up) {
		bud_metrics_add(
			&serve->app.metrics[BUD_APP_METRICS_MAIN], BUD_COUNTER_REDIS_RESTARTS, 1);
		return;
	}
	if (bud_redis_url_parse(bud_span(url), &serve->app.redis_url, &error) < 0)
		stop(serve, fail("the socket of the embedded Redis", &error));
	else
		open_redis(serve);
}

/* Step 1: the data directory is ours. */
static int take_data(struct serve *serve, struct bud_error *error)
{
	struct bud_app *app = &serve->app;
	struct bud_redis_child_options options = {
		.data_dir = app->config.data.dir,
		.maxmemory_bytes = bud_memory_limit(&app->config) / 100 * REDIS_MEMORY_PERCENT,
		.on_ready = on_child_ready,
		.owner = serve,
	};

	if (serve->is_embedded) {
		serve->child = bud_redis_child_start(&serve->loop, &options, error);
		return serve->child ? 0 : -EBUSY;
	}
	return bud_redis_home_open(&serve->home, app->config.data.dir, error);
}

/* The end. The control thread first: it shows the workers' figures and wakes them. */
static void stop(struct serve *serve, int exit_code)
{
	struct bud_app *app = &serve->app;

	if (serve->state == SERVE_STOPPED)
		return;
	serve->state = SERVE_STOPPED;
	serve->exit_code = exit_code;
	bud_control_stop(app->control);
	for (unsigned i = 0; app->workers && i < app->workers_n; i++)
		bud_worker_stop(app->workers[i]);
	bud_redis_close(serve->redis);
	if (serve->child)
		bud_redis_child_stop(serve->child, NULL);
	uv_close((uv_handle_t *)&serve->terminate, NULL);
	uv_close((uv_handle_t *)&serve->interrupt, NULL);
	uv_close((uv_handle_t *)&serve->hang_up, NULL);
	uv_close((uv_handle_t *)&serve->limit, NULL);
	uv_close((uv_handle_t *)&app->wake, NULL);
}

static void on_limit(uv_timer_t *timer)
{
	struct serve *serve = timer->data;

	if (serve->state == SERVE_PARKING) {
		bud_log_warn("the drain took too long: what is left goes on at the next start");
		stop(serve, serve->exit_code);
		return;
	}
	serve->state = SERVE_PARKING;
	for (unsigned i = 0; i < serve->app.workers_n; i++)
		bud_worker_park(serve->app.workers[i]);
	uv_timer_start(&serve->limit, on_limit, PARKING_MS, 0);
}

static void drain(struct serve *serve)
{
	int64_t limit_ms = serve->app.config.server.drain_s * 1000;

	serve->state = SERVE_DRAINING;
	atomic_store(&serve->app.readiness.is_draining, true);
	bud_log_info("draining");
	for (unsigned i = 0; i < serve->app.workers_n; i++)
		bud_worker_drain(serve->app.workers[i]);
	/* Parking is part of the limit that the configuration gives. */
	limit_ms = limit_ms > 2 * PARKING_MS ? limit_ms - PARKING_MS : limit_ms / 2;
	uv_timer_start(&serve->limit, on_limit, (uint64_t)limit_ms, 0);
}

static void on_signal(uv_signal_t *signal, int number)
{
	struct serve *serve = signal->data;

	(void)number;
	if (serve->state == SERVE_RUNNING)
		drain(serve);
	else
		stop(serve, serve->exit_code);
}

static void on_hang_up(uv_signal_t *signal, int number)
{
	struct serve *serve = signal->data;

	(void)number;
	bud_app_authority_reload(&serve->app);
	bud_app_trust_reload(&serve->app);
}

static void prepare_process(void)
{
	struct rlimit files;

	signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

static void init_loop(struct serve *serve)
{
	uv_loop_init(&serve->loop);
	uv_async_init(&serve->loop, &serve->app.wake, on_wake);
	serve->app.wake.data = serve;
	uv_timer_init(&serve->loop, &serve->limit);
	serve->limit.data = serve;
	uv_signal_init(&serve->loop, &serve->terminate);
	serve->terminate.data = serve;
	uv_signal_start(&serve->terminate, on_signal, SIGTERM);
	uv_signal_init(&serve->loop, &serve->interrupt);
	serve->interrupt.data = serve;
	uv_signal_start(&serve->interrupt, on_signal, SIGINT);
	uv_signal_init(&serve->loop, &serve->hang_up);
	serve->hang_up.data = serve;
	uv_signal_start(&serve->hang_up, on_hang_up, SIGHUP);
}

static void init_app(struct serve *serve)
{
	struct bud_app *app = &serve->app;
	const struct bud_config *config = &app->config;
	struct bud_endpoint_limits limits = {
		.window = BUD_ENDPOINT_WINDOW,
		.window_largest = BUD_ENDPOINT_WINDOW_MAX,
		.host = (unsigned)config->delivery.host_max,
		.suspects = BUD_SUSPECTS_MAX,
		.failures = (unsigned)config->delivery.breaker_failures,
		.open_ms = config->delivery.breaker_open_s * 1000,
		.open_ms_longest = config->delivery.breaker_open_s * 1000 * BREAKER_OPEN_LONGEST,
	};

	app->workers_n = bud_config_workers(config, uv_available_parallelism());
	atomic_store(&app->durability, "fsync");
	app->table = bud_table_create(app->workers_n);
	app->endpoints = bud_endpoints_create(&limits, &app->shard.key);
	app->keyring = bud_keyring_create();
	app->readiness.following = &app->following;
	app->redis_url = config->redis.url;
	bud_random_hex(app->run, 8);
	serve->is_embedded = bud_redis_url_is_embedded(&config->redis.url);
	app->metrics_n = BUD_APP_METRICS_WORKERS + app->workers_n;
	app->metrics = bud_alloc_zero(app->metrics_n * sizeof(*app->metrics));
	app->metrics_list = bud_alloc_zero(app->metrics_n * sizeof(*app->metrics_list));
	for (size_t i = 0; i < app->metrics_n; i++)
		app->metrics_list[i] = &app->metrics[i];
}

static void finish(struct serve *serve)
{
	struct bud_app *app = &serve->app;

	bud_store_finish(&serve->store);
	bud_endpoints_destroy(app->endpoints);
	bud_keyring_destroy(app->keyring);
	bud_app_trust_close(app);
	bud_app_authority_close(app);
	bud_table_destroy(app->table);
	bud_sealer_destroy(app->sealer);
	free(app->workers);
	free(app->metrics);
	free(app->metrics_list);
	bud_sockets_finish(&serve->sockets);
	if (!serve->is_embedded)
		bud_redis_home_close(&serve->home);
	uv_loop_close(&serve->loop);
}

static int take_keys(struct bud_app *app, struct bud_error *error)
{
	int r = bud_secrets_load(&app->config, &app->sealer, error);

	app->shard.sealer = app->sealer;
	app->shard.is_full = &app->is_full;
	if (r == 0 && !app->sealer)
		bud_log_warn("subscribers' secrets are not sealed in Redis: set secrets.key");
	return r;
}

/* What the configuration names. */
static int take_named(struct bud_app *app, struct bud_error *error)
{
	int r = take_keys(app, error);

	if (r == 0)
		r = bud_app_trust_open(app, error);
	return r < 0 ? r : bud_app_authority_make(app, error);
}

static int run(struct serve *serve)
{
	struct bud_error error = {0};
	int failure = BUD_CLI_EXIT_FAILED;
	int r;

	prepare_process();
	init_app(serve);
	init_loop(serve);
	r = bud_sockets_bind(&serve->sockets, &serve->app.config, serve->app.workers_n, &error);
	serve->app.own_ports[0] = (uint16_t)serve->sockets.public_port;
	serve->app.own_ports[1] = (uint16_t)serve->sockets.admin_port;
	if (r == 0) {
		r = take_named(&serve->app, &error);
		/* As check-config says it, and for who starts us: again is of no use. */
		failure = r < 0 ? BUD_CLI_EXIT_USAGE : failure;
	}
	if (r == 0)
		r = take_data(serve, &error);
	if (r == 0)
		r = bud_node_id_get(&serve->app.config, serve->app.node, &error);
	if (r < 0) {
		(void)fail("", &error);
		stop(serve, failure);
	} else {
		serve->app.control = bud_control_start(&serve->app, serve->sockets.admin_fd);
	}
	if (r == 0 && !serve->is_embedded)
		open_redis(serve);
	uv_run(&serve->loop, UV_RUN_DEFAULT);
	finish(serve);
	return serve->exit_code;
}

/* By which name we ask receivers. */
static void name_origin(struct bud_config *config)
{
	if (config->delivery.origin[0] == '\0' &&
		gethostname(config->delivery.origin, sizeof(config->delivery.origin) - 1) < 0)
		strcpy(config->delivery.origin, "localhost");
}

static const char about[] =
	"Takes events in, matches them against subscriptions and pushes signed webhooks.\n"
	"Prints one line when it is ready; ends on SIGTERM after what is in hand.\n"
	"Every setting: budstikke check-config --template\n";

int bud_serve(int argc, char **argv)
{
	bud_auto(words) struct bud_words sets = {0};
	struct bud_config_sources sources = {.environment = environ};
	const struct bud_option options[] = {
		{"--config", BUD_OPTION_TEXT, &sources.file, "FILE", "Read this file.", 0, 0},
		{"--set", BUD_OPTION_LIST, &sets, "KEY=VALUE",
			"Set one setting; wins over the file and the environment.", 0, 0},
	};
	const struct bud_arguments arguments = {"serve [--config FILE] [--set KEY=VALUE]...", about,
		options, sizeof(options) / sizeof(options[0]), NULL, NULL};
	bud_auto(free) struct serve *serve = bud_new(struct serve);
	struct bud_error error;
	int exit_code;

	if (!bud_arguments_take(&arguments, argc, argv, &exit_code))
		return exit_code;
	sources.sets = sets.list;
	sources.sets_n = sets.n;
	if (bud_config_load(&sources, &serve->app.config, &error) < 0) {
		fail("", &error);
		return BUD_CLI_EXIT_USAGE;
	}
	name_origin(&serve->app.config);
	bud_log_init(
		serve->app.config.log.level, serve->app.config.log.format == BUD_LOG_FORMAT_JSON);
	return run(serve);
}
