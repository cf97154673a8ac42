/* The node's id: from the configuration, or made once and kept in the data directory. */
#pragma once
#include "core/alloc.h"

struct bud_config; /* config/config.h */
struct bud_error;  /* core/error.h */

/* The data directory exists and is ours alone. `out_id` holds BUD_NODE_ID_BYTES. */
BUD_MUST_CHECK int bud_node_id_get(
	const struct bud_config *config, char *out_id, struct bud_error *error);
