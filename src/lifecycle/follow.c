/* The follower. load: version, size -> load.c -> swap the table in -> follow: changes and version,
 * again and again; records of changes are fetched and applied. A new connection follows on from
 * where the last one was.
 *
 * The version is read before the scan and changes are followed from there, so nothing is missed;
 * some are applied twice, which is harmless. A change that does not name our version as the one
 * before it, or is not there at all, is a gap, a version lower than ours a rewind, none a lost
 * registry: nothing is matched until a load has succeeded.
 *
 * The table is fresh as of the moment before which everything written is in it. Where changes never
 * pause, Redis is always ahead by some: so the goal is what it had at one moment, and stays that
 * until it is reached. */
#include "lifecycle/follow.h"

#include <errno.h>
#include <stdlib.h>
#include <uv.h>

#include "auth/authorize.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/limits.h"
#include "core/log.h"
#include "core/metrics.h"
#include "lifecycle/load.h"
#include "store/following.h"
#include "store/grants.h"
#include "store/registry_follow.h"
#include "store/store.h"
#include "subscription/pool.h"
#include "subscription/subscription.h"
#include "subscription/table.h"

#define BLOCK_MS 200
#define RETRY_MS 500

struct bud_follower {
	struct bud_follow_options options;
	uv_timer_t retry;
	bool is_busy;    /* a load or a round of following is under way */
	bool is_loaded;  /* `version` is what the table has */
	bool is_alarmed; /* broken, and said so */
	bool is_locked;  /* a record is sealed with a key that we lack */
	struct bud_member version;
	struct bud_member loading; /* the version that a load began with */
	struct bud_load *load;     /* under way, or NULL */
	size_t n_records;          /* of it */
	struct bud_table *next;    /* what it fills */
	struct bud_pool *pool;     /* of all subscriptions in the table */
	int64_t sent_mono_ms;      /* of the round under way */
	struct bud_member changed; /* the last change of the round under way */
	struct bud_member goal;    /* the version of Redis at goal_mono_ms, not reached yet */
	int64_t goal_mono_ms;      /* 0: there is no goal */
};

static void load(struct bud_follower *follower);
static void follow(struct bud_follower *follower);

static void resume(struct bud_follower *follower)
{
	uv_timer_stop(&follower->retry);
	if (follower->is_loaded && !atomic_load(&follower->options.following->is_broken))
		follow(follower);
	else
		load(follower);
}

static void on_retry(uv_timer_t *timer)
{
	resume(timer->data);
}

struct bud_follower *bud_follower_open(const struct bud_follow_options *options)
{
	struct bud_follower *follower = bud_new(struct bud_follower);

	follower->options = *options;
	if (follower->options.block_ms == 0)
		follower->options.block_ms = BLOCK_MS;
	if (follower->options.retry_ms == 0)
		follower->options.retry_ms = RETRY_MS;
	follower->pool = bud_pool_create();
	uv_timer_init(options->loop, &follower->retry);
	follower->retry.data = follower;
	return follower;
}

static void on_closed(uv_handle_t *handle)
{
	struct bud_follower *follower = handle->data;

	bud_table_destroy(follower->next);
	bud_pool_unref(follower->pool);
	free(follower);
}

void bud_follower_close(struct bud_follower *follower)
{
	if (!follower)
		return;
	bud_load_cancel(bud_move(follower->load));
	uv_close((uv_handle_t *)&follower->retry, on_closed);
}

void bud_follower_on_up(struct bud_follower *follower)
{
	if (!follower->is_busy)
		resume(follower);
}

/* The connection is gone (on_up comes again) or something is wrong: try again in a while. */
static void try_later(struct bud_follower *follower)
{
	follower->is_busy = false;
	if (!uv_is_closing((uv_handle_t *)&follower->retry))
		uv_timer_start(&follower->retry, on_retry, follower->options.retry_ms, 0);
}

static void set_broken(struct bud_follower *follower, const char *why)
{
	atomic_store(&follower->options.following->is_broken, why != NULL);
	bud_metrics_set(follower->options.metrics, BUD_GAUGE_REGISTRY_MISSING, why != NULL);
	if (why && !follower->is_alarmed)
		bud_log_error("the registry of subscriptions cannot be trusted: nothing is matched "
			      "until it can",
			"reason", why);
	if (!why && follower->is_alarmed)
		bud_log_info("the registry of subscriptions is loaded again");
	follower->is_alarmed = why != NULL;
}

static void fail(struct bud_follower *follower, int err, const char *why)
{
	if (err != -ENOTCONN && err != -EAGAIN)
		set_broken(follower, why);
	try_later(follower);
}

/* One that has another's key would see all its events acked here as if nobody wanted them. */
static void fail_locked(struct bud_follower *follower)
{
	fail(follower, -ENOKEY, "secrets are sealed with a key that this node lacks: secrets.key");
}

static void put_grant(struct bud_follower *follower, const struct bud_registry_record *record)
{
	if (follower->options.authority && bud_grant_apply(follower->options.authority, record) < 0)
		bud_log_error("a grant's record cannot be read: it permits nothing", "serial",
			bud_log_number((long long)record->value.serial));
}

static struct bud_subscription_defaults defaults_of(const struct bud_follower *follower)
{
	return (struct bud_subscription_defaults){.timeout_ms = follower->options.timeout_ms,
		.sealer = bud_store_sealer(follower->options.store)};
}

static void bury(
	struct bud_follower *follower, struct bud_table *table, const char *id, uint64_t serial)
{
	bud_table_remove(table, id, serial);
	follower->options.on_deleted(follower->options.owner, id);
}

static void put(
	struct bud_follower *follower, struct bud_table *table, struct bud_subscription *taken)
{
	struct bud_follow_options *options = &follower->options;
	const struct bud_subscription *before = NULL;

	(void)bud_table_find(options->table, taken->id, &before);
	if (options->on_changed)
		options->on_changed(options->owner, before, taken);
	bud_table_put(table, taken);
}

/* Into `table`: a subscription or a tombstone. Unreadable ones are left out, and said. */
static void put_record(
	struct bud_follower *follower, struct bud_table *table, struct bud_loaded *loaded)
{
	const struct bud_registry_record *record = &loaded->record;
	char id[BUD_SUBSCRIPTION_ID_MAX + 1];

	if (bud_grant_key_is(record->id)) {
		put_grant(follower, record);
		return;
	}
	if (loaded->made) {
		put(follower, table, bud_move(loaded->made));
		return;
	}
	if (record->id.len >= sizeof(id))
		return;
	memcpy(id, record->id.at, record->id.len);
	id[record->id.len] = '\0';
	if (loaded->err == 0)
		bury(follower, table, id, record->value.serial);
	else if (loaded->err == -ENOKEY)
		follower->is_locked = true;
	else
		bud_log_error("a subscription's record cannot be read: it gets no events",
			"subscription", id, "reason", loaded->why);
}

static void finish_load(struct bud_follower *follower)
{
	struct bud_follow_options *options = &follower->options;
	bool is_empty = follower->loading.ms == 0 && follower->loading.seq == 0;

	if (follower->n_records == 0 && !is_empty) {
		fail(follower, -ENOENT, "there were subscriptions, and now there is no record");
		return;
	}
	if (follower->is_locked) {
		fail_locked(follower);
		return;
	}
	follower->version = follower->loading;
	follower->is_loaded = true;
	follower->goal_mono_ms = 0;
	bud_table_set_version(follower->next,
		(struct bud_table_version){follower->version.ms, follower->version.seq});
	if (options->authority)
		bud_authority_end_load(options->authority);
	bud_table_replace(options->table, follower->next);
	follower->next = NULL;
	bud_metrics_add(options->metrics, BUD_COUNTER_REGISTRY_RELOADS, 1);
	set_broken(follower, NULL);
	/* The table is as new as the version was then; the first round would say so later. */
	atomic_store(&options->following->confirmed_mono_ms, follower->sent_mono_ms);
	follow(follower);
}

static void on_record(void *owner, struct bud_loaded *loaded)
{
	struct bud_follower *follower = owner;

	put_record(follower, follower->next, loaded);
	follower->n_records++;
}

static void on_loaded(void *owner, int err)
{
	struct bud_follower *follower = owner;

	follower->load = NULL;
	if (err < 0)
		fail(follower, err, "its records cannot be read");
	else
		finish_load(follower);
}

static void on_load_size(void *owner, int err, int64_t size)
{
	struct bud_follower *follower = owner;
	struct bud_load_options options = {
		.loop = follower->options.loop,
		.store = follower->options.store,
		.defaults = defaults_of(follower),
		.pool = follower->pool,
		.following = follower->options.following,
		.total = (uint64_t)size,
		.on_record = on_record,
		.on_end = on_loaded,
		.owner = follower,
	};

	if (err < 0) {
		fail(follower, err, "its size is not known");
		return;
	}
	follower->n_records = 0;
	follower->is_locked = false;
	bud_table_destroy(follower->next);
	follower->next = bud_table_create_next(follower->options.table);
	if (follower->options.authority)
		bud_authority_begin_load(follower->options.authority);
	follower->load = bud_load_start(&options);
	if (!follower->load)
		try_later(follower);
}

static void on_load_version(void *owner, int err, struct bud_member version)
{
	struct bud_follower *follower = owner;

	if (err < 0) {
		fail(follower, err, "its version is gone");
		return;
	}
	follower->loading = version;
	if (bud_registry_size(follower->options.store, on_load_size, follower) < 0)
		try_later(follower);
}

static void load(struct bud_follower *follower)
{
	follower->is_loaded = false;
	follower->is_busy = true;
	follower->sent_mono_ms = bud_clock_mono_ms();
	if (bud_registry_version(follower->options.store, on_load_version, follower) < 0)
		follower->is_busy = false; /* on_up comes again */
}

static void confirm_if_reached(struct bud_follower *follower)
{
	if (follower->goal_mono_ms == 0 ||
		bud_stream_id_compare(&follower->version, &follower->goal) < 0)
		return;
	atomic_store(&follower->options.following->confirmed_mono_ms, follower->goal_mono_ms);
	follower->goal_mono_ms = 0;
}

static void on_changed_records(
	void *owner, int err, uint64_t cursor, const struct bud_registry_record *records, size_t n)
{
	struct bud_follower *follower = owner;
	struct bud_table *table = follower->options.table;
	struct bud_subscription_defaults defaults = defaults_of(follower);

	(void)cursor;
	if (err < 0) {
		fail(follower, err, "a changed record cannot be read");
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct bud_loaded loaded = {.record = records[i]};
		bud_loaded_parse(&loaded, &defaults, follower->pool);
		put_record(follower, table, &loaded);
		bud_loaded_finish(&loaded);
	}
	if (follower->is_locked) {
		fail_locked(follower);
		return;
	}
	follower->version = follower->changed;
	bud_table_set_version(
		table, (struct bud_table_version){follower->version.ms, follower->version.seq});
	confirm_if_reached(follower);
	follow(follower);
}

/* What is wrong is seen by on_version() behind it, which then loads. */
static void on_changes(void *owner, int err, const struct bud_registry_change *changes, size_t n)
{
	struct bud_follower *follower = owner;
	struct bud_span ids[BUD_CHANGES_MAX];
	struct bud_member version = follower->version;

	follower->changed = version;
	if (err == -ENOTCONN || err == -EAGAIN)
		return;
	if (err < 0) {
		set_broken(follower, "its changes cannot be read");
		return;
	}
	if (n == 0 && follower->goal_mono_ms != 0) {
		set_broken(follower, "the stream of changes ends before its version");
		return;
	}
	for (size_t i = 0; i < n; i++) {
		if (bud_stream_id_compare(&changes[i].before, &version) != 0) {
			set_broken(follower, "the stream of changes has a gap");
			return;
		}
		version = changes[i].version;
		ids[i] = changes[i].id;
	}
	if (n > 0 && bud_registry_get_many(
			     follower->options.store, ids, n, on_changed_records, follower) == 0)
		follower->changed = version;
}

/* Behind the changes of the same round. The goal is as of when the round was sent: a process that
 * was stopped meanwhile must not take an old answer for a new one. */
static void on_version(void *owner, int err, struct bud_member version)
{
	struct bud_follower *follower = owner;

	if (err < 0) {
		fail(follower, err, "its version is gone");
		return;
	}
	if (bud_stream_id_compare(&version, &follower->version) < 0)
		set_broken(follower, "it went back to an earlier version");
	if (atomic_load(&follower->options.following->is_broken)) {
		/* By us, or by a worker that found no version. */
		set_broken(follower, "it was gone for a moment");
		try_later(follower);
		return;
	}
	if (follower->goal_mono_ms == 0) {
		follower->goal = version;
		follower->goal_mono_ms = follower->sent_mono_ms;
	}
	if (bud_stream_id_compare(&follower->changed, &follower->version) != 0)
		return; /* the records are on their way */
	confirm_if_reached(follower);
	follow(follower);
}

static void follow(struct bud_follower *follower)
{
	struct bud_store *store = follower->options.store;

	follower->is_busy = true;
	follower->sent_mono_ms = bud_clock_mono_ms();
	bud_metrics_set(follower->options.metrics, BUD_GAUGE_SUBSCRIPTIONS,
		(int64_t)bud_table_count(follower->options.table));
	bud_metrics_set(follower->options.metrics, BUD_GAUGE_SUBSCRIPTIONS_UNCOVERED,
		(int64_t)bud_table_uncovered(follower->options.table));
	if (bud_registry_follow(store, &follower->version, follower->options.block_ms, on_changes,
		    follower) < 0 ||
		bud_registry_version(store, on_version, follower) < 0)
		follower->is_busy = false; /* on_up comes again */
}
