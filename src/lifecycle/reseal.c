/* The resealer. told of an old one -> waiting -> its turn, under the lock: got -> record written ->
 * status written -> behind the others, until the follower tells that it is not old any more. Both
 * are compare and swap, so that nothing is lost that was written meanwhile. */
#include "lifecycle/reseal.h"

#include <stdlib.h>
#include <uv.h>

#include "core/alloc.h"
#include "core/limits.h"
#include "core/list.h"
#include "core/log.h"
#include "core/map.h"
#include "core/metrics.h"
#include "store/lock.h"
#include "store/registry.h"
#include "store/status_change.h"
#include "store/store.h"
#include "subscription/sealing.h"
#include "subscription/subscription.h"

#define EACH_MS 100
#define LOCK    "reseal"

struct old {
	struct bud_list link; /* bud_resealer::waiting */
	char id[];
};

struct bud_resealer {
	struct bud_reseal_options options;
	uv_timer_t timer;
	struct bud_map all; /* old by id */
	struct bud_list waiting;
	bool is_busy;
	bool has_said;                        /* that there are some */
	char id[BUD_SUBSCRIPTION_ID_MAX + 1]; /* whose turn it is */
};

static void on_timer(uv_timer_t *timer);
static void on_locked(void *owner, int err, int64_t number);
static void on_value(void *owner, int err, const struct bud_registry_value *value);
static void on_record(void *owner, int err, const struct bud_put_result *result);
static void on_status(void *owner, int err, enum bud_status_outcome outcome,
	const struct bud_subscription *subscription);

struct bud_resealer *bud_resealer_open(const struct bud_reseal_options *options)
{
	struct bud_resealer *resealer = bud_new(struct bud_resealer);

	resealer->options = *options;
	if (resealer->options.each_ms == 0)
		resealer->options.each_ms = EACH_MS;
	bud_list_init(&resealer->waiting);
	uv_timer_init(options->loop, &resealer->timer);
	resealer->timer.data = resealer;
	uv_timer_start(&resealer->timer, on_timer, (uint64_t)resealer->options.each_ms,
		(uint64_t)resealer->options.each_ms);
	return resealer;
}

static void on_closed(uv_handle_t *handle)
{
	struct bud_resealer *resealer = handle->data;
	size_t position = 0;
	struct old *old;

	while ((old = bud_map_next(&resealer->all, &position)))
		free(old);
	bud_map_finish(&resealer->all);
	free(resealer);
}

void bud_resealer_close(struct bud_resealer *resealer)
{
	if (resealer)
		uv_close((uv_handle_t *)&resealer->timer, on_closed);
}

static void count(struct bud_resealer *resealer)
{
	bud_metrics_set(resealer->options.metrics, BUD_GAUGE_SEALED_OLD, (int64_t)resealer->all.n);
	if (resealer->all.n == 0 && resealer->has_said) {
		resealer->has_said = false;
		bud_log_info("all secrets of subscriptions are sealed with the newest key");
	}
}

static void add(struct bud_resealer *resealer, const char *id)
{
	size_t len = strlen(id);
	struct old *old = bud_alloc_zero(sizeof(*old) + len + 1);

	memcpy(old->id, id, len);
	bud_list_append(&resealer->waiting, &old->link);
	bud_map_put(&resealer->all, bud_span(old->id), old);
	count(resealer);
}

void bud_resealer_on_deleted(struct bud_resealer *resealer, const char *id)
{
	struct old *old = bud_map_remove(&resealer->all, bud_span(id));

	if (!old)
		return;
	bud_list_remove(&old->link);
	free(old);
	count(resealer);
}

void bud_resealer_on_changed(
	struct bud_resealer *resealer, const struct bud_subscription *subscription)
{
	if (!subscription->is_sealed_old && !bud_sealing_status_is_old(subscription))
		bud_resealer_on_deleted(resealer, subscription->id);
	else if (!bud_map_get(&resealer->all, bud_span(subscription->id)))
		add(resealer, subscription->id);
}

static void say(struct bud_resealer *resealer)
{
	if (!resealer->has_said)
		bud_log_info("secrets of subscriptions are sealed with an old key or with none: "
			     "they are sealed anew",
			"subscriptions", bud_log_number(resealer->all.n));
	resealer->has_said = true;
}

static void on_timer(uv_timer_t *timer)
{
	struct bud_resealer *resealer = timer->data;
	int64_t each_ms = resealer->options.each_ms;

	if (resealer->is_busy || resealer->all.n == 0 || !bud_store_is_up(resealer->options.store))
		return;
	say(resealer);
	resealer->is_busy = bud_lock_take(resealer->options.store, bud_span(LOCK),
				    each_ms - each_ms / 20, on_locked, resealer) == 0;
}

static void on_locked(void *owner, int err, int64_t number)
{
	struct bud_resealer *resealer = owner;
	struct old *old;

	resealer->is_busy = false;
	if (err < 0 || number == 0 || bud_list_is_empty(&resealer->waiting))
		return;
	old = bud_list_first(&resealer->waiting, struct old, link);
	bud_list_remove(&old->link);
	bud_list_append(&resealer->waiting, &old->link);
	memcpy(resealer->id, old->id, strlen(old->id) + 1);
	resealer->is_busy =
		bud_registry_get(resealer->options.store, resealer->id, on_value, resealer) == 0;
}

static bool renew(void *owner, const struct bud_subscription *subscription,
	struct bud_subscription_status *status)
{
	(void)owner;
	if (!bud_sealing_status_is_old(subscription))
		return false;
	bud_sealing_renew_status(subscription, status);
	return true;
}

static void write_status(struct bud_resealer *resealer)
{
	static const struct bud_status_wish wish = {
		.from = ~0u, .keeps_state = true, .is_silent = true, .edit = renew};

	resealer->is_busy = bud_status_change(resealer->options.store, resealer->id, &wish,
				    on_status, resealer) == 0;
}

static void on_value(void *owner, int err, const struct bud_registry_value *value)
{
	struct bud_resealer *resealer = owner;
	struct bud_store *store = resealer->options.store;
	struct bud_subscription_defaults defaults = {.sealer = bud_store_sealer(store)};
	bud_auto(subscription) struct bud_subscription *subscription = NULL;
	bud_auto(buffer) struct bud_buffer record = {0};
	struct bud_error error;

	resealer->is_busy = false;
	if (err < 0 || !value || value->record.len == 0 ||
		bud_subscription_load(value->record, &defaults, &subscription, &error) < 0)
		return;
	if (!subscription->is_sealed_old) {
		write_status(resealer);
		return;
	}
	bud_subscription_write_record(subscription, &record);
	resealer->is_busy = bud_registry_seal(store, resealer->id,
				    (struct bud_span[]){value->record, bud_buffer_as_span(&record)},
				    on_record, resealer) == 0;
}

static void on_record(void *owner, int err, const struct bud_put_result *result)
{
	struct bud_resealer *resealer = owner;

	resealer->is_busy = false;
	if (err == 0 && result->outcome == BUD_PUT_OK)
		write_status(resealer);
}

static void on_status(void *owner, int err, enum bud_status_outcome outcome,
	const struct bud_subscription *subscription)
{
	struct bud_resealer *resealer = owner;

	(void)err;
	(void)outcome;
	(void)subscription;
	resealer->is_busy = false;
}
