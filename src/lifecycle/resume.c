/* Resuming. told -> waiting, until the table has it active -> pull a part of the lanes -> the next
 * part … -> late -> pull once more. A load tells long before its table is swapped in, and a pull
 * that comes earlier is undone by the next worker that looks. */
#include "lifecycle/resume.h"

#include <errno.h>
#include <stdlib.h>
#include <uv.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/list.h"
#include "core/map.h"
#include "store/failing.h"
#include "store/lane.h"
#include "subscription/subscription.h"
#include "subscription/table.h"

#define TICK_MS   50
#define AGAIN_MS  5000
#define PULLS_MAX 64u    /* under way */
#define WAIT_MS   600000 /* by then each lane has been looked at by itself */

struct resumed {
	struct bud_list link; /* bud_resumer::waiting or ::late; in neither while it is pulled */
	struct bud_resumer *resumer;
	bool wants_token;
	bool is_late;       /* it was pulled once, and is in the late list for the second time */
	bool is_told_again; /* while it is pulled */
	int64_t told_mono_ms;
	int64_t late_mono_ms;
	char id[];
};

struct bud_resumer {
	struct bud_resume_options options;
	uv_timer_t timer;
	struct bud_map all; /* resumed by id */
	struct bud_list waiting;
	struct bud_list late; /* in order of late_mono_ms */
	unsigned pulling;
};

static void on_timer(uv_timer_t *timer);
static void pull_from(struct resumed *resumed, uint64_t cursor);
static void on_pulled(void *owner, int err, int64_t cursor);

struct bud_resumer *bud_resumer_open(const struct bud_resume_options *options)
{
	struct bud_resumer *resumer = bud_new(struct bud_resumer);
	uint64_t tick_ms = options->tick_ms ? (uint64_t)options->tick_ms : TICK_MS;

	resumer->options = *options;
	if (resumer->options.again_ms == 0)
		resumer->options.again_ms = AGAIN_MS;
	bud_list_init(&resumer->waiting);
	bud_list_init(&resumer->late);
	uv_timer_init(options->loop, &resumer->timer);
	resumer->timer.data = resumer;
	uv_timer_start(&resumer->timer, on_timer, tick_ms, tick_ms);
	return resumer;
}

static void on_closed(uv_handle_t *handle)
{
	struct bud_resumer *resumer = handle->data;
	size_t position = 0;
	struct resumed *resumed;

	while ((resumed = bud_map_next(&resumer->all, &position)))
		free(resumed);
	bud_map_finish(&resumer->all);
	free(resumer);
}

void bud_resumer_close(struct bud_resumer *resumer)
{
	if (resumer)
		uv_close((uv_handle_t *)&resumer->timer, on_closed);
}

static bool is_in_force(const struct bud_subscription_status *status)
{
	return status->access_token && status->token_expires_ms > bud_clock_wall_ms();
}

/* A credential has a token at last: what waited for it goes on. */
static bool has_first_token(
	const struct bud_subscription_status *before, const struct bud_subscription_status *now)
{
	return now->access_token && !is_in_force(before);
}

static void forget(struct resumed *resumed)
{
	bud_list_remove(&resumed->link);
	bud_map_remove(&resumed->resumer->all, bud_span(resumed->id));
	free(resumed);
}

static struct resumed *find(struct bud_resumer *resumer, const char *id)
{
	struct resumed *resumed = bud_map_get(&resumer->all, bud_span(id));
	size_t len = strlen(id);

	if (resumed)
		return resumed;
	resumed = bud_alloc_zero(sizeof(*resumed) + len + 1);
	memcpy(resumed->id, id, len);
	resumed->resumer = resumer;
	bud_list_init(&resumed->link);
	bud_map_put(&resumer->all, bud_span(resumed->id), resumed);
	bud_list_append(&resumer->waiting, &resumed->link);
	return resumed;
}

static bool is_pulled(const struct resumed *resumed)
{
	return bud_list_is_empty(&resumed->link);
}

static void wait_for_table(struct resumed *resumed)
{
	resumed->is_late = false;
	resumed->is_told_again = false;
	bud_list_remove(&resumed->link);
	bud_list_append(&resumed->resumer->waiting, &resumed->link);
}

static void add(struct bud_resumer *resumer, const char *id, bool wants_token)
{
	struct resumed *resumed = find(resumer, id);

	resumed->wants_token = wants_token;
	resumed->told_mono_ms = bud_clock_mono_ms();
	if (is_pulled(resumed))
		resumed->is_told_again = true;
	else
		wait_for_table(resumed);
}

/* It is paused again: nothing to pull until it is told active. */
static void drop(struct bud_resumer *resumer, const char *id)
{
	struct resumed *resumed = bud_map_get(&resumer->all, bud_span(id));

	if (resumed && !is_pulled(resumed))
		forget(resumed);
}

void bud_resumer_on_changed(struct bud_resumer *resumer, const struct bud_subscription *before,
	const struct bud_subscription *subscription)
{
	bool is_other = before && before->status.state != subscription->status.state;

	if (is_other)
		(void)bud_failing_clear(resumer->options.store, bud_span(subscription->id));
	if (subscription->status.state != BUD_SUBSCRIPTION_ACTIVE)
		drop(resumer, subscription->id);
	else if (is_other)
		add(resumer, subscription->id, false);
	else if (before && has_first_token(&before->status, &subscription->status))
		add(resumer, subscription->id, true);
}

static void pull(struct resumed *resumed)
{
	bud_list_remove(&resumed->link);
	resumed->resumer->pulling++;
	pull_from(resumed, 0);
}

/* Whether the table has it as it was told. */
static bool is_known(const struct resumed *resumed)
{
	const struct bud_subscription *subscription = NULL;

	return bud_table_find(resumed->resumer->options.table, resumed->id, &subscription) ==
		       BUD_TABLE_LIVE &&
	       subscription->status.state == BUD_SUBSCRIPTION_ACTIVE &&
	       (!resumed->wants_token || is_in_force(&subscription->status));
}

static void on_timer(uv_timer_t *timer)
{
	struct bud_resumer *resumer = timer->data;
	int64_t now_ms = bud_clock_mono_ms();
	struct resumed *resumed, *after;

	if (!bud_store_is_up(resumer->options.store))
		return;
	bud_list_each_safe (resumed, after, &resumer->waiting, link) {
		if (resumer->pulling >= PULLS_MAX)
			return;
		if (is_known(resumed))
			pull(resumed);
		else if (resumed->told_mono_ms + WAIT_MS < now_ms)
			forget(resumed);
	}
	while (!bud_list_is_empty(&resumer->late) && resumer->pulling < PULLS_MAX) {
		resumed = bud_list_first(&resumer->late, struct resumed, link);
		if (resumed->late_mono_ms > now_ms)
			return;
		pull(resumed);
	}
}

static void pull_from(struct resumed *resumed, uint64_t cursor)
{
	if (bud_lane_pull_subscription(resumed->resumer->options.store, bud_span(resumed->id),
		    cursor, on_pulled, resumed) < 0)
		on_pulled(resumed, -ENOTCONN, 0);
}

static void on_pulled(void *owner, int err, int64_t cursor)
{
	struct resumed *resumed = owner;
	struct bud_resumer *resumer = resumed->resumer;

	if (err == 0 && cursor != 0) {
		pull_from(resumed, (uint64_t)cursor);
		return;
	}
	resumer->pulling--;
	if (resumed->is_told_again) {
		wait_for_table(resumed);
	} else if (err == 0 && resumed->is_late) {
		forget(resumed);
	} else {
		resumed->is_late = err == 0;
		resumed->late_mono_ms = bud_clock_mono_ms() + resumer->options.again_ms;
		bud_list_append(&resumer->late, &resumed->link);
	}
}
