/* The two clocks. */
#include "core/clock.h"

#include <stdio.h>
#include <time.h>

/* 9999-12-31T23:59:59.999Z: a year has four digits in RFC 3339. */
#define LAST_MS 253402300799999

static int64_t read_us(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t bud_clock_wall_ms(void)
{
	return read_us(CLOCK_REALTIME) / 1000;
}

int64_t bud_clock_mono_ms(void)
{
	return read_us(CLOCK_MONOTONIC) / 1000;
}

int64_t bud_clock_mono_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

void bud_clock_write(int64_t wall_ms, char out[25])
{
	int64_t written_ms = wall_ms < LAST_MS ? wall_ms : LAST_MS;
	time_t seconds = (time_t)(written_ms / 1000);
	struct tm tm;
	size_t len;

	gmtime_r(&seconds, &tm);
	len = strftime(out, 25, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + len, 25 - len, ".%03dZ", (int)((unsigned)(written_ms % 1000) % 1000));
}
