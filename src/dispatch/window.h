/* A window: how many attempts an endpoint bears at a time, learned from its answers: one more after
 * a window of successes that was used up, half of it when it is overloaded. When a quarter more at
 * a time did not carry an eighth more in the same time, the receiver (or this machine) has no more
 * to give: the quarter is given back, for a while. Pure. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct bud_window {
	unsigned size;
	unsigned successes; /* since it grew last */
	int64_t took_ms;    /* they, in sum */
	bool is_used;       /* as many ran as it allows, since it grew last */
	int64_t halved_ms;
	unsigned proved;        /* the size that was worth its attempts */
	double proved_took_ms;  /* one of them */
	int64_t grows_after_ms; /* not before */
};

void bud_window_init(struct bud_window *window, unsigned size);
/* So many run now, out of `most`: the window or what is allowed beneath it. */
void bud_window_use(struct bud_window *window, unsigned running, unsigned most);
void bud_window_on_success(
	struct bud_window *window, unsigned largest, int64_t took_ms, int64_t now_ms);
/* Attempts that ran together fail together: that is one reason, for a second or for as long as they
 * took. True when it was halved. */
bool bud_window_halve(struct bud_window *window, int64_t took_ms, int64_t now_ms);
