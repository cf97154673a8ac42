/* Windows: additive up, halved down. */
#include "dispatch/window.h"

#define HALVED_MS 1000

void bud_window_init(struct bud_window *window, unsigned size)
{
	*window = (struct bud_window){.size = size, .halved_ms = INT64_MIN / 2};
}

void bud_window_use(struct bud_window *window, unsigned running, unsigned most)
{
	if (running >= most)
		window->is_used = true;
}

void bud_window_on_success(struct bud_window *window, unsigned largest)
{
	if (!window->is_used || window->size >= largest)
		return;
	if (++window->successes < window->size)
		return;
	window->size++;
	window->successes = 0;
	window->is_used = false;
}

bool bud_window_halve(struct bud_window *window, int64_t took_ms, int64_t now_ms)
{
	int64_t pause_ms = took_ms > HALVED_MS ? took_ms : HALVED_MS;

	if (now_ms - window->halved_ms < pause_ms || window->size <= 1)
		return false;
	window->size /= 2;
	window->successes = 0;
	window->is_used = false;
	window->halved_ms = now_ms;
	return true;
}
