/* The disabler. each minute: lock -> a page of who is failing -> for each that began long ago: when
 * did it fail last? -> disable -> … the next page, until the cursor is 0. One at a time. */
#include "lifecycle/disable.h"

#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/limits.h"
#include "core/list.h"
#include "core/log.h"
#include "store/failing.h"
#include "store/lock.h"
#include "store/status_change.h"
#include "subscription/subscription.h"
#include "subscription/table.h"

#define EACH_MS     60000
#define EACH_MS_MIN 1000
#define LOCK        "disable"
#define DETAIL_MAX  128

/* Of the page at hand: one that began to fail long ago. */
struct suspect {
	struct bud_list link;
	int64_t since_ms;
	char id[];
};

struct bud_disabler {
	struct bud_disable_options options;
	uv_timer_t timer;
	bool is_busy;
	uint64_t cursor;
	struct bud_list suspects;
};

static void on_timer(uv_timer_t *timer);
static void on_locked(void *owner, int err, int64_t number);
static void on_page(
	void *owner, int err, uint64_t cursor, const struct bud_failing *failing, size_t n);
static void take_next(struct bud_disabler *disabler);
static void on_last(void *owner, int err, int64_t last_ms);
static void on_disabled(void *owner, int err, enum bud_status_outcome outcome,
	const struct bud_subscription *subscription);

/* A hundredth of the time given is soon enough. */
static uint64_t each_of(const struct bud_disable_options *options)
{
	int64_t each_ms = options->each_ms ? options->each_ms : options->after_ms / 100;

	if (options->each_ms == 0 && each_ms < EACH_MS_MIN)
		return EACH_MS_MIN;
	return (uint64_t)(options->each_ms == 0 && each_ms > EACH_MS ? EACH_MS : each_ms);
}

struct bud_disabler *bud_disabler_open(const struct bud_disable_options *options)
{
	struct bud_disabler *disabler = bud_new(struct bud_disabler);
	uint64_t each_ms = each_of(options);

	disabler->options = *options;
	bud_list_init(&disabler->suspects);
	uv_timer_init(options->loop, &disabler->timer);
	disabler->timer.data = disabler;
	if (options->after_ms > 0)
		uv_timer_start(&disabler->timer, on_timer, each_ms, each_ms);
	return disabler;
}

static struct suspect *first(struct bud_disabler *disabler)
{
	return bud_list_first(&disabler->suspects, struct suspect, link);
}

static void drop_first(struct bud_disabler *disabler)
{
	struct suspect *suspect = first(disabler);

	bud_list_remove(&suspect->link);
	free(suspect);
}

static void end_round(struct bud_disabler *disabler)
{
	while (!bud_list_is_empty(&disabler->suspects))
		drop_first(disabler);
	disabler->is_busy = false;
}

static void on_closed(uv_handle_t *handle)
{
	struct bud_disabler *disabler = handle->data;

	end_round(disabler);
	free(disabler);
}

void bud_disabler_close(struct bud_disabler *disabler)
{
	if (disabler)
		uv_close((uv_handle_t *)&disabler->timer, on_closed);
}

static void on_timer(uv_timer_t *timer)
{
	struct bud_disabler *disabler = timer->data;
	int64_t each_ms = (int64_t)uv_timer_get_repeat(timer);

	if (disabler->is_busy)
		return;
	disabler->is_busy = true;
	if (bud_lock_take(disabler->options.store, bud_span(LOCK), each_ms - each_ms / 20,
		    on_locked, disabler) < 0)
		end_round(disabler);
}

static void scan(struct bud_disabler *disabler, uint64_t cursor)
{
	if (bud_failing_scan(disabler->options.store, cursor, on_page, disabler) < 0)
		end_round(disabler);
}

static void on_locked(void *owner, int err, int64_t number)
{
	if (err < 0 || number == 0)
		end_round(owner);
	else
		scan(owner, 0);
}

static void add_suspect(struct bud_disabler *disabler, const struct bud_failing *failing)
{
	struct suspect *suspect = bud_alloc(sizeof(*suspect) + failing->subscription.len + 1);

	suspect->since_ms = failing->since_ms;
	memcpy(suspect->id, failing->subscription.at, failing->subscription.len);
	suspect->id[failing->subscription.len] = '\0';
	bud_list_append(&disabler->suspects, &suspect->link);
}

static void on_page(
	void *owner, int err, uint64_t cursor, const struct bud_failing *failing, size_t n)
{
	struct bud_disabler *disabler = owner;
	int64_t limit_ms = bud_clock_wall_ms() - disabler->options.after_ms;

	if (err < 0) {
		end_round(disabler);
		return;
	}
	disabler->cursor = cursor;
	for (size_t i = 0; i < n; i++)
		if (failing[i].since_ms <= limit_ms &&
			failing[i].subscription.len <= BUD_SUBSCRIPTION_ID_MAX)
			add_suspect(disabler, &failing[i]);
	take_next(disabler);
}

/* Only active ones can fail; of a deleted one nothing is left to say. */
static bool is_active(struct bud_disabler *disabler, const char *id)
{
	const struct bud_subscription *subscription = NULL;

	switch (bud_table_find(disabler->options.table, id, &subscription)) {
	case BUD_TABLE_LIVE:
		return subscription->status.state == BUD_SUBSCRIPTION_ACTIVE;
	case BUD_TABLE_DELETED:
		(void)!bud_failing_clear(disabler->options.store, bud_span(id));
		break;
	case BUD_TABLE_UNKNOWN:
		break;
	}
	return false;
}

static void take_next(struct bud_disabler *disabler)
{
	while (!bud_list_is_empty(&disabler->suspects)) {
		const char *id = first(disabler)->id;
		if (is_active(disabler, id)) {
			if (bud_failing_last(
				    disabler->options.store, bud_span(id), on_last, disabler) < 0)
				end_round(disabler);
			return;
		}
		drop_first(disabler);
	}
	if (disabler->cursor == 0)
		end_round(disabler);
	else
		scan(disabler, disabler->cursor);
}

static void disable(struct bud_disabler *disabler, int64_t last_ms)
{
	const struct suspect *suspect = first(disabler);
	char since[25], last[25], detail[DETAIL_MAX];
	struct bud_status_wish wish = {
		.from = BUD_STATUS_IS(BUD_SUBSCRIPTION_ACTIVE),
		.to = BUD_SUBSCRIPTION_DISABLED,
		.reason = "failing",
		.detail = detail,
	};

	bud_clock_write(suspect->since_ms, since);
	bud_clock_write(last_ms, last);
	snprintf(detail, sizeof(detail), "every attempt from %s to %s failed", since, last);
	if (bud_status_change(disabler->options.store, suspect->id, &wish, on_disabled, disabler) <
		0)
		end_round(disabler);
}

static void on_last(void *owner, int err, int64_t last_ms)
{
	struct bud_disabler *disabler = owner;

	if (err < 0) {
		end_round(disabler);
	} else if (last_ms - first(disabler)->since_ms >= disabler->options.after_ms) {
		disable(disabler, last_ms);
	} else {
		drop_first(disabler);
		take_next(disabler);
	}
}

static void on_disabled(void *owner, int err, enum bud_status_outcome outcome,
	const struct bud_subscription *subscription)
{
	struct bud_disabler *disabler = owner;
	const char *id = first(disabler)->id;

	(void)subscription;
	if (err < 0) {
		end_round(disabler);
		return;
	}
	if (outcome == BUD_STATUS_DONE)
		bud_log_info("a subscription is disabled: it had nothing but failures",
			"subscription", id);
	(void)!bud_failing_clear(disabler->options.store, bud_span(id));
	drop_first(disabler);
	take_next(disabler);
}
