/* One endpoint. admit: pauses, breaker, limiter, window and shares, host, suspects; what is cheap
 * and says no for long comes first, nothing is taken before all say yes. settle gives it all back
 * and learns from the verdict. */
#include "dispatch/endpoint.h"

#include <assert.h>

#include "core/clock.h"
#include "core/random.h"
#include "dispatch/endpoint_state.h"

/* People may end a pause of theirs at any time: look again. */
#define HELD_WAIT_MS 10000
/* So many failures in a row make a suspect. */
#define SUSPECT_FAILURES 3
/* There are too many of them: long enough that thousands of their lanes do not ask all the time. */
#define SUSPECT_WAIT_MS 10000
/* There is no room at the host, or for new ones. */
#define OUTSIDE_WAIT_MS 1000

static bool is_suspect(const struct bud_endpoint *endpoint)
{
	return !endpoint->has_succeeded || bud_breaker_is_open(&endpoint->breaker) ||
	       endpoint->breaker.failures >= SUSPECT_FAILURES;
}

/* Paused, by itself or by people. */
static bool is_held(struct bud_endpoint *endpoint, int64_t now_ms, int64_t *out_wait_ms)
{
	if (now_ms < endpoint->held_until_ms) {
		*out_wait_ms = endpoint->held_until_ms - now_ms;
		if (*out_wait_ms > HELD_WAIT_MS)
			*out_wait_ms = HELD_WAIT_MS;
		return true;
	}
	if (now_ms < endpoint->paused_until_ms) {
		*out_wait_ms = endpoint->paused_until_ms - now_ms;
		if (*out_wait_ms > BUD_ENDPOINT_WAIT_MS_MAX)
			*out_wait_ms = BUD_ENDPOINT_WAIT_MS_MAX;
		return true;
	}
	return false;
}

static unsigned most(const struct bud_endpoint *endpoint)
{
	unsigned bound;

	if (endpoint->max_in_flight == 0)
		return endpoint->window.size;
	bound = endpoint->max_in_flight /
		atomic_load_explicit(&endpoint->endpoints->nodes, memory_order_relaxed);
	if (bound == 0)
		bound = 1;
	return bound < endpoint->window.size ? bound : endpoint->window.size;
}

/* Enters as a suspect; false when there are too many. */
static bool enter_suspects(struct bud_endpoint *endpoint)
{
	struct bud_endpoints *endpoints = endpoint->endpoints;

	if (endpoints->limits.suspects == 0)
		return true;
	if (atomic_fetch_add_explicit(&endpoints->suspects, 1, memory_order_relaxed) >=
		endpoints->limits.suspects) {
		atomic_fetch_sub_explicit(&endpoints->suspects, 1, memory_order_relaxed);
		return false;
	}
	endpoint->suspects++;
	return true;
}

static void leave_suspects(struct bud_endpoint *endpoint)
{
	if (endpoint->suspects == 0)
		return;
	endpoint->suspects--;
	atomic_fetch_sub_explicit(&endpoint->endpoints->suspects, 1, memory_order_relaxed);
}

/* Room outside of the endpoint itself. */
static enum bud_admit enter(struct bud_endpoint *endpoint, int64_t *out_wait_ms)
{
	unsigned host_most = endpoint->endpoints->limits.host;
	int64_t wait_ms = OUTSIDE_WAIT_MS + (int64_t)bud_random_below(OUTSIDE_WAIT_MS);

	if (host_most > 0 && !bud_host_enter(endpoint->host, host_most)) {
		*out_wait_ms = wait_ms;
		return BUD_ADMIT_FULL;
	}
	if (!is_suspect(endpoint) || enter_suspects(endpoint))
		return BUD_ADMIT_YES;
	if (host_most > 0)
		bud_host_leave(endpoint->host);
	/* A new one may be as good as any other: it waits here. One that fails does not hold events
	 * in hand. */
	if (endpoint->breaker.failures == 0) {
		*out_wait_ms = wait_ms;
		return BUD_ADMIT_FULL;
	}
	*out_wait_ms = SUSPECT_WAIT_MS + (int64_t)bud_random_below(SUSPECT_WAIT_MS);
	return BUD_ADMIT_LATER;
}

static enum bud_admit admit(
	struct bud_endpoint *endpoint, enum bud_share share, int64_t now_ms, int64_t *out_wait_ms)
{
	enum bud_admit answer;
	unsigned window = most(endpoint);

	if (is_held(endpoint, now_ms, out_wait_ms) ||
		!bud_breaker_may_start(&endpoint->breaker, window, now_ms, out_wait_ms) ||
		!bud_limiter_has_token(&endpoint->limiter, now_ms, out_wait_ms))
		return BUD_ADMIT_LATER;
	if (!bud_shares_have_room(&endpoint->shares, share, window, now_ms))
		return BUD_ADMIT_FULL;
	answer = enter(endpoint, out_wait_ms);
	if (answer != BUD_ADMIT_YES)
		return answer;
	if (bud_breaker_start(&endpoint->breaker))
		answer = BUD_ADMIT_PROBE;
	bud_limiter_take(&endpoint->limiter);
	bud_shares_start(&endpoint->shares, share, window, now_ms);
	bud_window_use(&endpoint->window, endpoint->shares.running, endpoint->window.size);
	endpoint->is_changed = true;
	return answer;
}

enum bud_admit bud_endpoint_admit(
	struct bud_endpoint *endpoint, enum bud_share share, int64_t now_ms, int64_t *out_wait_ms)
{
	enum bud_admit answer;

	pthread_mutex_lock(&endpoint->lock);
	answer = admit(endpoint, share, now_ms, out_wait_ms);
	pthread_mutex_unlock(&endpoint->lock);
	return answer;
}

static void note_pause(struct bud_endpoint *endpoint, const struct bud_settlement *settlement,
	struct bud_endpoint_news *news, int64_t now_ms)
{
	int64_t until_ms = now_ms + settlement->pause_ms;

	if (settlement->pause_ms <= 0 || until_ms <= endpoint->paused_until_ms)
		return;
	news->is_paused = endpoint->paused_until_ms <= now_ms;
	endpoint->paused_until_ms = until_ms;
	endpoint->is_pause_changed = true;
}

static void count_breaker(struct bud_endpoint *endpoint, const struct bud_settlement *settlement,
	struct bud_endpoint_news *news, int64_t now_ms)
{
	struct bud_endpoints *endpoints = endpoint->endpoints;
	bool was_open = bud_breaker_is_open(&endpoint->breaker);
	enum bud_breaker_news said =
		bud_breaker_count(&endpoint->breaker, &endpoints->breaker_limits,
			settlement->verdict == BUD_VERDICT_OK, settlement->is_probe, now_ms);

	news->is_opened = said == BUD_BREAKER_HAS_OPENED;
	news->is_closed = said == BUD_BREAKER_HAS_CLOSED;
	if (said != BUD_BREAKER_NO_NEWS)
		endpoint->is_pause_changed = true;
	if (news->is_opened && !was_open)
		endpoints->open_count++;
	if (news->is_closed)
		endpoints->open_count--;
}

static void count(struct bud_endpoint *endpoint, const struct bud_settlement *settlement)
{
	if (settlement->verdict == BUD_VERDICT_UNUSED)
		return;
	if (settlement->verdict == BUD_VERDICT_OK && !settlement->is_refused)
		endpoint->delivered++;
	else
		endpoint->failed++;
}

static void learn(struct bud_endpoint *endpoint, const struct bud_settlement *settlement,
	struct bud_endpoint_news *news, int64_t now_ms)
{
	switch (settlement->verdict) {
	case BUD_VERDICT_OK:
		endpoint->has_succeeded = true;
		bud_window_on_success(&endpoint->window, endpoint->endpoints->limits.window_largest,
			settlement->took_ms, now_ms);
		count_breaker(endpoint, settlement, news, now_ms);
		break;
	case BUD_VERDICT_OVERLOADED:
		news->is_halved = bud_window_halve(&endpoint->window, settlement->took_ms, now_ms);
		/* fall through */
	case BUD_VERDICT_FAILED:
		count_breaker(endpoint, settlement, news, now_ms);
		break;
	case BUD_VERDICT_BUSY:
		news->is_halved = bud_window_halve(&endpoint->window, settlement->took_ms, now_ms);
		bud_breaker_give_back(&endpoint->breaker, settlement->is_probe);
		break;
	case BUD_VERDICT_UNUSED:
		bud_breaker_give_back(&endpoint->breaker, settlement->is_probe);
		bud_limiter_give_back(&endpoint->limiter);
		break;
	}
	note_pause(endpoint, settlement, news, now_ms);
}

struct bud_endpoint_news bud_endpoint_settle(
	struct bud_endpoint *endpoint, const struct bud_settlement *settlement, int64_t now_ms)
{
	struct bud_endpoint_news news = {0};

	pthread_mutex_lock(&endpoint->lock);
	bud_shares_end(&endpoint->shares, settlement->share);
	leave_suspects(endpoint);
	if (endpoint->endpoints->limits.host > 0)
		bud_host_leave(endpoint->host);
	count(endpoint, settlement);
	learn(endpoint, settlement, &news, now_ms);
	endpoint->is_changed = true;
	pthread_mutex_unlock(&endpoint->lock);
	return news;
}

/* The lowest of all wishes, in each respect. */
static void apply_wishes(struct bud_endpoint *endpoint)
{
	const struct bud_endpoint_wish *wish;
	double rate = 0;
	unsigned bound = 0;

	bud_list_each (wish, &endpoint->wishes, link) {
		if (wish->rate_per_s > 0 && (rate == 0 || wish->rate_per_s < rate))
			rate = wish->rate_per_s;
		if (wish->max_in_flight > 0 && (bound == 0 || wish->max_in_flight < bound))
			bound = wish->max_in_flight;
	}
	endpoint->max_in_flight = bound;
	if (rate == endpoint->rate_per_s)
		return;
	endpoint->rate_per_s = rate;
	bud_limiter_set(&endpoint->limiter, rate, bud_clock_mono_ms());
}

void bud_endpoint_add_wish(struct bud_endpoint *endpoint, struct bud_endpoint_wish *wish)
{
	pthread_mutex_lock(&endpoint->lock);
	bud_list_append(&endpoint->wishes, &wish->link);
	apply_wishes(endpoint);
	pthread_mutex_unlock(&endpoint->lock);
}

void bud_endpoint_remove_wish(struct bud_endpoint *endpoint, struct bud_endpoint_wish *wish)
{
	pthread_mutex_lock(&endpoint->lock);
	bud_list_remove(&wish->link);
	apply_wishes(endpoint);
	pthread_mutex_unlock(&endpoint->lock);
}
