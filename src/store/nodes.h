/* Nodes: the running `serve`s of a shard, each with a heartbeat that the others watch. */
#pragma once
#include <stdbool.h>
#include "store/store.h"

struct bud_beat {
	const char *node;
	const char *run; /* unique to this start */
	uint64_t counter;
	bool is_first; /* of this run: takes the name over from an earlier one */
};

struct bud_node {
	struct bud_span id;
	struct bud_span value; /* changes with each beat */
};

#define BUD_NODES_MAX 256

/* n is 0: another run goes by our name; stop reading. */
typedef void (*bud_nodes_fn)(void *owner, int err, const struct bud_node *nodes, size_t n);
BUD_MUST_CHECK int bud_node_beat(
	struct bud_store *store, const struct bud_beat *beat, bud_nodes_fn fn, void *owner);

/* Takes a dead node off the list if its value is still that one and nothing is pending with it.
 * The number is 1 when it went. */
BUD_MUST_CHECK int bud_node_forget(struct bud_store *store, struct bud_span id,
	struct bud_span value, bud_store_number_fn fn, void *owner);
