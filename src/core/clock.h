/* The two clocks: wall time for what people and Redis see, monotonic time for every wait. */
#pragma once
#include <stdint.h>

/* Milliseconds since 1970, UTC. */
int64_t bud_clock_wall_ms(void);
/* Milliseconds and microseconds since some start; never goes back. */
int64_t bud_clock_mono_ms(void);
int64_t bud_clock_mono_us(void);
/* RFC 3339 in UTC with milliseconds, e.g. 2026-11-22T02:45:00.123Z; what is later than that can say
 * (9999-12-31T23:59:60Z, or an offset on that day) as its last one. `out` holds 25 bytes. */
void bud_clock_write(int64_t wall_ms, char out[25]);
