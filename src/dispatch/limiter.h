/* A limiter: attempts per second that an endpoint allows, by a token bucket that holds a quarter
 * of a second, one at least. Pure; time is a parameter. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Starts as {0}: no bound. */
struct bud_limiter {
	double per_ms; /* 0: no bound */
	double tokens;
	int64_t filled_ms;
};

/* 0: no bound. What is in the bucket stays, as far as there is room. */
void bud_limiter_set(struct bud_limiter *limiter, double per_s, int64_t now_ms);
/* False: *out_wait_ms until there is one. */
bool bud_limiter_has_token(struct bud_limiter *limiter, int64_t now_ms, int64_t *out_wait_ms);
/* There was one. */
void bud_limiter_take(struct bud_limiter *limiter);
/* It was not used. */
void bud_limiter_give_back(struct bud_limiter *limiter);
