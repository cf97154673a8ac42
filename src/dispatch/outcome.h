/* What an attempt's result means, and when the next one is due. Pure. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct bud_fetch_result; /* fetch/fetch.h */
struct bud_schedule;     /* config/config.h */

enum bud_outcome {
	BUD_OUTCOME_DELIVERED,
	BUD_OUTCOME_AGAIN,
};

/* 2xx is delivered (Standard Webhooks 1.0.0, "Successful response"); everything else is tried
 * again, a redirect too: it is never followed (CloudEvents HTTP webhooks 2.2). */
enum bud_outcome bud_outcome_of(const struct bud_fetch_result *result);

/* Milliseconds from the end of attempt number `attempt` to the next one, with a fifth of jitter
 * both ways (`random` is uniform over all values); -1: it was the last one. */
int64_t bud_schedule_delay_ms(
	const struct bud_schedule *schedule, unsigned attempt, uint64_t random);
