/* Waiting in a test that runs its own uv_loop_t `loop`: turns it until the condition holds, and
 * fails after 20 s. */
#pragma once
#include "core/clock.h"

#define wait_until(condition)                                                                      \
	do {                                                                                       \
		int64_t end_ = bud_clock_mono_ms() + 20000;                                        \
		while (!(condition)) {                                                             \
			if (bud_clock_mono_ms() > end_)                                            \
				fail_msg("not in 20 s: %s", #condition);                           \
			uv_run(&loop, UV_RUN_NOWAIT);                                              \
			uv_sleep(1);                                                               \
		}                                                                                  \
	} while (0)
