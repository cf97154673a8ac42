/* The replayer. each step: lock -> a page of the jobs -> for one after the other: a page read ->
 * what matches revived and the job moved on, in one script -> the next page, until the step has
 * revived its part or read its pages; then the job moves on all the same. */
#include "lifecycle/replay.h"

#include <jansson.h>
#include <stdlib.h>
#include <uv.h>

#include "auth/authorize.h"
#include "auth/quota.h"
#include "core/alloc.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/limits.h"
#include "core/list.h"
#include "core/log.h"
#include "event/event.h"
#include "store/lane_rows.h"
#include "store/lock.h"
#include "store/partition.h"
#include "store/replay_job.h"
#include "store/replays.h"
#include "store/revive.h"
#include "subscription/filter.h"
#include "subscription/push_config.h"
#include "subscription/subscription.h"
#include "subscription/table.h"

#define EACH_MS   640
#define SPREAD_MS 10
#define LOCK      "replay"
#define PAGES_MAX 64 /* of a step */

/* A job in this round. */
struct work {
	struct bud_list link;
	char *id;                  /* the job's, and its subscription's */
	struct bud_buffer value;   /* as it is stored */
	struct bud_buffer filters; /* which `job` borrows */
	struct bud_buffer next;    /* the value to be */
	struct bud_replay_job job;
	struct bud_filter *filter;
	struct bud_revived revived[BUD_REVIVE_MAX];
	size_t n;       /* of this page */
	size_t total;   /* of this step */
	unsigned pages; /* of this step */
};

struct bud_replayer {
	struct bud_replay_options options;
	uv_timer_t timer;
	bool is_busy;
	uint64_t cursor; /* the page of the next round: jobs take turns */
	struct bud_list works;
};

static void on_timer(uv_timer_t *timer);
static void on_locked(void *owner, int err, int64_t number);
static void on_jobs(
	void *owner, int err, uint64_t cursor, const struct bud_replay *replays, size_t n);
static void take_next(struct bud_replayer *replayer);
static void read_page(struct bud_replayer *replayer);
static void on_entries(void *owner, int err, const struct bud_entry *entries, size_t n);
static void on_rows(void *owner, int err, const struct bud_lane_row *rows, size_t n, size_t total);
static void commit(struct bud_replayer *replayer, bool is_done);
static void on_revived(void *owner, int err, int64_t number);

struct bud_replayer *bud_replayer_open(const struct bud_replay_options *options)
{
	struct bud_replayer *replayer = bud_new(struct bud_replayer);
	uint64_t each_ms = options->each_ms ? (uint64_t)options->each_ms : EACH_MS;

	replayer->options = *options;
	bud_list_init(&replayer->works);
	uv_timer_init(options->loop, &replayer->timer);
	replayer->timer.data = replayer;
	uv_timer_start(&replayer->timer, on_timer, each_ms, each_ms);
	return replayer;
}

static struct work *first(struct bud_replayer *replayer)
{
	return bud_list_first(&replayer->works, struct work, link);
}

static void drop_first(struct bud_replayer *replayer)
{
	struct work *work = first(replayer);

	bud_list_remove(&work->link);
	bud_filter_destroy(work->filter);
	bud_buffer_finish(&work->value);
	bud_buffer_finish(&work->filters);
	bud_buffer_finish(&work->next);
	free(work->id);
	free(work);
}

static void end_round(struct bud_replayer *replayer)
{
	while (!bud_list_is_empty(&replayer->works))
		drop_first(replayer);
	replayer->is_busy = false;
}

static void on_closed(uv_handle_t *handle)
{
	struct bud_replayer *replayer = handle->data;

	end_round(replayer);
	free(replayer);
}

void bud_replayer_close(struct bud_replayer *replayer)
{
	if (replayer)
		uv_close((uv_handle_t *)&replayer->timer, on_closed);
}

static void on_timer(uv_timer_t *timer)
{
	struct bud_replayer *replayer = timer->data;
	int64_t each_ms = (int64_t)uv_timer_get_repeat(timer);

	if (replayer->is_busy)
		return;
	replayer->is_busy = true;
	if (bud_lock_take(replayer->options.store, bud_span(LOCK), each_ms - each_ms / 20,
		    on_locked, replayer) < 0)
		end_round(replayer);
}

static void on_locked(void *owner, int err, int64_t number)
{
	struct bud_replayer *replayer = owner;

	if (err < 0 || number == 0 ||
		bud_replays_scan(replayer->options.store, replayer->cursor, on_jobs, replayer) < 0)
		end_round(replayer);
}

static void on_jobs(
	void *owner, int err, uint64_t cursor, const struct bud_replay *replays, size_t n)
{
	struct bud_replayer *replayer = owner;

	if (err < 0) {
		end_round(replayer);
		return;
	}
	replayer->cursor = cursor;
	for (size_t i = 0; i < n; i++) {
		struct work *work = bud_new(struct work);
		work->id = bud_strndup(replays[i].job.at, replays[i].job.len);
		bud_buffer_span(&work->value, replays[i].value);
		bud_list_append(&replayer->works, &work->link);
	}
	take_next(replayer);
}

/* False: nobody can tell what it wants. */
static bool read_job(struct work *work)
{
	struct bud_span filters;
	json_auto_t *json = NULL;
	struct bud_error error;

	if (bud_replay_job_parse(bud_buffer_as_span(&work->value), &work->job) < 0)
		return false;
	bud_buffer_span(&work->filters, work->job.filters);
	filters = bud_buffer_as_span(&work->filters);
	work->job.filters = filters;
	if (filters.len == 0)
		return true;
	json = json_loadb(filters.at, filters.len, 0, NULL);
	return json && bud_filter_compile(json, &work->filter, &error) == 0;
}

/* Of the job at hand; NULL: the table does not have it, or not any more. */
static const struct bud_subscription *find(
	struct bud_replayer *replayer, enum bud_table_state *out_state)
{
	const struct bud_subscription *subscription = NULL;

	*out_state = bud_table_find(replayer->options.table, first(replayer)->id, &subscription);
	return *out_state == BUD_TABLE_LIVE ? subscription : NULL;
}

static void take_next(struct bud_replayer *replayer)
{
	enum bud_table_state state;

	while (!bud_list_is_empty(&replayer->works)) {
		struct work *work = first(replayer);
		const struct bud_subscription *subscription = find(replayer, &state);
		bool may_go = subscription && !bud_quota_is_full(replayer->options.quota,
						      bud_span(subscription->owner));
		bool is_read = read_job(work);
		if (!is_read)
			bud_log_error(
				"a replay job cannot be read: it ends", "subscription", work->id);
		if (!is_read || state == BUD_TABLE_DELETED) {
			commit(replayer, true);
			return;
		}
		if (may_go) {
			read_page(replayer);
			return;
		}
		drop_first(replayer); /* its owner is full, or the table not loaded yet */
	}
	end_round(replayer);
}

static int read_events(struct bud_replayer *replayer)
{
	const struct work *work = first(replayer);
	const struct bud_replay_job *job = &work->job;

	return bud_partition_range(replayer->options.store,
		&(struct bud_partition_range){
			.partition = job->partition,
			.from_ms = job->from_ms,
			.to_ms = job->to_ms,
			.after = job->has_after ? &job->after : NULL,
			.limit = BUD_REVIVE_MAX - work->total,
		},
		on_entries, replayer);
}

static int read_dead(struct bud_replayer *replayer)
{
	const struct work *work = first(replayer);
	const struct bud_replay_job *job = &work->job;
	const struct bud_lane_row after = {
		.id = job->after, .at_ms = job->after_ms, .attempt = job->after_attempt};

	return bud_lane_dead_range(replayer->options.store,
		&(struct bud_lane_dead_range){
			.subscription = bud_span(work->id),
			.from_ms = job->from_ms,
			.to_ms = job->to_ms,
			.after = job->has_after ? &after : NULL,
			.limit = BUD_REVIVE_MAX - work->total,
		},
		on_rows, replayer);
}

static void read_page(struct bud_replayer *replayer)
{
	struct work *work = first(replayer);
	int r;

	if (work->pages++ >= PAGES_MAX) {
		commit(replayer, false);
		return;
	}
	r = work->job.source == BUD_REPLAY_EVENTS ? read_events(replayer) : read_dead(replayer);
	if (r < 0)
		end_round(replayer);
}

struct candidate {
	struct bud_member id;
	struct bud_span owner;
	struct bud_span bytes;
};

static bool is_wanted(struct bud_replayer *replayer, const struct bud_subscription *subscription,
	const struct candidate *candidate)
{
	const struct work *work = first(replayer);
	struct bud_event *event =
		candidate->bytes.at ? bud_event_create(candidate->owner, candidate->bytes) : NULL;
	bool wanted;

	if (!event)
		return false;
	wanted = !work->filter || bud_filter_match(work->filter, event);
	/* A dead letter matched when it was an event. */
	if (wanted && work->job.source == BUD_REPLAY_EVENTS)
		wanted = bud_subscription_match(subscription, event, bud_clock_wall_ms());
	wanted = wanted &&
		 bud_authorize_delivery(replayer->options.authority, event,
			 bud_span(subscription->owner), bud_clock_wall_ms()) != BUD_DECISION_DENY;
	bud_event_unref(event);
	return wanted;
}

static void look_at(struct bud_replayer *replayer, const struct bud_subscription *subscription,
	const struct candidate *candidate)
{
	struct work *work = first(replayer);

	work->job.looked++;
	work->job.has_after = true;
	work->job.after = candidate->id;
	if (!is_wanted(replayer, subscription, candidate))
		return;
	work->revived[work->n++] = (struct bud_revived){candidate->id,
		work->job.source == BUD_REPLAY_DEAD ? BUD_REVIVE_DEAD : BUD_REVIVE_EVENT};
}

/* After a page: what was found goes into Redis before more is read. */
static void go_on(struct bud_replayer *replayer)
{
	if (first(replayer)->n > 0)
		commit(replayer, false);
	else
		read_page(replayer);
}

static void on_entries(void *owner, int err, const struct bud_entry *entries, size_t n)
{
	struct bud_replayer *replayer = owner;
	struct work *work = first(replayer);
	enum bud_table_state state;
	const struct bud_subscription *subscription = find(replayer, &state);

	if (err < 0 || !subscription) { /* what became of it is seen in the next round */
		end_round(replayer);
		return;
	}
	for (size_t i = 0; i < n; i++)
		look_at(replayer, subscription,
			&(struct candidate){entries[i].id, entries[i].owner, entries[i].bytes});
	if (n == 0) {
		work->job.has_after = false;
		if (++work->job.partition >= replayer->options.store->shard->partitions) {
			commit(replayer, true);
			return;
		}
	}
	go_on(replayer);
}

static void on_rows(void *owner, int err, const struct bud_lane_row *rows, size_t n, size_t total)
{
	struct bud_replayer *replayer = owner;
	struct work *work = first(replayer);
	enum bud_table_state state;
	const struct bud_subscription *subscription = find(replayer, &state);

	(void)total;
	if (err < 0 || !subscription) {
		end_round(replayer);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		work->job.after_ms = rows[i].at_ms;
		work->job.after_attempt = rows[i].attempt;
		look_at(replayer, subscription,
			&(struct candidate){rows[i].id, rows[i].owner, rows[i].bytes});
	}
	if (n == 0)
		commit(replayer, true);
	else
		go_on(replayer);
}

static void commit(struct bud_replayer *replayer, bool is_done)
{
	struct work *work = first(replayer);
	enum bud_table_state state;
	const struct bud_subscription *subscription = find(replayer, &state);
	struct bud_revive revive = {
		.subscription = bud_span(work->id),
		.spread_ms = SPREAD_MS,
		.is_ordered = subscription && subscription->config->is_ordered,
		.revived = work->revived,
		.n = work->n,
		.job = bud_span(work->id),
		.before = bud_buffer_as_span(&work->value),
	};

	work->job.revived += work->n;
	work->total += work->n;
	bud_buffer_clear(&work->next);
	if (!is_done)
		bud_replay_job_write(&work->job, &work->next);
	revive.after = bud_buffer_as_span(&work->next);
	if (bud_revive(replayer->options.store, &revive, on_revived, replayer) < 0)
		end_round(replayer);
}

static void on_revived(void *owner, int err, int64_t number)
{
	struct bud_replayer *replayer = owner;
	struct work *work = first(replayer);
	struct bud_buffer before = work->value;

	if (err < 0) {
		end_round(replayer);
		return;
	}
	/* Moved on by somebody else: then that one goes on. */
	if (number < 0 || work->next.len == 0 || work->total >= BUD_REVIVE_MAX ||
		work->pages >= PAGES_MAX) {
		drop_first(replayer);
		take_next(replayer);
		return;
	}
	work->value = work->next;
	work->next = before;
	work->n = 0;
	read_page(replayer);
}
