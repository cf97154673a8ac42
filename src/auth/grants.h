/* The grants that are in force, in memory, by who got them. Not locked: the authority's part. */
#pragma once
#include <stdint.h>
#include "auth/grant.h"
#include "core/map.h"

/* Starts as {0}. */
struct bud_grants {
	struct bud_map by_id;
	struct bud_map by_to;
};

/* Takes it; one with its id is replaced. */
void bud_grants_put(struct bud_grants *grants, struct bud_grant *taken);
/* An id that is not there is fine. */
void bud_grants_remove(struct bud_grants *grants, struct bud_span id);
void bud_grants_finish(struct bud_grants *grants);

/* All to one identity: start with *position = 0; NULL at the end. Lent. */
const struct bud_grant *bud_grants_next_to(
	const struct bud_grants *grants, struct bud_span to, size_t *position);
/* Those of them that `owner` gave, likewise: others may have given ever so many. */
const struct bud_grant *bud_grants_next_between(const struct bud_grants *grants,
	struct bud_span owner, struct bud_span to, size_t *position);
/* Those by `owner`, or to it, with serials above `after`, the smallest first, and how many they
 * are. The grants are lent, the list is the caller's to free. */
const struct bud_grant **bud_grants_list(
	const struct bud_grants *grants, struct bud_span owner, uint64_t after, size_t *out_n);
/* Those that ended before then: start with *position = 0; NULL at the end. */
const struct bud_grant *bud_grants_next_expired(
	const struct bud_grants *grants, int64_t before_ms, size_t *position);
/* How many there are by `owner`, as many as `max` are counted. */
size_t bud_grants_count(const struct bud_grants *grants, struct bud_span owner, size_t max);
