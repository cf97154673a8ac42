/* A schedule: waits between attempts; after steps[n - 1] a delivery is dead. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define BUD_SCHEDULE_STEPS_MAX 60 /* BUD_ATTEMPTS_MAX: a step per attempt */

struct bud_schedule {
	uint32_t steps[BUD_SCHEDULE_STEPS_MAX]; /* seconds */
	size_t n;
};
