/* What a result means, by the table, by the rules of a subscription, by its schedule and by age:
 * each row one case. A pause is bounded by a day, and an attempt never comes before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "config/config.h"
#include "dispatch/outcome.h"
#include "fetch/fetch.h"
#include "subscription/push_config.h"

#define NOW   1000000
#define DAY   (24 * 3600 * INT64_C(1000))
#define NEVER INT64_MAX

static const struct bud_schedule schedule = {.steps = {10, 100, 1000}, .n = 3};

static struct bud_outcome judge(const struct bud_attempt *attempt, const struct bud_retry *retry)
{
	return bud_outcome_of(attempt, retry, &schedule);
}

static struct bud_outcome of_status(int status, const struct bud_retry *retry, int64_t after_ms)
{
	struct bud_fetch_result result = {.kind = BUD_FETCH_RESPONSE, .status = status};

	return judge(&(struct bud_attempt){.result = &result,
			     .number = 1,
			     .retry_after_ms = after_ms,
			     .expires_ms = NEVER,
			     .now_ms = NOW},
		retry);
}

static void every_status_by_the_table(void **state)
{
	const struct bud_retry *retry = &bud_push_config_default.retry;

	(void)state;
	for (int status = 100; status <= 999; status++) {
		struct bud_outcome outcome = of_status(status, retry, -1);
		enum bud_outcome_kind kind = BUD_OUTCOME_AGAIN;
		enum bud_verdict verdict = BUD_VERDICT_FAILED;
		if (status / 100 == 2)
			kind = BUD_OUTCOME_DELIVERED;
		else if (status == 410)
			kind = BUD_OUTCOME_DISABLE;
		else if (status == 413 || status == 415)
			kind = BUD_OUTCOME_DEAD;
		if (kind == BUD_OUTCOME_DELIVERED || kind == BUD_OUTCOME_DEAD)
			verdict = BUD_VERDICT_OK;
		else if (status == 429 || (status >= 502 && status <= 504))
			verdict = BUD_VERDICT_OVERLOADED;
		assert_int_equal(outcome.kind, kind);
		assert_int_equal(outcome.verdict, verdict);
		assert_int_equal(outcome.pause_ms, 0);
		assert_int_equal(outcome.wait_ms, kind == BUD_OUTCOME_AGAIN ? 8000 : 0);
		if (kind == BUD_OUTCOME_DEAD)
			assert_string_equal(outcome.reason, "status");
	}
}

/* 413 to a request of many is an attempt of none of them; what their owner says of it is meant for
 * each alone, unless it is something else than its end. */
static void too_large_together(void **state)
{
	struct bud_retry again = {.rules = {{413, 413, BUD_RETRY_AGAIN}}, .rules_n = 1};

	(void)state;
	for (int status = 400; status <= 599; status++) {
		struct bud_fetch_result result = {.kind = BUD_FETCH_RESPONSE, .status = status};
		struct bud_attempt attempt = {.result = &result,
			.is_one_of_many = true,
			.number = 50, /* its last one */
			.retry_after_ms = -1,
			.expires_ms = NEVER,
			.now_ms = NOW};
		struct bud_outcome outcome = judge(&attempt, &bud_push_config_default.retry);
		assert_int_equal(outcome.is_too_large, status == 413);
		if (status != 413)
			continue;
		assert_int_equal(outcome.kind, BUD_OUTCOME_AGAIN);
		assert_int_equal(outcome.wait_ms, 0);
		assert_int_equal(outcome.verdict, BUD_VERDICT_OK);
		outcome = judge(&attempt, &again);
		assert_false(outcome.is_too_large);
		assert_int_equal(outcome.kind, BUD_OUTCOME_DEAD);
		assert_string_equal(outcome.reason, "attempts");
		attempt.is_one_of_many = false;
		outcome = judge(&attempt, &bud_push_config_default.retry);
		assert_false(outcome.is_too_large);
		assert_int_equal(outcome.kind, BUD_OUTCOME_DEAD);
		assert_string_equal(outcome.reason, "status");
	}
}

static void every_fault_is_tried_again(void **state)
{
	(void)state;
	for (int kind = BUD_FETCH_NAME_FAILED; kind <= BUD_FETCH_STUCK; kind++) {
		struct bud_fetch_result result = {.kind = (enum bud_fetch_kind)kind};
		bool is_late = kind == BUD_FETCH_TIMEOUT || kind == BUD_FETCH_STUCK;
		struct bud_outcome outcome = judge(&(struct bud_attempt){.result = &result,
							   .number = 1,
							   .retry_after_ms = 5000,
							   .expires_ms = NEVER,
							   .now_ms = NOW},
			&bud_push_config_default.retry);
		if (kind == BUD_FETCH_CANCELLED)
			continue;
		assert_int_equal(outcome.kind, BUD_OUTCOME_AGAIN);
		assert_int_equal(outcome.pause_ms, 0);
		assert_int_equal(
			outcome.verdict, is_late ? BUD_VERDICT_OVERLOADED : BUD_VERDICT_FAILED);
	}
}

static void retry_after_pauses_the_endpoint(void **state)
{
	static const struct {
		int status;
		int64_t after_ms;
		int64_t pause_ms;
		int64_t wait_ms;
		enum bud_verdict verdict;
	} cases[] = {
		{429, 120000, 120000, 120000, BUD_VERDICT_BUSY},
		{503, 120000, 120000, 120000, BUD_VERDICT_BUSY},
		{429, 1000, 1000, 8000, BUD_VERDICT_BUSY}, /* the schedule is longer */
		/* No time at all is none: else its breaker would never open. */
		{429, 0, 0, 8000, BUD_VERDICT_OVERLOADED},
		/* The endpoint keeps it; the delivery looks in between. */
		{503, 7 * DAY, DAY, 600000, BUD_VERDICT_BUSY},
		{503, 600001, 600001, 600000, BUD_VERDICT_BUSY},
		{500, 120000, 0, 8000, BUD_VERDICT_FAILED},
		{502, 120000, 0, 8000, BUD_VERDICT_OVERLOADED},
		{302, 120000, 0, 8000, BUD_VERDICT_FAILED},
		{200, 120000, 0, 0, BUD_VERDICT_OK},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bud_outcome outcome = of_status(
			cases[i].status, &bud_push_config_default.retry, cases[i].after_ms);
		assert_int_equal(outcome.pause_ms, cases[i].pause_ms);
		assert_int_equal(outcome.wait_ms, cases[i].wait_ms);
		assert_int_equal(outcome.verdict, cases[i].verdict);
	}
}

static void rules_go_first(void **state)
{
	struct bud_retry retry = bud_push_config_default.retry;
	static const struct {
		int status;
		enum bud_outcome_kind kind;
		enum bud_verdict verdict;
	} cases[] = {
		{400, BUD_OUTCOME_DEAD, BUD_VERDICT_FAILED},
		{409, BUD_OUTCOME_DELIVERED, BUD_VERDICT_OK}, /* the earlier rule */
		{410, BUD_OUTCOME_AGAIN, BUD_VERDICT_FAILED},
		{413, BUD_OUTCOME_DISABLE, BUD_VERDICT_OK},
		{415, BUD_OUTCOME_DEAD, BUD_VERDICT_OK}, /* says: as the table */
		{202, BUD_OUTCOME_AGAIN, BUD_VERDICT_FAILED},
		{200, BUD_OUTCOME_DELIVERED, BUD_VERDICT_OK},
		{500, BUD_OUTCOME_AGAIN, BUD_VERDICT_FAILED},
		{429, BUD_OUTCOME_DEAD, BUD_VERDICT_BUSY},
	};

	(void)state;
	retry.rules[retry.rules_n++] = (struct bud_retry_rule){409, 409, BUD_RETRY_DELIVERED};
	retry.rules[retry.rules_n++] = (struct bud_retry_rule){410, 410, BUD_RETRY_AGAIN};
	retry.rules[retry.rules_n++] = (struct bud_retry_rule){413, 413, BUD_RETRY_DISABLE};
	retry.rules[retry.rules_n++] = (struct bud_retry_rule){415, 415, BUD_RETRY_DEFAULT};
	retry.rules[retry.rules_n++] = (struct bud_retry_rule){202, 202, BUD_RETRY_AGAIN};
	retry.rules[retry.rules_n++] = (struct bud_retry_rule){400, 499, BUD_RETRY_DEAD};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bud_outcome outcome = of_status(cases[i].status, &retry, 60000);
		assert_int_equal(outcome.kind, cases[i].kind);
		assert_int_equal(outcome.verdict, cases[i].verdict);
	}
	assert_int_equal(of_status(429, &retry, 60000).pause_ms, 60000);
}

/* One failure at a time: the number of the attempt, its schedule, and how old the event is. */
/* In a batch that was answered 200: no owner's rule for a status is meant. */
static void an_event_refused_by_name_is_tried_again(void **state)
{
	struct bud_retry retry = bud_push_config_default.retry;
	struct bud_fetch_result result = {.kind = BUD_FETCH_RESPONSE, .status = 200};
	struct bud_schedule one = {.steps = {10}, .n = 1};
	struct bud_attempt attempt = {.result = &result,
		.is_refused = true,
		.number = 1,
		.retry_after_ms = -1,
		.expires_ms = INT64_MAX};

	(void)state;
	retry.rules[0] = (struct bud_retry_rule){200, 599, BUD_RETRY_DISABLE};
	retry.rules_n = 1;
	assert_int_equal(bud_outcome_of(&attempt, &retry, &one).kind, BUD_OUTCOME_AGAIN);
	attempt.number = 2;
	assert_int_equal(bud_outcome_of(&attempt, &retry, &one).kind, BUD_OUTCOME_DEAD);
}

static void the_last_attempt_and_age(void **state)
{
	static const struct {
		unsigned number;
		size_t own_steps; /* of 1 s each; 0: the server's schedule */
		bool is_given;
		int64_t max_age_s;
		int64_t age_ms;
		int64_t expires_in_ms;
		int64_t after_ms;
		enum bud_outcome_kind kind;
		const char *reason;
		int64_t wait_ms;
	} cases[] = {
		{1, 0, false, 0, 0, NEVER, -1, BUD_OUTCOME_AGAIN, NULL, 10000},
		{3, 0, false, 0, 0, NEVER, -1, BUD_OUTCOME_AGAIN, NULL, 1000000},
		{4, 0, false, 0, 0, NEVER, -1, BUD_OUTCOME_DEAD, "attempts", 0},
		{63, 0, false, 0, 0, NEVER, -1, BUD_OUTCOME_DEAD, "attempts", 0},
		{4, 0, false, 0, 0, NEVER, 60000, BUD_OUTCOME_DEAD, "attempts", 0},
		{5, 5, true, 0, 0, NEVER, -1, BUD_OUTCOME_AGAIN, NULL, 1000},
		{6, 5, true, 0, 0, NEVER, -1, BUD_OUTCOME_DEAD, "attempts", 0},
		{1, 0, true, 0, 0, NEVER, -1, BUD_OUTCOME_DEAD, "attempts", 0},
		{1, 0, false, 60, 50000, NEVER, -1, BUD_OUTCOME_AGAIN, NULL, 10000},
		{1, 0, false, 60, 50001, NEVER, -1, BUD_OUTCOME_DEAD, "age", 10000},
		{1, 0, false, 60, 1000, NEVER, 60000, BUD_OUTCOME_DEAD, "age", 60000},
		/* By the end of a long pause, though it looks in between. */
		{1, 0, false, 3600, 0, NEVER, 3600001, BUD_OUTCOME_DEAD, "age", 600000},
		{1, 0, false, 3600, 0, NEVER, 3600000, BUD_OUTCOME_AGAIN, NULL, 600000},
		{1, 0, false, 0, 0, 3600000, 3600000, BUD_OUTCOME_EXPIRED, NULL, 600000},
		{1, 0, false, 0, 0, 10001, -1, BUD_OUTCOME_AGAIN, NULL, 10000},
		{1, 0, false, 0, 0, 10000, -1, BUD_OUTCOME_EXPIRED, NULL, 10000},
		{1, 0, false, 0, 0, -5, -1, BUD_OUTCOME_EXPIRED, NULL, 10000},
	};
	struct bud_fetch_result result = {.kind = BUD_FETCH_RESPONSE, .status = 503};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bud_retry retry = {.steps_s = {1, 1, 1, 1, 1},
			.steps_n = cases[i].own_steps,
			.is_given = cases[i].is_given,
			.max_age_s = cases[i].max_age_s};
		struct bud_outcome outcome =
			judge(&(struct bud_attempt){.result = &result,
				      .number = cases[i].number,
				      .retry_after_ms = cases[i].after_ms,
				      .published_ms = NOW - cases[i].age_ms,
				      .expires_ms = cases[i].expires_in_ms == NEVER
							    ? NEVER
							    : NOW + cases[i].expires_in_ms,
				      .now_ms = NOW},
				&retry);
		assert_int_equal(outcome.kind, cases[i].kind);
		assert_int_equal(outcome.wait_ms, cases[i].wait_ms);
		if (cases[i].reason)
			assert_string_equal(outcome.reason, cases[i].reason);
	}
}

static int64_t wait_of(uint64_t random, int percent, uint32_t step_s)
{
	struct bud_retry retry = {.steps_s = {step_s}, .steps_n = 1, .jitter_percent = percent};
	struct bud_fetch_result result = {.kind = BUD_FETCH_RESET};

	return judge(&(struct bud_attempt){.result = &result,
			     .number = 1,
			     .retry_after_ms = -1,
			     .expires_ms = NEVER,
			     .now_ms = NOW,
			     .random = random},
		&retry)
		.wait_ms;
}

static void jitter_is_as_wished(void **state)
{
	static const struct {
		int percent;
		int64_t least;
		int64_t most;
	} cases[] = {{-1, 8000, 12000}, {0, 10000, 10000}, {50, 5000, 15000}, {100, 0, 20000}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t least = INT64_MAX;
		int64_t most = 0;
		for (uint64_t random = 0; random < 100000; random++) {
			int64_t ms = wait_of(random, cases[i].percent, 10);
			least = ms < least ? ms : least;
			most = ms > most ? ms : most;
		}
		assert_int_equal(least, cases[i].least);
		assert_int_equal(most, cases[i].most);
	}
	assert_int_equal(wait_of(UINT64_MAX, -1, 0), 0);
	assert_true(wait_of(UINT64_MAX, 100, UINT32_MAX) >= 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_status_by_the_table),
		cmocka_unit_test(too_large_together),
		cmocka_unit_test(every_fault_is_tried_again),
		cmocka_unit_test(retry_after_pauses_the_endpoint),
		cmocka_unit_test(rules_go_first),
		cmocka_unit_test(an_event_refused_by_name_is_tried_again),
		cmocka_unit_test(the_last_attempt_and_age),
		cmocka_unit_test(jitter_is_as_wished),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
