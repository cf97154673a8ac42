/* waiting -> (resolving ->) connecting -> checking -> up; every failure leads back to waiting, with
 * a back-off that grows from 50 ms to 5 s. Closing is possible from every state.
 *
 * hiredis keeps the callbacks, we keep who waits (`pending`, in the same order): so the deadline
 * can watch the oldest, and at a loss everybody is told by us, after hiredis has let go of
 * everything. One timer serves all states: back-off, connecting, or the deadline of the oldest
 * command. At most BUD_REDIS_PENDING_MAX commands are pending. */
#include "redis/client.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <hiredis/hiredis.h>
#include <hiredis/async.h>
#include "config/redis_url.h"
#include "core/error.h"
#include "core/random.h"
#include "core/text.h"
#include "redis/adapter.h"
#include "redis/check.h"
#include "redis/error.h"
#include "redis/pending.h"
#include "redis/resolve.h"

#define BACKOFF_MIN_MS 50
#define BACKOFF_MAX_MS 5000
#define STEADY_MS      1000 /* up for so long: the next back-off starts from the beginning */

enum state {
	REDIS_WAITING,
	REDIS_RESOLVING,
	REDIS_CONNECTING,
	REDIS_CHECKING,
	REDIS_UP,
	REDIS_CLOSING,
};

struct bud_redis {
	uv_loop_t *loop;
	struct bud_redis_options options; /* .url is &url */
	struct bud_redis_url url;
	enum state state;
	uv_timer_t timer;
	struct bud_redis_resolve resolve;
	bool is_timer_closed;
	bool is_last_chance; /* the deadline passed; one more turn of the loop to read */
	struct bud_redis_adapter *adapter; /* connecting, checking and up */
	redisAsyncContext *context;        /* lives as long as the adapter */
	struct bud_redis_pending pending;  /* empty but in checking and up */
	struct bud_redis_check check;
	unsigned backoff_ms;
	uint64_t up_since_ms;
	struct bud_error reason; /* reported last */
	const char **argv;       /* scratch for bud_redis_script() */
	size_t *lens;
	int argv_room;
};

static void attempt(struct bud_redis *redis);
static void on_resolved(void *owner, int error, const char *ip);
static void connect_to(struct bud_redis *redis, redisAsyncContext *context);
static void on_connected(void *owner);
static void next_check(struct bud_redis *redis);
static void on_check(void *owner, const redisReply *reply);
static void on_reply(redisAsyncContext *context, void *reply, void *unused);
static void on_timer(uv_timer_t *timer);
static void on_gone(void *owner, const char *reason);

static void set_state(struct bud_redis *redis, enum state state)
{
	static const unsigned from[] = {
		[REDIS_WAITING] = 1 << REDIS_WAITING | 1 << REDIS_RESOLVING |
				  1 << REDIS_CONNECTING | 1 << REDIS_CHECKING | 1 << REDIS_UP,
		[REDIS_RESOLVING] = 1 << REDIS_WAITING,
		[REDIS_CONNECTING] = 1 << REDIS_WAITING | 1 << REDIS_RESOLVING,
		[REDIS_CHECKING] = 1 << REDIS_CONNECTING,
		[REDIS_UP] = 1 << REDIS_CHECKING,
		[REDIS_CLOSING] = (1 << REDIS_CLOSING) - 1,
	};
	assert(from[state] & 1u << redis->state);
	redis->state = state;
}

struct bud_redis *bud_redis_open(uv_loop_t *loop, const struct bud_redis_options *options)
{
	struct bud_redis *redis = bud_new(struct bud_redis);
	redis->loop = loop;
	redis->options = *options;
	redis->url = *options->url;
	redis->options.url = &redis->url;
	if (redis->options.command_timeout_ms <= 0)
		redis->options.command_timeout_ms = BUD_REDIS_COMMAND_TIMEOUT_MS;
	bud_redis_check_init(&redis->check, &redis->options);
	redis->backoff_ms = BACKOFF_MIN_MS;
	(void)uv_timer_init(loop, &redis->timer);
	redis->timer.data = redis;
	(void)uv_timer_start(&redis->timer, on_timer, 0, 0);
	return redis;
}

/* ---- the way down ---- */

static void tell(const struct bud_redis_entry *entry, const redisReply *reply)
{
	if (entry->fn)
		entry->fn(entry->owner, reply);
	if (entry->command)
		redisFreeCommand(entry->command);
}

/* Callbacks may close the client, never add to `pending`: it is not up. */
static void fail_pending(struct bud_redis *redis)
{
	while (redis->pending.n > 0) {
		struct bud_redis_entry entry = bud_redis_pending_take(&redis->pending);
		tell(&entry, NULL);
	}
}

static void report(struct bud_redis *redis, bool was_up, const char *reason)
{
	struct bud_error text;
	(void)bud_error_set(&text, NULL, "%s", reason);
	if (!was_up && strcmp(text.text, redis->reason.text) == 0)
		return;
	redis->reason = text;
	if (redis->options.on_down)
		redis->options.on_down(redis->options.owner, text.text);
}

/* Adapter and context are gone, or going without telling us. */
static void lose(struct bud_redis *redis, const char *reason)
{
	bool was_up = redis->state == REDIS_UP;
	redis->adapter = NULL;
	redis->context = NULL;
	if (was_up && uv_now(redis->loop) - redis->up_since_ms >= STEADY_MS)
		redis->backoff_ms = BACKOFF_MIN_MS;
	uint64_t half_ms = redis->backoff_ms / 2;
	set_state(redis, REDIS_WAITING);
	(void)uv_timer_start(&redis->timer, on_timer, half_ms + bud_random_below(half_ms + 1), 0);
	redis->backoff_ms *= 2;
	if (redis->backoff_ms > BACKOFF_MAX_MS)
		redis->backoff_ms = BACKOFF_MAX_MS;
	fail_pending(redis);
	if (redis->state == REDIS_WAITING)
		report(redis, was_up, reason);
}

static void lose_because(struct bud_redis *redis, const char *what, const char *why)
{
	struct bud_error text;
	(void)bud_error_set(&text, NULL, "%s: %s", what, why);
	lose(redis, text.text);
}

/* Our own decision. `reason` may lie in a reply: hiredis frees that after us. */
static void drop(struct bud_redis *redis, const char *reason)
{
	bud_redis_adapter_close(bud_move(redis->adapter));
	lose(redis, reason);
}

static void on_gone(void *owner, const char *reason)
{
	struct bud_redis *redis = owner;
	bool was_up = redis->state == REDIS_UP;
	lose_because(redis, was_up ? "connection lost" : "cannot connect", reason);
}

static void finish(struct bud_redis *redis)
{
	fail_pending(redis);
	bud_redis_pending_finish(&redis->pending);
	explicit_bzero(&redis->url, sizeof(redis->url)); /* the password */
	bud_redis_check_finish(&redis->check);
	free(redis->argv);
	free(redis->lens);
	free(redis);
}

static void on_timer_closed(uv_handle_t *timer)
{
	struct bud_redis *redis = timer->data;
	redis->is_timer_closed = true;
	if (!redis->resolve.is_running)
		finish(redis); /* else on_resolved() does */
}

void bud_redis_close(struct bud_redis *redis)
{
	if (!redis)
		return;
	set_state(redis, REDIS_CLOSING);
	bud_redis_adapter_close(bud_move(redis->adapter));
	redis->context = NULL;
	bud_redis_resolve_stop(&redis->resolve);
	uv_close((uv_handle_t *)&redis->timer, on_timer_closed);
}

/* ---- the way up ---- */

static void attempt(struct bud_redis *redis)
{
	if (redis->url.path[0]) {
		connect_to(redis, redisAsyncConnectUnix(redis->url.path));
		return;
	}
	/* Given a name, hiredis would block the loop on it. */
	int r = bud_redis_resolve_start(
		&redis->resolve, redis->loop, redis->url.host, on_resolved, redis);
	if (r < 0)
		lose(redis, uv_strerror(r));
	else
		set_state(redis, REDIS_RESOLVING);
}

static void on_resolved(void *owner, int error, const char *ip)
{
	struct bud_redis *redis = owner;
	if (redis->state == REDIS_CLOSING) {
		if (redis->is_timer_closed)
			finish(redis);
	} else if (error < 0) {
		lose_because(redis, "cannot resolve the host", uv_strerror(error));
	} else {
		connect_to(redis, redisAsyncConnect(ip, redis->url.port));
	}
}

/* Takes `context`. */
static void connect_to(struct bud_redis *redis, redisAsyncContext *context)
{
	if (!context || context->err) {
		lose_because(redis, "cannot connect", context ? context->errstr : "no memory");
		if (context)
			redisAsyncFree(context);
		return;
	}
	struct bud_redis_adapter_options options = {
		.on_connected = on_connected,
		.on_gone = on_gone,
		.owner = redis,
	};
	redis->adapter = bud_redis_adapter_open(redis->loop, context, &options);
	if (!redis->adapter) {
		lose(redis, "cannot connect: the loop refused the socket");
		return;
	}
	redis->context = context;
	set_state(redis, REDIS_CONNECTING);
	(void)uv_timer_start(&redis->timer, on_timer, BUD_REDIS_CONNECT_TIMEOUT_MS, 0);
}

static void on_connected(void *owner)
{
	struct bud_redis *redis = owner;
	set_state(redis, REDIS_CHECKING);
	(void)uv_timer_start(&redis->timer, on_timer, redis->options.command_timeout_ms, 0);
	bud_redis_check_restart(&redis->check);
	next_check(redis);
}

/* ---- sending and being answered ---- */

static void add_pending(struct bud_redis *redis, struct bud_redis_entry entry)
{
	entry.sent_ms = uv_now(redis->loop);
	bud_redis_pending_add(&redis->pending, &entry);
	if (!uv_is_active((uv_handle_t *)&redis->timer))
		(void)uv_timer_start(&redis->timer, on_timer, redis->options.command_timeout_ms, 0);
}

/* In checking and up. REDIS_ERR: hiredis is about to end the connection. */
static int send_command(struct bud_redis *redis, bud_redis_fn fn, void *owner, int argc,
	const char *const *argv, const size_t *lens)
{
	if (redisAsyncCommandArgv(
		    redis->context, on_reply, NULL, argc, (const char **)argv, lens) != REDIS_OK)
		return -ENOTCONN;
	add_pending(redis, (struct bud_redis_entry){.fn = fn, .owner = owner});
	return 0;
}

/* Takes entry.command. */
static int send_again(struct bud_redis *redis, struct bud_redis_entry entry)
{
	if (redisAsyncFormattedCommand(redis->context, on_reply, NULL, entry.command,
		    entry.command_bytes) != REDIS_OK) {
		redisFreeCommand(entry.command);
		return -ENOTCONN;
	}
	add_pending(redis, entry);
	return 0;
}

static int may_send(const struct bud_redis *redis)
{
	if (redis->state != REDIS_UP)
		return -ENOTCONN;
	return redis->pending.n < BUD_REDIS_PENDING_MAX ? 0 : -ENOBUFS;
}

int bud_redis_command(struct bud_redis *redis, bud_redis_fn fn, void *owner, int argc,
	const char *const *argv, const size_t *lens)
{
	int r = may_send(redis);
	return r < 0 ? r : send_command(redis, fn, owner, argc, argv, lens);
}

static int send_load(
	struct bud_redis *redis, const struct bud_redis_script *script, bud_redis_fn fn)
{
	const char *argv[] = {"SCRIPT", "LOAD", script->source};
	return send_command(redis, fn, redis, 3, argv, NULL);
}

/* EVALSHA sha keys_n ...: in the scratch of `redis`. */
static int write_script(struct bud_redis *redis, const char *sha, const struct bud_redis_args *args,
	struct bud_redis_entry *entry)
{
	int argc = 3 + args->argc;
	if (argc > redis->argv_room) {
		redis->argv_room = 2 * argc;
		redis->argv = bud_realloc(redis->argv, 2 * (size_t)argc * sizeof(*redis->argv));
		redis->lens = bud_realloc(redis->lens, 2 * (size_t)argc * sizeof(*redis->lens));
	}
	char keys_n[16];
	redis->argv[0] = "EVALSHA";
	redis->lens[0] = strlen("EVALSHA");
	redis->argv[1] = sha;
	redis->lens[1] = BUD_REDIS_SHA_LEN;
	redis->argv[2] = keys_n;
	redis->lens[2] = (size_t)snprintf(keys_n, sizeof(keys_n), "%d", args->keys_n);
	for (int i = 0; i < args->argc; i++) {
		redis->argv[3 + i] = args->argv[i];
		redis->lens[3 + i] = args->lens ? args->lens[i] : strlen(args->argv[i]);
	}
	long long bytes = redisFormatCommandArgv(&entry->command, argc, redis->argv, redis->lens);
	if (bytes < 0)
		return -ENOMEM;
	entry->command_bytes = (size_t)bytes;
	return 0;
}

int bud_redis_script(struct bud_redis *redis, const struct bud_redis_script *script,
	bud_redis_fn fn, void *owner, const struct bud_redis_args *args)
{
	size_t index = (size_t)(script - redis->options.scripts);
	assert(index < redis->options.scripts_n);
	int r = may_send(redis);
	if (r < 0)
		return r;
	struct bud_redis_entry entry = {.fn = fn, .owner = owner, .script = script};
	r = write_script(redis, redis->check.shas[index], args, &entry);
	return r < 0 ? r : send_again(redis, entry);
}

static bool is_forgotten_script(const struct bud_redis_entry *entry, const redisReply *reply)
{
	return entry->script && !entry->is_repeat && reply->type == REDIS_REPLY_ERROR &&
	       strncmp(reply->str, "NOSCRIPT", strlen("NOSCRIPT")) == 0;
}

/* The oldest command was refused. What is behind it was, or will be, carried out before it could be
 * sent again: then only a new connection keeps the order. */
static void load_again(struct bud_redis *redis)
{
	if (redis->pending.n > 1) {
		drop(redis, "Redis has forgotten our scripts");
		return;
	}
	struct bud_redis_entry entry = bud_redis_pending_take(&redis->pending);
	entry.is_repeat = true;
	if (send_load(redis, entry.script, NULL) < 0 || send_again(redis, entry) < 0)
		abort(); /* in a reply callback of a sound connection hiredis takes commands */
}

static void on_reply(redisAsyncContext *context, void *reply, void *unused)
{
	(void)unused;
	if (!reply)
		return; /* on_gone(), drop() and close tell all who wait */
	struct bud_redis *redis = context->data;
	redis->is_last_chance = false;
	if (is_forgotten_script(bud_redis_pending_first(&redis->pending), reply)) {
		load_again(redis);
		return;
	}
	bool is_role_lost = bud_redis_classify(reply) == BUD_REDIS_ERROR_ROLE;
	struct bud_redis_entry entry = bud_redis_pending_take(&redis->pending);
	tell(&entry, reply);
	if (is_role_lost && redis->state == REDIS_UP)
		drop(redis, "Redis is no longer the master");
}

/* The oldest command has waited too long. If it was us who slept, the reply is there to be read:
 * so the loop gets one more turn before the connection is given up. */
static void check_deadline(struct bud_redis *redis)
{
	struct bud_redis_entry *oldest = bud_redis_pending_first(&redis->pending);
	if (!oldest && redis->state == REDIS_UP)
		return;
	uint64_t limit_ms = (uint64_t)redis->options.command_timeout_ms;
	uint64_t age_ms = oldest ? uv_now(redis->loop) - oldest->sent_ms : limit_ms;
	if (age_ms < limit_ms) {
		(void)uv_timer_start(&redis->timer, on_timer, limit_ms - age_ms, 0);
	} else if (!redis->is_last_chance) {
		redis->is_last_chance = true;
		(void)uv_timer_start(&redis->timer, on_timer, 1, 0);
	} else {
		drop(redis, "Redis does not answer");
	}
}

static void on_timer(uv_timer_t *timer)
{
	struct bud_redis *redis = timer->data;
	switch (redis->state) {
	case REDIS_WAITING:
		attempt(redis);
		break;
	case REDIS_CONNECTING:
		drop(redis, "cannot connect: Redis does not answer");
		break;
	case REDIS_CHECKING:
	case REDIS_UP:
		check_deadline(redis);
		break;
	case REDIS_RESOLVING:
	case REDIS_CLOSING:
		break;
	}
}

/* ---- the checks ---- */

static void next_check(struct bud_redis *redis)
{
	const char *argv[BUD_REDIS_CHECK_ARGC_MAX];
	int argc = bud_redis_check_write(&redis->check, argv);
	if (argc > 0) {
		/* One that is not sent meets the deadline. */
		(void)send_command(redis, on_check, redis, argc, argv, NULL);
		return;
	}
	set_state(redis, REDIS_UP);
	redis->up_since_ms = uv_now(redis->loop);
	redis->reason.text[0] = '\0';
	if (redis->options.on_up)
		redis->options.on_up(redis->options.owner);
}

static void on_check(void *owner, const redisReply *reply)
{
	struct bud_redis *redis = owner;
	if (!reply)
		return; /* whoever dropped the connection has given the reason */
	struct bud_error error;
	if (bud_redis_check_judge(&redis->check, reply, &error) < 0)
		drop(redis, error.text);
	else
		next_check(redis);
}

bool bud_redis_is_up(const struct bud_redis *redis)
{
	return redis->state == REDIS_UP;
}

size_t bud_redis_pending(const struct bud_redis *redis)
{
	return redis->pending.n;
}
