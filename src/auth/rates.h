/* Rates: how much each of many names may do in a second, a token bucket each that holds two
 * seconds. Shared by threads; time is a parameter. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "core/text.h"

struct bud_rates; /* opaque */

/* Remembers at most so many names at a time: those that have something to make up for. */
struct bud_rates *bud_rates_create(size_t names_max);
/* No thread uses it any more. NULL is fine. */
void bud_rates_destroy(struct bud_rates *rates);

/* Takes `n` for `name`, which may do `per_s` in a second, more than 0. What is more than a bucket
 * holds is taken from a full one, and owed. 0: taken. Else nothing was taken, and it is so many
 * milliseconds until it can be, if nobody else takes by this name. */
int64_t bud_rates_take(
	struct bud_rates *rates, struct bud_span name, double per_s, double n, int64_t mono_ms);
