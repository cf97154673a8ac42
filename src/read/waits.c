/* Waits. add -> (each TICK_MS: polls for all that are in none) -> on_news or the time is over ->
 * wake. A poll knows its waits by place, and a wait that ends takes itself out of its poll. */
#include "read/waits.h"

#include <stdlib.h>
#include <uv.h>

#include "core/clock.h"
#include "core/limits.h"

#define TICK_MS 20

struct bud_poll {
	struct bud_waits *waits;
	size_t n;
	struct bud_wait *of[BUD_INDEX_WAITS_MAX]; /* NULL: it has ended */
	struct bud_index_wait asked[BUD_INDEX_WAITS_MAX];
};

struct bud_waits {
	struct bud_store *store;
	uv_timer_t timer;
	struct bud_list list; /* bud_wait::link */
	size_t n;
};

static void on_tick(uv_timer_t *timer);

struct bud_waits *bud_waits_open(struct uv_loop_s *loop, struct bud_store *store)
{
	struct bud_waits *waits = bud_new(struct bud_waits);

	waits->store = store;
	bud_list_init(&waits->list);
	uv_timer_init(loop, &waits->timer);
	waits->timer.data = waits;
	return waits;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void bud_waits_close(struct bud_waits *waits)
{
	if (waits)
		uv_close((uv_handle_t *)&waits->timer, on_closed);
}

size_t bud_waits_count(const struct bud_waits *waits)
{
	return waits->n;
}

bool bud_waits_add(struct bud_waits *waits, struct bud_wait *wait)
{
	if (waits->n >= BUD_PULL_WAITS_MAX)
		return false;
	/* A read at its end has seen all up to its position. */
	wait->checked = wait->position;
	wait->poll = NULL;
	bud_list_append(&waits->list, &wait->link);
	if (waits->n++ == 0)
		uv_timer_start(&waits->timer, on_tick, TICK_MS, TICK_MS);
	return true;
}

static void wake(struct bud_waits *waits, struct bud_wait *wait)
{
	if (wait->poll)
		wait->poll->of[wait->place] = NULL;
	bud_list_remove(&wait->link);
	if (--waits->n == 0)
		uv_timer_stop(&waits->timer);
	wait->wake(wait);
}

void bud_waits_wake(struct bud_waits *waits)
{
	while (!bud_list_is_empty(&waits->list))
		wake(waits, bud_list_first(&waits->list, struct bud_wait, link));
}

/* What wakes may end others of the same poll. */
static void on_news(void *owner, int err, uint64_t last)
{
	struct bud_poll *poll = owner;

	for (size_t i = 0; i < poll->n; i++) {
		struct bud_wait *wait = bud_move(poll->of[i]);
		if (!wait)
			continue;
		wait->poll = NULL;
		if (err == 0)
			wait->checked = last;
		if (err == 0 && poll->asked[i].has_news)
			wake(poll->waits, wait);
	}
	free(poll);
}

static void put(struct bud_poll *poll, struct bud_wait *wait)
{
	wait->poll = poll;
	wait->place = poll->n;
	poll->of[poll->n] = wait;
	poll->asked[poll->n++] = (struct bud_index_wait){wait->key, wait->position, false};
}

static void send_poll(struct bud_poll *poll)
{
	uint64_t last = UINT64_MAX;

	for (size_t i = 0; i < poll->n; i++)
		if (poll->of[i]->checked < last)
			last = poll->of[i]->checked;
	if (bud_index_news(poll->waits->store, poll->asked, poll->n, last, on_news, poll) < 0)
		on_news(poll, -ENOTCONN, 0); /* the next tick tries again */
}

static void poll_all(struct bud_waits *waits)
{
	struct bud_poll *poll = NULL;
	struct bud_wait *wait;

	bud_list_each (wait, &waits->list, link) {
		if (wait->poll || wait->is_pause)
			continue;
		if (!poll) {
			poll = bud_alloc(sizeof(*poll));
			poll->waits = waits;
			poll->n = 0;
		}
		put(poll, wait);
		if (poll->n == BUD_INDEX_WAITS_MAX)
			send_poll(bud_move(poll));
	}
	if (poll)
		send_poll(poll);
}

static void on_tick(uv_timer_t *timer)
{
	struct bud_waits *waits = timer->data;
	int64_t now_ms = bud_clock_mono_ms();
	struct bud_wait *wait;
	struct bud_wait *after;
	struct bud_list over;

	bud_list_init(&over);
	bud_list_each_safe (wait, after, &waits->list, link) {
		if (now_ms < wait->end_mono_ms && !wait->is_over(wait))
			continue;
		bud_list_remove(&wait->link);
		bud_list_append(&over, &wait->link);
	}
	while (!bud_list_is_empty(&over))
		wake(waits, bud_list_first(&over, struct bud_wait, link));
	poll_all(waits);
}
