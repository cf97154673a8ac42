/* Windows: additive up, halved down. */
#include "dispatch/window.h"

#define HALVED_MS    1000
#define NO_GROWTH_MS 10000

void bud_window_init(struct bud_window *window, unsigned size)
{
	*window = (struct bud_window){.size = size,
		.proved = size,
		.halved_ms = INT64_MIN / 2,
		.grows_after_ms = INT64_MIN / 2};
}

void bud_window_use(struct bud_window *window, unsigned running, unsigned most)
{
	if (running >= most)
		window->is_used = true;
}

/* A round begins: attempts that were counted before do not tell of this size. */
static void begin(struct bud_window *window, unsigned size)
{
	window->size = size;
	window->successes = 0;
	window->took_ms = 0;
	window->is_used = false;
}

/* Whether so many at a time, each of which took `took_ms`, are worth it. What is carried in a time
 * is their number by what each took (Little's law). */
static bool is_worth(const struct bud_window *window, double took_ms)
{
	return window->size * window->proved_took_ms * 8 >= window->proved * took_ms * 9;
}

void bud_window_on_success(
	struct bud_window *window, unsigned largest, int64_t took_ms, int64_t now_ms)
{
	bool is_quarter_more = window->size * 4 >= window->proved * 5;
	double mean_ms;

	if (!window->is_used || window->size >= largest || now_ms < window->grows_after_ms)
		return;
	window->took_ms += took_ms;
	if (++window->successes < window->size)
		return;
	mean_ms = (double)window->took_ms / window->successes;
	if (is_quarter_more && window->size > window->proved + 1 && !is_worth(window, mean_ms)) {
		begin(window, window->proved);
		window->grows_after_ms = now_ms + NO_GROWTH_MS;
		return;
	}
	if (is_quarter_more || window->size == window->proved) {
		window->proved = window->size;
		window->proved_took_ms = mean_ms;
	}
	begin(window, window->size + 1);
}

bool bud_window_halve(struct bud_window *window, int64_t took_ms, int64_t now_ms)
{
	int64_t pause_ms = took_ms > HALVED_MS ? took_ms : HALVED_MS;

	if (now_ms - window->halved_ms < pause_ms || window->size <= 1)
		return false;
	begin(window, window->size / 2);
	window->proved = window->size;
	window->halved_ms = now_ms;
	return true;
}
