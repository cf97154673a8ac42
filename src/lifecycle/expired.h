/* Expired grants: they permit nothing, and stay to be seen for a week; then they are taken back, by
 * one node at a time, so that the registry does not keep what nobody misses. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct bud_authority; /* auth/authorize.h */
struct bud_store;     /* store/store.h */

/* Within lifecycle/, the cleaner's part. */
struct bud_expired {
	struct bud_store *store;
	struct bud_authority *authority; /* NULL: nothing is done */
	int64_t due_mono_ms;
	bool is_busy;
};

/* Borrows both until the connection is closed. */
void bud_expired_init(
	struct bud_expired *expired, struct bud_store *store, struct bud_authority *authority);
/* As often as one likes: something is done once a minute. */
void bud_expired_tick(struct bud_expired *expired, int64_t mono_ms);
