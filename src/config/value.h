/* Values of settings: from text to a field of struct bud_config and back, by the setting's type. */
#pragma once
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"

struct bud_config;  /* config/config.h */
struct bud_setting; /* config/settings.h */

/* -EINVAL: `error` says what would be right; `config` is as before. */
BUD_MUST_CHECK int bud_value_parse(const struct bud_setting *setting, struct bud_span text,
	struct bud_config *config, struct bud_error *error);
/* Passwords as `***`. */
void bud_value_write(
	const struct bud_setting *setting, const struct bud_config *config, struct bud_buffer *out);
/* The values allowed, for people: "0 to 256", "yes or no". */
void bud_value_write_range(const struct bud_setting *setting, struct bud_buffer *out);
/* True when the value is a list, which may go on in indented lines. */
bool bud_value_is_list(const struct bud_setting *setting);
