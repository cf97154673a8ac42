/* What the thread that follows the registry tells the workers: how fresh the table is. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* How old a confirmation may be for an attempt to start: a stopped process that resumes must not
 * deliver to a subscription that was deleted meanwhile. */
#define BUD_FOLLOWING_FRESH_MS 1000

/* Shared by all threads; one writer. Starts as {0}: nothing confirmed. */
struct bud_following {
	/* Monotonic time at which Redis was last known to have nothing newer than the table. */
	_Atomic int64_t confirmed_mono_ms;
	/* The registry is gone, went back, or has a gap: nothing may be matched. */
	atomic_bool is_broken;
	/* Of a load under way: so many records of so many; total 0: there is none. */
	_Atomic uint64_t loaded;
	_Atomic uint64_t total;
};

static inline void bud_following_set_loading(
	struct bud_following *following, uint64_t loaded, uint64_t total)
{
	atomic_store(&following->loaded, loaded);
	atomic_store(&following->total, total);
}

static inline bool bud_following_is_fresh(struct bud_following *following, int64_t mono_ms)
{
	int64_t confirmed = atomic_load(&following->confirmed_mono_ms);

	return confirmed != 0 && mono_ms - confirmed < BUD_FOLLOWING_FRESH_MS &&
	       !atomic_load(&following->is_broken);
}
