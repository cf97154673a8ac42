/* Breakers. */
#include "dispatch/breaker.h"

#include <stddef.h>
#include <string.h>

#include "core/random.h"

/* Of the last minute: too few say nothing. */
#define PROPORTION_MIN 20
#define RAMP_MS        1000
#define WAIT_MS        1000

const char *bud_breaker_word(enum bud_breaker_state state)
{
	static const char *const words[] = {"closed", "open", "probing", "ramping"};

	return words[state];
}

bool bud_breaker_is_open(const struct bud_breaker *breaker)
{
	return breaker->state == BUD_BREAKER_OPEN || breaker->state == BUD_BREAKER_PROBING;
}

/* Twice as many each second, until the window bounds them. */
static void climb(struct bud_breaker *breaker, unsigned window, int64_t now_ms)
{
	while (now_ms >= breaker->ramp_until_ms && breaker->starts < window) {
		breaker->starts *= 2;
		breaker->starts_left = breaker->starts;
		breaker->ramp_until_ms += RAMP_MS;
	}
	if (breaker->starts >= window)
		breaker->state = BUD_BREAKER_CLOSED;
}

bool bud_breaker_may_start(
	struct bud_breaker *breaker, unsigned window, int64_t now_ms, int64_t *out_wait_ms)
{
	if (breaker->state == BUD_BREAKER_RAMPING) {
		climb(breaker, window, now_ms);
		if (breaker->state == BUD_BREAKER_CLOSED || breaker->starts_left > 0)
			return true;
		*out_wait_ms = breaker->ramp_until_ms - now_ms;
		return false;
	}
	if (breaker->state == BUD_BREAKER_CLOSED)
		return true;
	if (breaker->state == BUD_BREAKER_OPEN && now_ms >= breaker->open_until_ms)
		return true;
	*out_wait_ms = breaker->open_until_ms - now_ms;
	if (*out_wait_ms < WAIT_MS)
		*out_wait_ms = WAIT_MS;
	return false;
}

bool bud_breaker_start(struct bud_breaker *breaker)
{
	if (breaker->state == BUD_BREAKER_OPEN) {
		breaker->state = BUD_BREAKER_PROBING;
		return true;
	}
	if (breaker->state == BUD_BREAKER_RAMPING)
		breaker->starts_left--;
	return false;
}

void bud_breaker_give_back(struct bud_breaker *breaker, bool is_probe)
{
	if (breaker->state == BUD_BREAKER_PROBING)
		breaker->state = is_probe ? BUD_BREAKER_OPEN : BUD_BREAKER_PROBING;
	else if (breaker->state == BUD_BREAKER_RAMPING && breaker->starts_left < breaker->starts)
		breaker->starts_left++;
}

static void start_ramp(struct bud_breaker *breaker, int64_t now_ms)
{
	breaker->state = BUD_BREAKER_RAMPING;
	breaker->failures = 0;
	breaker->starts = 1;
	breaker->starts_left = 1;
	breaker->ramp_until_ms = now_ms + RAMP_MS;
}

bool bud_breaker_close(struct bud_breaker *breaker, int64_t now_ms)
{
	if (!bud_breaker_is_open(breaker))
		return false;
	start_ramp(breaker, now_ms);
	return true;
}

/* A tenth of jitter, so that lanes cut off together do not come back together. */
static void open(
	struct bud_breaker *breaker, const struct bud_breaker_limits *limits, int64_t now_ms)
{
	if (breaker->state == BUD_BREAKER_CLOSED)
		breaker->open_ms = limits->open_ms;
	else
		breaker->open_ms *= 2;
	if (breaker->open_ms > limits->open_ms_longest)
		breaker->open_ms = limits->open_ms_longest;
	breaker->state = BUD_BREAKER_OPEN;
	breaker->open_until_ms = now_ms + breaker->open_ms +
				 (int64_t)bud_random_below((uint64_t)breaker->open_ms / 10 + 1);
	memset(breaker->slices, 0, sizeof(breaker->slices));
}

/* Notes it in the last minute; true when too many of that failed. */
static bool add_to_minute(struct bud_breaker *breaker, bool is_ok, int64_t now_ms)
{
	int64_t slice = now_ms / BUD_BREAKER_SLICE_MS;
	unsigned n = 0;
	unsigned failed = 0;

	if (slice - breaker->slice >= BUD_BREAKER_SLICES) {
		memset(breaker->slices, 0, sizeof(breaker->slices));
		breaker->slice = slice;
	}
	while (breaker->slice < slice) {
		breaker->slice++;
		memset(&breaker->slices[breaker->slice % BUD_BREAKER_SLICES], 0,
			sizeof(breaker->slices[0]));
	}
	breaker->slices[slice % BUD_BREAKER_SLICES].n++;
	if (is_ok)
		return false;
	breaker->slices[slice % BUD_BREAKER_SLICES].failed++;
	for (size_t i = 0; i < BUD_BREAKER_SLICES; i++) {
		n += breaker->slices[i].n;
		failed += breaker->slices[i].failed;
	}
	return n >= PROPORTION_MIN && failed * 2 >= n;
}

enum bud_breaker_news bud_breaker_count(struct bud_breaker *breaker,
	const struct bud_breaker_limits *limits, bool is_ok, bool is_probe, int64_t now_ms)
{
	bool is_minute_bad = add_to_minute(breaker, is_ok, now_ms);

	if (is_ok) {
		breaker->failures = 0;
		return bud_breaker_close(breaker, now_ms) ? BUD_BREAKER_HAS_CLOSED
							  : BUD_BREAKER_NO_NEWS;
	}
	breaker->failures++;
	/* Attempts that started before it opened say nothing new. */
	if (breaker->state == BUD_BREAKER_OPEN ||
		(breaker->state == BUD_BREAKER_PROBING && !is_probe))
		return BUD_BREAKER_NO_NEWS;
	if (breaker->state != BUD_BREAKER_PROBING && breaker->failures < limits->failures &&
		!is_minute_bad)
		return BUD_BREAKER_NO_NEWS;
	open(breaker, limits, now_ms);
	return BUD_BREAKER_HAS_OPENED;
}

void bud_breaker_open_until(
	struct bud_breaker *breaker, const struct bud_breaker_limits *limits, int64_t until_ms)
{
	if (breaker->state == BUD_BREAKER_CLOSED)
		breaker->open_ms = limits->open_ms;
	if (breaker->state != BUD_BREAKER_PROBING)
		breaker->state = BUD_BREAKER_OPEN;
	if (until_ms > breaker->open_until_ms)
		breaker->open_until_ms = until_ms;
}
