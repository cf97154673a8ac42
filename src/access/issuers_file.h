/* The file of issuers that the configuration names. */
#pragma once
#include "core/alloc.h"
#include "core/error.h"

struct bud_config;  /* config/config.h */
struct bud_issuers; /* auth/issuers.h */

/* NULL in *out_issuers when tokens are not accepted. Negative with `error` filled: there is no such
 * file, or it is wrong. */
BUD_MUST_CHECK int bud_issuers_load(
	const struct bud_config *config, struct bud_issuers **out_issuers, struct bud_error *error);
