/* A breaker: cuts an endpoint off that fails. closed -> open after so many failures in a row, or
 * when half of the last minute's attempts failed -> probing when its time has passed -> ramping on
 * a success (1, 2, 4 ... starts a second) -> closed; open again, twice as long, on a failure. Pure
 * but for its jitter; time is a parameter. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum bud_breaker_state {
	BUD_BREAKER_CLOSED,
	BUD_BREAKER_OPEN,
	BUD_BREAKER_PROBING,
	BUD_BREAKER_RAMPING,
};

struct bud_breaker_limits {
	unsigned failures; /* in a row until it opens */
	int64_t open_ms;   /* how long, first; doubled each time a probe fails */
	int64_t open_ms_longest;
};

#define BUD_BREAKER_SLICES   6
#define BUD_BREAKER_SLICE_MS 10000

/* Starts as {0}. */
struct bud_breaker {
	enum bud_breaker_state state;
	unsigned failures; /* in a row */
	int64_t open_ms;   /* how long it was opened last */
	int64_t open_until_ms;
	unsigned starts; /* RAMPING: in a second */
	unsigned starts_left;
	int64_t ramp_until_ms;
	/* The last minute. */
	int64_t slice; /* the newest one's number */
	struct {
		unsigned n;
		unsigned failed;
	} slices[BUD_BREAKER_SLICES];
};

enum bud_breaker_news {
	BUD_BREAKER_NO_NEWS,
	BUD_BREAKER_HAS_OPENED,
	BUD_BREAKER_HAS_CLOSED,
};

/* Whether an attempt may start; if not, *out_wait_ms until it may. `window`: the ramp ends when it
 * allows as many. */
bool bud_breaker_may_start(
	struct bud_breaker *breaker, unsigned window, int64_t now_ms, int64_t *out_wait_ms);
/* One that may starts; true: it is the probe. */
bool bud_breaker_start(struct bud_breaker *breaker);
/* It was not used for an attempt. */
void bud_breaker_give_back(struct bud_breaker *breaker, bool is_probe);
/* While there is a probe, failures of others say nothing: they started before it was opened. */
enum bud_breaker_news bud_breaker_count(struct bud_breaker *breaker,
	const struct bud_breaker_limits *limits, bool is_ok, bool is_probe, int64_t now_ms);
/* Somebody else found it failing: cut off until then, at least. */
void bud_breaker_open_until(
	struct bud_breaker *breaker, const struct bud_breaker_limits *limits, int64_t until_ms);
/* Somebody else found it well: the ramp begins. False when it was not open. */
bool bud_breaker_close(struct bud_breaker *breaker, int64_t now_ms);
/* Open or probing. */
bool bud_breaker_is_open(const struct bud_breaker *breaker);
/* "closed", "open", "probing", "ramping". */
const char *bud_breaker_word(enum bud_breaker_state state);
