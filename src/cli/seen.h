/* The ids of webhooks that came already: what a receiver keeps to drop repeats. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "core/map.h"
#include "core/text.h"

#define BUD_SEEN_MAX 100000u /* the oldest one is forgotten for one more */

/* Starts as {0}. */
struct bud_seen {
	struct bud_map map;
	struct bud_span *ring; /* owned copies, in the order they came */
	size_t n;
	size_t oldest;
};

/* Whether `id` is new; it is kept from now on. */
bool bud_seen_add(struct bud_seen *seen, struct bud_span id);
void bud_seen_finish(struct bud_seen *seen);
