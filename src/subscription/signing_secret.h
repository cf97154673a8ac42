/* A signing secret as a record has it: its canonical text. */
#pragma once
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"

/* From any spelling of it; a new one when `text.at` is NULL. The caller overwrites and frees it.
 * -EINVAL: `error` names `config.signing.secret` and never quotes it. */
BUD_MUST_CHECK int bud_signing_secret_make(
	struct bud_span text, char **out_secret, struct bud_error *error);
