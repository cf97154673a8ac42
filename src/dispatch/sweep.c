/* The sweep. next -> pending (a page of ids) -> choose -> cursors and take (pipelined) -> in hand.
 *
 * Poison guard: an event that was delivered to a node several times and never settled may be what
 * kills it. Such suspects are taken up one at a time, so that only the guilty one's count goes on,
 * and the one that reaches the bound goes to the dead letters. */
#include "dispatch/sweep.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/limits.h"
#include "core/log.h"
#include "core/metrics.h"
#include "dispatch/desk.h"
#include "dispatch/hand.h"
#include "store/keys.h"
#include "store/partition.h"

/* Of one partition at a time: however large they are (BUD_EVENT_BYTES_MAX), Redis does not cut the
 * connection for the size of its answer (client-output-buffer-limit), as it may do with a read. */
#define TAKE_MAX 64

struct bud_sweep {
	const struct bud_desk *desk;
	struct bud_hands *hands;
	bud_sweep_fn fn;
	void *owner;
	bool is_wanted;
	bool is_wanted_again;
	bool has_left;
	unsigned partition;
	bool has_after;
	struct bud_member after; /* the last id of the page before */
	/* The step under way. */
	size_t n;
	struct bud_member ids[BUD_READ_MAX];
	uint64_t cursors[BUD_READ_MAX];
	int cursors_err;
	bool has_suspect; /* the last of `ids` */
};

struct bud_sweep *bud_sweep_create(
	const struct bud_desk *desk, struct bud_hands *hands, bud_sweep_fn fn, void *owner)
{
	struct bud_sweep *sweep = bud_new(struct bud_sweep);

	sweep->desk = desk;
	sweep->hands = hands;
	sweep->fn = fn;
	sweep->owner = owner;
	return sweep;
}

void bud_sweep_destroy(struct bud_sweep *sweep)
{
	free(sweep);
}

void bud_sweep_want(struct bud_sweep *sweep)
{
	sweep->is_wanted_again = sweep->is_wanted;
	if (sweep->is_wanted)
		return;
	sweep->is_wanted = true;
	sweep->has_left = false;
	sweep->partition = sweep->desk->worker;
	sweep->has_after = false;
}

bool bud_sweep_is_wanted(const struct bud_sweep *sweep)
{
	return sweep->is_wanted;
}

bool bud_sweep_has_left(const struct bud_sweep *sweep)
{
	return sweep->has_left;
}

/* To the next page or partition, or the end. */
static void advance(struct bud_sweep *sweep, bool page_was_full)
{
	if (page_was_full)
		return;
	sweep->has_after = false;
	sweep->partition += sweep->desk->workers;
	if (sweep->partition < BUD_PARTITIONS)
		return;
	sweep->is_wanted = false;
	if (sweep->is_wanted_again) {
		sweep->is_wanted_again = false;
		bud_sweep_want(sweep);
	}
}

/* What the step was about may be pending still: once more from the beginning. */
static void fail_step(struct bud_sweep *sweep, int err)
{
	bud_sweep_want(sweep);
	sweep->fn(sweep->owner, err, false);
}

static void on_exists(void *owner, int err, int64_t n)
{
	struct bud_sweep *sweep = owner;

	if (err < 0 || n > 0)
		return; /* acked between the look and the take: nothing is lost */
	bud_metrics_add(sweep->desk->metrics, BUD_COUNTER_EVENTS_LOST, 1);
	bud_log_error("the content of a pending event is gone: it is lost");
}

static void on_cursors(void *owner, int err, const uint64_t *serials, size_t n)
{
	struct bud_sweep *sweep = owner;

	sweep->cursors_err = err;
	memset(sweep->cursors, 0, sizeof(sweep->cursors));
	for (size_t i = 0; err == 0 && i < n; i++)
		sweep->cursors[i] = serials[i];
}

static void on_taken(void *owner, int err, const struct bud_entry *entries, size_t n)
{
	struct bud_sweep *sweep = owner;
	size_t at = 0;

	/* Without its cursor a broadcast would begin again. */
	if (err == 0)
		err = sweep->cursors_err;
	if (err < 0) {
		fail_step(sweep, err);
		return;
	}
	/* Both lists are in the same order; what is missing in the answer was acked or trimmed. */
	for (size_t i = 0; i < sweep->n; i++) {
		bool is_there =
			at < n && bud_stream_id_compare(&entries[at].id, &sweep->ids[i]) == 0;
		if (!is_there) {
			(void)bud_partition_exists(
				sweep->desk->reading, &sweep->ids[i], on_exists, sweep);
			continue;
		}
		bud_hands_take(
			sweep->hands, &(struct bud_take){.entry = &entries[at++],
					      .is_suspect = sweep->has_suspect && i == sweep->n - 1,
					      .cursor = sweep->cursors[i]});
	}
	bud_metrics_add(sweep->desk->metrics, BUD_COUNTER_EVENTS_SWEPT, at);
	sweep->fn(sweep->owner, 0, at > 0);
}

/* Which of a page to take: all that are not in hand, but one suspect at a time, the last in order.
 */
static void choose(struct bud_sweep *sweep, const struct bud_pending *pending, size_t n)
{
	size_t room = bud_hands_room(sweep->hands);
	bool has_suspect = sweep->hands->n_suspects > 0;
	struct bud_member suspect = {0};

	sweep->n = 0;
	sweep->has_suspect = false;
	for (size_t i = 0; i < n; i++) {
		if (bud_hands_has(sweep->hands, &pending[i].id))
			continue;
		if (pending[i].deliveries + 1 >= BUD_DELIVERIES_POISON) {
			bud_hands_poison(sweep->hands, &pending[i].id);
		} else if (pending[i].deliveries >= BUD_DELIVERIES_SUSPECT) {
			if (!has_suspect)
				suspect = pending[i].id;
			sweep->has_suspect = sweep->has_suspect || !has_suspect;
			sweep->has_left = sweep->has_left || has_suspect;
			has_suspect = true;
		} else if (sweep->n + 1 < room && sweep->n < TAKE_MAX) {
			sweep->ids[sweep->n++] = pending[i].id;
		} else {
			sweep->has_left = true;
		}
	}
	if (sweep->has_suspect)
		sweep->ids[sweep->n++] = suspect;
}

static void on_pending(void *owner, int err, const struct bud_pending *pending, size_t n)
{
	struct bud_sweep *sweep = owner;
	bool is_full = n == BUD_READ_MAX;
	int r;

	if (err < 0) {
		fail_step(sweep, err);
		return;
	}
	choose(sweep, pending, n);
	if (n > 0) {
		sweep->after = pending[n - 1].id;
		sweep->has_after = true;
	}
	advance(sweep, is_full);
	if (sweep->n == 0) {
		sweep->fn(sweep->owner, 0, false);
		return;
	}
	/* In this order on one connection: the cursors are there before the events. */
	r = bud_partition_cursors(sweep->desk->reading, sweep->ids, sweep->n, on_cursors, sweep);
	if (r == 0)
		r = bud_partition_take(sweep->desk->reading, sweep->desk->node, sweep->ids,
			sweep->n, on_taken, sweep);
	if (r < 0)
		fail_step(sweep, r);
}

int bud_sweep_next(struct bud_sweep *sweep)
{
	assert(sweep->is_wanted);
	return bud_partition_pending(sweep->desk->reading, sweep->partition, sweep->desk->node,
		sweep->has_after ? &sweep->after : NULL, on_pending, sweep);
}
