/* Decisions of the decision point, for a short while, shared by all threads: a bounded table whose
 * stripes have a lock each. What is asked is kept as a keyed hash: nobody reads parties out of it.
 */
#pragma once
#include <stdint.h>
#include "auth/question.h"
#include "core/hash.h"

/* The longest that a decision is kept. */
#define BUD_DECISION_KEPT_MS_MAX (24 * 3600 * 1000)

struct bud_decision_cache; /* opaque */

/* Room for `room` decisions; the oldest make room. */
struct bud_decision_cache *bud_decision_cache_create(size_t room);
/* NULL is fine. */
void bud_decision_cache_destroy(struct bud_decision_cache *cache);

/* What stands for a question: identity, action, resource, type and subject, the party. Not the
 * publisher nor the event's id: the decision point is not told them. */
struct bud_hash_128 bud_decision_key(
	const struct bud_decision_cache *cache, const struct bud_question *question);
/* LATER: not known, or not any more. `now_ms` is the wall clock, and where it went back the
 * decision is not known any more. */
enum bud_decision bud_decision_cache_get(
	struct bud_decision_cache *cache, struct bud_hash_128 key, int64_t now_ms);
void bud_decision_cache_put(struct bud_decision_cache *cache, struct bud_hash_128 key,
	enum bud_decision decision, int64_t until_ms);
/* Forgets all. */
void bud_decision_cache_clear(struct bud_decision_cache *cache);
