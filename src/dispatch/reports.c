/* Reports. add -> dirty, a second after the last time -> written. A receiver that keeps failing
 * tells so once a minute, and one that delivers that it does: another node, or this one before a
 * restart, may have noted failures that are over. */
#include "dispatch/reports.h"

#include <stdio.h>

#include "config/config.h"
#include "core/clock.h"
#include "core/log.h"
#include "dispatch/desk.h"
#include "dispatch/outcome.h"
#include "dispatch/receiver.h"
#include "fetch/fetch.h"
#include "store/failing.h"
#include "store/stats.h"
#include "store/status_change.h"

#define WRITE_MS   1000
#define FAILING_MS 60000
/* So many a tick: thousands of receivers would else be a burst of as many commands each second. */
#define WRITES_A_TICK 4

void bud_reports_init(struct bud_reports *reports, const struct bud_desk *desk)
{
	*reports = (struct bud_reports){.desk = desk};
	bud_list_init(&reports->dirty);
}

static struct bud_receiver *take_first(struct bud_reports *reports)
{
	struct bud_receiver *receiver =
		bud_list_first(&reports->dirty, struct bud_receiver, report_link);

	bud_list_remove(&receiver->report_link);
	return receiver;
}

void bud_reports_finish(struct bud_reports *reports)
{
	while (!bud_list_is_empty(&reports->dirty))
		bud_receiver_unref(take_first(reports));
}

void bud_reports_add(struct bud_reports *reports, struct bud_receiver *receiver,
	const struct bud_fetch_result *result, const struct bud_outcome *outcome)
{
	struct bud_stats *stats = &receiver->stats;
	bool is_delivered = outcome->kind == BUD_OUTCOME_DELIVERED;

	stats->delivered += is_delivered;
	stats->failed += !is_delivered;
	stats->time_us += (uint64_t)result->time_us;
	if (result->status != 0)
		stats->last_status = result->status;
	if (is_delivered)
		stats->last_ok_ms = bud_clock_wall_ms();
	else
		stats->last_failure_ms = bud_clock_wall_ms();
	if (bud_list_is_empty(&receiver->report_link))
		bud_list_append(&reports->dirty, &bud_receiver_ref(receiver)->report_link);
}

/* A hundredth of the time after which it is disabled is soon enough, and so is FAILING_MS. */
static int64_t failing_each_ms(const struct bud_reports *reports)
{
	int64_t each_ms = reports->desk->config->delivery.disable_after_s * 1000 / 100;

	return each_ms > 0 && each_ms < FAILING_MS ? each_ms : FAILING_MS;
}

/* The last one counts: it is the newest. A success among failures is never passed over. */
static void write_failing(
	struct bud_reports *reports, struct bud_receiver *receiver, int64_t mono_ms)
{
	struct bud_store *store = reports->desk->commands;
	const struct bud_stats *stats = &receiver->stats;
	bool is_failing = stats->last_failure_ms > stats->last_ok_ms;
	struct bud_span id = bud_span(receiver->id);

	if (receiver->failing_mono_ms != 0 && is_failing == receiver->is_failing &&
		!(is_failing && stats->last_ok_ms > 0) &&
		mono_ms - receiver->failing_mono_ms < failing_each_ms(reports))
		return;
	/* A success since the last report ends the row, also when a failure came behind it. */
	if (stats->last_ok_ms > 0 && bud_failing_clear(store, id) < 0)
		return;
	if (is_failing && bud_failing_note(store, id, stats->last_failure_ms) < 0)
		return;
	receiver->is_failing = is_failing;
	receiver->failing_mono_ms = mono_ms;
}

static void write_one(struct bud_reports *reports, struct bud_receiver *receiver, int64_t mono_ms)
{
	write_failing(reports, receiver, mono_ms);
	(void)bud_stats_add(reports->desk->commands, bud_span(receiver->id), &receiver->stats);
	receiver->stats = (struct bud_stats){0};
}

/* The first is the one that waits longest; each is written once a second. */
void bud_reports_tick(struct bud_reports *reports, int64_t mono_ms)
{
	for (int i = 0; i < WRITES_A_TICK && !bud_list_is_empty(&reports->dirty); i++) {
		struct bud_receiver *receiver =
			bud_list_first(&reports->dirty, struct bud_receiver, report_link);
		if (mono_ms - receiver->reported_mono_ms < WRITE_MS)
			return;
		(void)take_first(reports);
		receiver->reported_mono_ms = mono_ms;
		write_one(reports, receiver, mono_ms);
		bud_receiver_unref(receiver);
	}
}

static void on_disabled(void *owner, int err, enum bud_status_outcome outcome,
	const struct bud_subscription *subscription)
{
	struct bud_receiver *receiver = owner;

	(void)subscription;
	receiver->is_disabling = false;
	if (err == 0 && outcome == BUD_STATUS_DONE)
		bud_log_warn("a subscription is disabled by what its receiver answered",
			"subscription", receiver->id);
	bud_receiver_unref(receiver);
}

void bud_reports_disable(struct bud_reports *reports, struct bud_receiver *receiver, int status)
{
	char detail[48];
	struct bud_status_wish wish = {
		.from = BUD_STATUS_IS(BUD_SUBSCRIPTION_ACTIVE),
		.to = BUD_SUBSCRIPTION_DISABLED,
		.reason = status == 410 ? "gone" : "status", /* by its own rule */
		.detail = detail,
	};

	if (receiver->is_disabling)
		return;
	snprintf(detail, sizeof(detail), "The receiver answered %d.", status);
	receiver->is_disabling = true;
	bud_receiver_ref(receiver);
	if (bud_status_change(
		    reports->desk->commands, receiver->id, &wish, on_disabled, receiver) == 0)
		return;
	/* The next attempt says it again. */
	receiver->is_disabling = false;
	bud_receiver_unref(receiver);
}
