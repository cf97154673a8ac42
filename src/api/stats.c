/* Stats: subscription looked up -> everything asked at once -> answered when all has come. */
#include "api/stats.h"

#include <inttypes.h>
#include <stdlib.h>

#include "api/desk.h"
#include "api/endpoints.h"
#include "api/failure.h"
#include "api/lookup.h"
#include "auth/need.h"
#include "core/clock.h"
#include "http/reply.h"
#include "http/request.h"
#include "store/endpoints.h"
#include "store/lane_rows.h"
#include "store/stats.h"
#include "subscription/push_config.h"
#include "subscription/subscription.h"

enum count {
	COUNT_PARKED,
	COUNT_REPLAY,
	COUNT_DEAD,
	COUNTS,
};

struct stats;

/* Which of the counts an answer is for. */
struct counter {
	struct stats *stats;
	size_t total;
};

struct stats {
	struct bud_request *request;
	struct bud_subscription *subscription;
	unsigned n_waiting;
	int err; /* the first one */
	struct bud_stats sums;
	struct counter counters[COUNTS];
	struct bud_buffer endpoint; /* empty: nobody published it */
};

static void handle_stats(void *context, struct bud_request *request);

const struct bud_route bud_stats_routes[] = {
	{"GET", "/subscriptions/{id}/stats", handle_stats, 0, BUD_NEED_SUBSCRIBE},
};
const size_t bud_stats_routes_n = sizeof(bud_stats_routes) / sizeof(bud_stats_routes[0]);

static void end(struct stats *stats)
{
	bud_subscription_destroy(stats->subscription);
	bud_buffer_finish(&stats->endpoint);
	free(stats);
}

static void write_time(struct bud_buffer *out, const char *name, int64_t wall_ms)
{
	char text[25];

	if (wall_ms <= 0)
		return;
	bud_clock_write(wall_ms, text);
	bud_buffer_format(out, ",\"%s\":\"%s\"", name, text);
}

static void answer(struct stats *stats)
{
	const struct bud_stats *sums = &stats->sums;
	uint64_t attempts = sums->delivered + sums->failed;
	bud_auto(buffer) struct bud_buffer body = {0};

	bud_buffer_format(&body,
		"{\"state\":\"%s\",\"delivered\":%" PRIu64 ",\"failed_attempts\":%" PRIu64,
		bud_subscription_state_word(stats->subscription->status.state), sums->delivered,
		sums->failed);
	if (attempts > 0)
		bud_buffer_format(&body, ",\"average_ms\":%.1f",
			(double)sums->time_us / 1000 / (double)attempts);
	write_time(&body, "last_success", sums->last_ok_ms);
	write_time(&body, "last_failure", sums->last_failure_ms);
	if (sums->last_status > 0)
		bud_buffer_format(&body, ",\"last_status\":%d", sums->last_status);
	/* An ordered subscription has a lane for each key: nobody counts them all. */
	if (!stats->subscription->config->is_ordered)
		bud_buffer_format(&body, ",\"parked\":%zu", stats->counters[COUNT_PARKED].total);
	bud_buffer_format(&body, ",\"replaying\":%zu,\"dead\":%zu",
		stats->counters[COUNT_REPLAY].total, stats->counters[COUNT_DEAD].total);
	if (stats->endpoint.len > 0) {
		bud_buffer_text(&body, ",\"endpoint\":");
		bud_buffer_span(&body, bud_buffer_as_span(&stats->endpoint));
	}
	bud_buffer_byte(&body, '}');
	bud_reply(stats->request, 200, "application/json", bud_buffer_as_span(&body));
}

static void note(struct stats *stats, int err)
{
	if (err < 0 && stats->err == 0)
		stats->err = err;
}

static void one_less(struct stats *stats)
{
	if (--stats->n_waiting > 0)
		return;
	if (stats->err < 0)
		bud_failure_reply(stats->request, stats->err);
	else
		answer(stats);
	end(stats);
}

static void on_sums(void *owner, int err, const struct bud_stats *sums)
{
	struct stats *stats = owner;

	note(stats, err);
	if (sums)
		stats->sums = *sums;
	one_less(stats);
}

static void on_rows(void *owner, int err, const struct bud_lane_row *rows, size_t n, size_t total)
{
	struct counter *counter = owner;

	(void)rows;
	(void)n;
	note(counter->stats, err);
	counter->total = total;
	one_less(counter->stats);
}

static void on_endpoint(void *owner, int err, const struct bud_endpoint_row *row)
{
	struct stats *stats = owner;

	if (row) {
		bud_buffer_clear(&stats->endpoint);
		bud_endpoints_write(row, &stats->endpoint);
		return;
	}
	note(stats, err);
	one_less(stats);
}

static void count(struct bud_api_desk *desk, struct stats *stats, enum count which)
{
	struct counter *counter = &stats->counters[which];
	char replay[BUD_LANE_TEXT_BYTES];
	struct bud_lane_page page = {.lane = bud_span(stats->subscription->id),
		.list = which == COUNT_DEAD ? BUD_LANE_LIST_DEAD : BUD_LANE_LIST_PARKED,
		.limit = 1};
	int r;

	counter->stats = stats;
	if (which == COUNT_REPLAY) {
		bud_lane_replay_write(bud_span(stats->subscription->id), replay);
		page.lane = bud_span(replay);
	}
	r = bud_lane_rows(desk->store, &page, on_rows, counter);
	note(stats, r);
	stats->n_waiting += r == 0;
}

static void ask(void *owner, struct bud_request *request, struct bud_subscription *taken)
{
	struct bud_api_desk *desk = owner;
	struct stats *stats = bud_new(struct stats);
	char endpoint[BUD_ENDPOINT_ID_BYTES];
	int r;

	stats->request = request;
	stats->subscription = taken;
	stats->n_waiting = 1; /* this call */
	r = bud_stats_get(desk->store, bud_span(taken->id), on_sums, stats);
	note(stats, r);
	stats->n_waiting += r == 0;
	for (enum count which = 0; which < COUNTS; which++)
		count(desk, stats, which);
	bud_endpoint_id_write(
		&desk->store->shard->key, bud_span(taken->owner), bud_span(taken->sink), endpoint);
	r = bud_endpoint_state_get(desk->store, bud_span(endpoint), on_endpoint, stats);
	note(stats, r);
	stats->n_waiting += r == 0;
	one_less(stats);
}

static void handle_stats(void *context, struct bud_request *request)
{
	bud_lookup_at(context, request, ask);
}
