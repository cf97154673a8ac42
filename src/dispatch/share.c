/* Shares. While a share waits, as many slots are held for it as its part of the window has whole
 * ones. What is left over goes by turns (smooth weighted round robin), so that a replay gets its
 * twentieth turn also in a window of two. One that does not come again in time waits no more: slots
 * are not held for nobody. */
#include "dispatch/share.h"

#include <assert.h>

/* Lanes look again each 100 ms. */
#define WAITS_MS 500

static const int weights[BUD_SHARES] = {70, 25, 5};

static unsigned part(enum bud_share share, unsigned window)
{
	return window * (unsigned)weights[share] / 100;
}

/* How much it is behind its due by whole slots: how often it gets a turn. Never 0, for a window
 * that divides evenly has slots over, too, while some do not wait. */
static int turns(enum bud_share share, unsigned window)
{
	return (int)(window * (unsigned)weights[share] % 100) + 1;
}

/* Waits, and has all of its whole part: it would take a turn. */
static bool wants_turn(
	const struct bud_shares *shares, enum bud_share share, unsigned window, int64_t now_ms)
{
	return now_ms < shares->waits_until_ms[share] &&
	       shares->running_by[share] >= part(share, window);
}

static bool has_room(
	const struct bud_shares *shares, enum bud_share share, unsigned window, int64_t now_ms)
{
	unsigned used = shares->running;

	if (used >= window)
		return false;
	if (shares->running_by[share] < part(share, window))
		return true;
	for (enum bud_share other = 0; other < BUD_SHARES; other++) {
		if (other == share || now_ms >= shares->waits_until_ms[other])
			continue;
		if (shares->running_by[other] < part(other, window))
			used += part(other, window) - shares->running_by[other];
		else if (shares->owed[other] > shares->owed[share] ||
			 (shares->owed[other] == shares->owed[share] && other < share))
			return false;
	}
	return used < window;
}

bool bud_shares_have_room(
	struct bud_shares *shares, enum bud_share share, unsigned window, int64_t now_ms)
{
	if (has_room(shares, share, window, now_ms))
		return true;
	shares->waits_until_ms[share] = now_ms + WAITS_MS;
	return false;
}

/* A slot of no whole part was taken while others wanted it, too. */
static void take_turn(
	struct bud_shares *shares, enum bud_share share, unsigned window, int64_t now_ms)
{
	int sum = turns(share, window);

	for (enum bud_share other = 0; other < BUD_SHARES; other++) {
		if (other == share)
			continue;
		if (now_ms >= shares->waits_until_ms[other])
			shares->owed[other] = 0;
		if (!wants_turn(shares, other, window, now_ms))
			continue;
		shares->owed[other] += turns(other, window);
		sum += turns(other, window);
	}
	shares->owed[share] =
		sum == weights[share] ? 0 : shares->owed[share] + weights[share] - sum;
}

void bud_shares_start(
	struct bud_shares *shares, enum bud_share share, unsigned window, int64_t now_ms)
{
	if (shares->running_by[share] >= part(share, window))
		take_turn(shares, share, window, now_ms);
	shares->running++;
	shares->running_by[share]++;
}

void bud_shares_end(struct bud_shares *shares, enum bud_share share)
{
	assert(shares->running > 0 && shares->running_by[share] > 0);
	shares->running--;
	shares->running_by[share]--;
}
