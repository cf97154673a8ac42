/* A thing that one thread replaces now and then and all threads read: whoever took it keeps what it
 * took, whole and unchanged, until it gives it back. */
#pragma once
#include <pthread.h>
#include <stdatomic.h>

/* Part of the thing. */
struct bud_counted {
	atomic_uint refs;
	void (*destroy)(struct bud_counted *counted);
};

/* Where it is. */
struct bud_current {
	pthread_mutex_t lock; /* for a few instructions */
	struct bud_counted *now;
};

/* Takes over the one reference that a new one has. */
void bud_counted_init(struct bud_counted *counted, void (*destroy)(struct bud_counted *counted));
/* The last one to do so destroys it. */
void bud_counted_unref(struct bud_counted *counted);

/* Takes `first` over. */
void bud_current_init(struct bud_current *current, struct bud_counted *first);
/* Nobody takes from it any more. */
void bud_current_finish(struct bud_current *current);
/* A reference. Any thread. */
struct bud_counted *bud_current_take(struct bud_current *current);
/* Takes `fresh` over, and gives back what was there. The one thread that writes. */
void bud_current_put(struct bud_current *current, struct bud_counted *fresh);
