/* What an attempt's result means. The table is the whole of it; a subscription's rules go before
 * it, its schedule, its age and the event's expirytime bound what is tried again. */
#include "dispatch/outcome.h"

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "fetch/fetch.h"
#include "subscription/push_config.h"

#define JITTER_PERCENT 20
#define PAUSE_MS_MAX   (24 * 60 * 60 * INT64_C(1000))

struct row {
	enum bud_fetch_kind kind;
	int first; /* status, of a RESPONSE; the first row that fits counts */
	int last;
	enum bud_outcome_kind action;
	enum bud_verdict verdict;
	bool may_pause; /* Retry-After counts, for the whole endpoint */
};

/* CloudEvents HTTP webhooks 2.2; Standard Webhooks 1.0.0, "Successful response" and "Failures".
 * Most 4xx are tried again: the receiver may be between two versions of itself. */
static const struct row table[] = {
	{BUD_FETCH_RESPONSE, 200, 299, BUD_OUTCOME_DELIVERED, BUD_VERDICT_OK, false},
	/* A redirect is never followed: we only know the address we were given. */
	{BUD_FETCH_RESPONSE, 300, 399, BUD_OUTCOME_AGAIN, BUD_VERDICT_FAILED, false},
	/* Gone, and it means it. */
	{BUD_FETCH_RESPONSE, 410, 410, BUD_OUTCOME_DISABLE, BUD_VERDICT_FAILED, false},
	/* Too large, or a type it does not take: the same bytes will fare no better, but the
	 * receiver is well. */
	{BUD_FETCH_RESPONSE, 413, 413, BUD_OUTCOME_DEAD, BUD_VERDICT_OK, false},
	{BUD_FETCH_RESPONSE, 415, 415, BUD_OUTCOME_DEAD, BUD_VERDICT_OK, false},
	/* Too much: less at a time, and nothing at all until it says. */
	{BUD_FETCH_RESPONSE, 429, 429, BUD_OUTCOME_AGAIN, BUD_VERDICT_OVERLOADED, true},
	{BUD_FETCH_RESPONSE, 503, 503, BUD_OUTCOME_AGAIN, BUD_VERDICT_OVERLOADED, true},
	{BUD_FETCH_RESPONSE, 502, 502, BUD_OUTCOME_AGAIN, BUD_VERDICT_OVERLOADED, false},
	{BUD_FETCH_RESPONSE, 504, 504, BUD_OUTCOME_AGAIN, BUD_VERDICT_OVERLOADED, false},
	{BUD_FETCH_RESPONSE, 0, 999, BUD_OUTCOME_AGAIN, BUD_VERDICT_FAILED, false},
	/* No answer. */
	{BUD_FETCH_NAME_FAILED, 0, 0, BUD_OUTCOME_AGAIN, BUD_VERDICT_FAILED, false},
	{BUD_FETCH_ADDRESS_REFUSED, 0, 0, BUD_OUTCOME_AGAIN, BUD_VERDICT_FAILED, false},
	{BUD_FETCH_CONNECT_FAILED, 0, 0, BUD_OUTCOME_AGAIN, BUD_VERDICT_FAILED, false},
	{BUD_FETCH_TLS_FAILED, 0, 0, BUD_OUTCOME_AGAIN, BUD_VERDICT_FAILED, false},
	{BUD_FETCH_TIMEOUT, 0, 0, BUD_OUTCOME_AGAIN, BUD_VERDICT_OVERLOADED, false},
	{BUD_FETCH_STUCK, 0, 0, BUD_OUTCOME_AGAIN, BUD_VERDICT_OVERLOADED, false},
	{BUD_FETCH_RESET, 0, 0, BUD_OUTCOME_AGAIN, BUD_VERDICT_FAILED, false},
	{BUD_FETCH_BAD_RESPONSE, 0, 0, BUD_OUTCOME_AGAIN, BUD_VERDICT_FAILED, false},
};

static const char *const words[BUD_OUTCOMES] = {
	[BUD_OUTCOME_DELIVERED] = "delivered",
	[BUD_OUTCOME_AGAIN] = "again",
	[BUD_OUTCOME_DEAD] = "dead",
	[BUD_OUTCOME_DISABLE] = "disable",
	[BUD_OUTCOME_EXPIRED] = "expired",
};

const char *bud_outcome_word(enum bud_outcome_kind kind)
{
	return words[kind];
}

/* What is in no row, and an event that a receiver refused by name in a batch that it took. */
static const struct row other = {
	BUD_FETCH_RESET, 0, 0, BUD_OUTCOME_AGAIN, BUD_VERDICT_FAILED, false};

static struct row find_row(const struct bud_fetch_result *result)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct row *row = &table[i];
		if (row->kind == result->kind &&
			(row->kind != BUD_FETCH_RESPONSE ||
				(result->status >= row->first && result->status <= row->last)))
			return *row;
	}
	return other;
}

static enum bud_retry_action find_rule(const struct bud_retry *retry, int status)
{
	for (size_t i = 0; i < retry->rules_n; i++)
		if (status >= retry->rules[i].first && status <= retry->rules[i].last)
			return retry->rules[i].action;
	return BUD_RETRY_DEFAULT;
}

/* What its owner says of a status. Whether the receiver is well stays the table's to say, but for
 * a success that is none, and the other way round. */
static void apply_rule(struct row *row, enum bud_retry_action action)
{
	static const enum bud_outcome_kind actions[] = {
		[BUD_RETRY_DELIVERED] = BUD_OUTCOME_DELIVERED,
		[BUD_RETRY_AGAIN] = BUD_OUTCOME_AGAIN,
		[BUD_RETRY_DEAD] = BUD_OUTCOME_DEAD,
		[BUD_RETRY_DISABLE] = BUD_OUTCOME_DISABLE,
	};

	if (action == BUD_RETRY_DEFAULT)
		return;
	row->action = actions[action];
	if (row->action == BUD_OUTCOME_DELIVERED)
		row->verdict = BUD_VERDICT_OK;
	else if (row->verdict == BUD_VERDICT_OK && row->first == 200)
		row->verdict = BUD_VERDICT_FAILED;
}

/* From the end of attempt `number` to the next one; negative: that was the last one. */
static int64_t step_ms(const struct bud_attempt *attempt, const struct bud_retry *retry,
	const struct bud_schedule *schedule)
{
	bool is_own = retry->steps_n > 0 || (retry->is_given && !retry->name);
	const uint32_t *steps = is_own ? retry->steps_s : schedule->steps;
	size_t n = is_own ? retry->steps_n : schedule->n;
	int percent = retry->jitter_percent < 0 ? JITTER_PERCENT : retry->jitter_percent;
	int64_t ms;
	int64_t spread_ms;

	if (attempt->number == 0 || attempt->number > n)
		return -1;
	ms = (int64_t)steps[attempt->number - 1] * 1000;
	spread_ms = ms * percent / 100;
	return ms - spread_ms + (int64_t)(attempt->random % (uint64_t)(2 * spread_ms + 1));
}

static int64_t longer(int64_t a_ms, int64_t b_ms)
{
	return a_ms > b_ms ? a_ms : b_ms;
}

static void die(struct bud_outcome *outcome, const char *reason)
{
	outcome->kind = BUD_OUTCOME_DEAD;
	outcome->reason = reason;
}

/* When the next attempt is, if there is one. The pause is the endpoint's, which keeps it: the
 * delivery looks in between whether it is over, or the receiver another one. */
static void bound(struct bud_outcome *outcome, const struct bud_attempt *attempt,
	const struct bud_retry *retry, const struct bud_schedule *schedule)
{
	int64_t next_ms;

	outcome->wait_ms = step_ms(attempt, retry, schedule);
	if (outcome->wait_ms < 0) {
		outcome->wait_ms = 0;
		die(outcome, "attempts");
		return;
	}
	next_ms = attempt->now_ms + longer(outcome->wait_ms, outcome->pause_ms);
	outcome->wait_ms = longer(outcome->wait_ms, outcome->pause_ms < BUD_ENDPOINT_WAIT_MS_MAX
							    ? outcome->pause_ms
							    : BUD_ENDPOINT_WAIT_MS_MAX);
	if (next_ms >= attempt->expires_ms)
		outcome->kind = BUD_OUTCOME_EXPIRED;
	else if (retry->max_age_s > 0 && attempt->published_ms > 0 &&
		 next_ms - attempt->published_ms > retry->max_age_s * 1000)
		die(outcome, "age");
}

struct bud_outcome bud_outcome_of(const struct bud_attempt *attempt, const struct bud_retry *retry,
	const struct bud_schedule *schedule)
{
	const struct bud_fetch_result *result = attempt->result;
	struct row row = attempt->is_refused ? other : find_row(result);
	struct bud_outcome outcome = {0};

	if (result->kind == BUD_FETCH_RESPONSE && !attempt->is_refused)
		apply_rule(&row, find_rule(retry, result->status));
	outcome.kind = row.action;
	outcome.verdict = row.verdict;
	if (row.may_pause && row.action != BUD_OUTCOME_DELIVERED && attempt->retry_after_ms > 0) {
		outcome.pause_ms = attempt->retry_after_ms < PAUSE_MS_MAX ? attempt->retry_after_ms
									  : PAUSE_MS_MAX;
		outcome.verdict = BUD_VERDICT_BUSY;
	}
	outcome.is_too_large = attempt->is_one_of_many && outcome.kind == BUD_OUTCOME_DEAD &&
			       result->status == 413;
	if (outcome.is_too_large) /* That says nothing of each: fewer of them go, at once. */
		outcome.kind = BUD_OUTCOME_AGAIN;
	else if (outcome.kind == BUD_OUTCOME_AGAIN)
		bound(&outcome, attempt, retry, schedule);
	else if (outcome.kind == BUD_OUTCOME_DEAD)
		die(&outcome, "status");
	return outcome;
}
