/* What an attempt's result means. */
#include "dispatch/outcome.h"

#include "config/config.h"
#include "fetch/fetch.h"

enum bud_outcome bud_outcome_of(const struct bud_fetch_result *result)
{
	bool is_success = result->kind == BUD_FETCH_RESPONSE && result->status >= 200 &&
			  result->status <= 299;

	return is_success ? BUD_OUTCOME_DELIVERED : BUD_OUTCOME_AGAIN;
}

int64_t bud_schedule_delay_ms(
	const struct bud_schedule *schedule, unsigned attempt, uint64_t random)
{
	int64_t step_ms;
	int64_t spread_ms;

	if (attempt == 0 || attempt > schedule->n)
		return -1;
	step_ms = (int64_t)schedule->steps[attempt - 1] * 1000;
	spread_ms = step_ms / 5;
	return step_ms - spread_ms + (int64_t)(random % (uint64_t)(2 * spread_ms + 1));
}
