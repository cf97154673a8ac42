/* Limiters. */
#include "dispatch/limiter.h"

static double room(const struct bud_limiter *limiter)
{
	double quarter = limiter->per_ms * 250;

	return quarter > 1 ? quarter : 1;
}

static void fill(struct bud_limiter *limiter, int64_t now_ms)
{
	if (now_ms > limiter->filled_ms)
		limiter->tokens += (double)(now_ms - limiter->filled_ms) * limiter->per_ms;
	limiter->filled_ms = now_ms;
	if (limiter->tokens > room(limiter))
		limiter->tokens = room(limiter);
}

void bud_limiter_set(struct bud_limiter *limiter, double per_s, int64_t now_ms)
{
	bool is_new = limiter->per_ms == 0;

	if (!is_new)
		fill(limiter, now_ms);
	limiter->per_ms = per_s / 1000;
	limiter->filled_ms = now_ms;
	if (is_new || limiter->tokens > room(limiter))
		limiter->tokens = room(limiter);
}

bool bud_limiter_has_token(struct bud_limiter *limiter, int64_t now_ms, int64_t *out_wait_ms)
{
	if (limiter->per_ms == 0)
		return true;
	fill(limiter, now_ms);
	/* A little less than one is one: time comes in whole milliseconds. */
	if (limiter->tokens > 1 - 1e-6)
		return true;
	*out_wait_ms = (int64_t)((1 - limiter->tokens) / limiter->per_ms) + 1;
	return false;
}

void bud_limiter_take(struct bud_limiter *limiter)
{
	if (limiter->per_ms > 0)
		limiter->tokens -= 1;
}

void bud_limiter_give_back(struct bud_limiter *limiter)
{
	if (limiter->per_ms > 0)
		limiter->tokens += 1;
}
