/* The attempt log: the last attempts of each subscription, a line each, newest first. */
#pragma once
#include "store/store.h"

/* Adds lines (JSON objects), the oldest first, and cuts the log to about BUD_ATTEMPT_LOG_LINES.
 * Nothing depends on it: a lost one is only lost. */
int bud_attempts_add(struct bud_store *store, struct bud_span subscription,
	const struct bud_span *lines, size_t n);

typedef void (*bud_attempts_fn)(void *owner, int err, const struct bud_span *lines, size_t n);
BUD_MUST_CHECK int bud_attempts_list(
	struct bud_store *store, struct bud_span subscription, bud_attempts_fn fn, void *owner);
/* Of a deleted subscription. */
int bud_attempts_drop(struct bud_store *store, struct bud_span subscription);
