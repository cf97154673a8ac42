/* The services that the configuration names: the decision point and the register. */
#pragma once
#include "core/alloc.h"
#include "core/error.h"

struct bud_config; /* config/config.h */

/* So that the workers can open them. -EINVAL with `error` filled: an address or a header line
 * cannot be used. */
BUD_MUST_CHECK int bud_services_check(const struct bud_config *config, struct bud_error *error);
