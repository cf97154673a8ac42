/* Endpoints as the nodes publish them, for people to look at: each node's own field, gone an hour
 * after the last change. */
#pragma once
#include "store/store.h"

#define BUD_ENDPOINT_ID_BYTES 33

/* 32 hex digits and a NUL: of the owner and the sink without its query; the same on every node. */
void bud_endpoint_id_write(const struct bud_hash_key *key, struct bud_span owner,
	struct bud_span sink, char out[BUD_ENDPOINT_ID_BYTES]);

struct bud_endpoint_state {
	struct bud_span id;
	struct bud_span owner;
	struct bud_span sink; /* without its query */
	struct bud_span node;
	struct bud_span json; /* what this node knows: an object */
};

/* Fire and forget. */
int bud_endpoint_state_put(struct bud_store *store, const struct bud_endpoint_state *state);

#define BUD_ENDPOINT_NODES_MAX 32
#define BUD_ENDPOINT_PAGE_MAX  100

struct bud_endpoint_node {
	struct bud_span node;
	struct bud_span json;
};

/* Everything is lent. */
struct bud_endpoint_row {
	struct bud_span id;
	struct bud_span owner;
	struct bud_span sink;
	struct bud_endpoint_node nodes[BUD_ENDPOINT_NODES_MAX];
	size_t nodes_n;
};

/* Called for each endpoint of the page in order of id, and at the end with NULL; then `err` says
 * whether the page is whole. */
typedef void (*bud_endpoint_rows_fn)(void *owner, int err, const struct bud_endpoint_row *row);
/* At most `limit` (BUD_ENDPOINT_PAGE_MAX) behind the id `after` ("": from the beginning). A page
 * may have fewer rows than there are: it is the last one when it has none. */
BUD_MUST_CHECK int bud_endpoint_states_list(struct bud_store *store, struct bud_span after,
	size_t limit, bud_endpoint_rows_fn fn, void *owner);
/* One endpoint: `fn` as above, with no row when nobody published it. */
BUD_MUST_CHECK int bud_endpoint_state_get(
	struct bud_store *store, struct bud_span id, bud_endpoint_rows_fn fn, void *owner);
