/* The keys that seal subscribers' secrets in Redis, from the configuration. */
#pragma once
#include "core/alloc.h"
#include "core/error.h"

struct bud_config; /* config/config.h */
struct bud_sealer; /* crypto/seal.h */

/* From `secrets.key` or `secrets.key_file`, of which only one may be set. NULL in `out_sealer` when
 * neither is: nothing is sealed then. -EINVAL, or the errno of the file: `error` names the setting
 * and what would be right, and never quotes a key. */
BUD_MUST_CHECK int bud_secrets_load(
	const struct bud_config *config, struct bud_sealer **out_sealer, struct bud_error *error);
