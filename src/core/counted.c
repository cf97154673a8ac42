/* Counted things. */
#include "core/counted.h"

void bud_counted_init(struct bud_counted *counted, void (*destroy)(struct bud_counted *counted))
{
	atomic_init(&counted->refs, 1);
	counted->destroy = destroy;
}

void bud_counted_unref(struct bud_counted *counted)
{
	if (atomic_fetch_sub(&counted->refs, 1) == 1)
		counted->destroy(counted);
}

void bud_current_init(struct bud_current *current, struct bud_counted *first)
{
	pthread_mutex_init(&current->lock, NULL);
	current->now = first;
}

void bud_current_finish(struct bud_current *current)
{
	bud_counted_unref(current->now);
	pthread_mutex_destroy(&current->lock);
}

struct bud_counted *bud_current_take(struct bud_current *current)
{
	struct bud_counted *counted;

	pthread_mutex_lock(&current->lock);
	counted = current->now;
	atomic_fetch_add(&counted->refs, 1);
	pthread_mutex_unlock(&current->lock);
	return counted;
}

void bud_current_put(struct bud_current *current, struct bud_counted *fresh)
{
	struct bud_counted *before = current->now;

	pthread_mutex_lock(&current->lock);
	current->now = fresh;
	pthread_mutex_unlock(&current->lock);
	bud_counted_unref(before);
}
