/* The text of a configuration file: sections, keys, values and the lines they stand on. */
#pragma once
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"

/* `key` is "section.key"; both lent. `line` counts from 1. A `key` of NULL: the value of the entry
 * before goes on in an indented line. Negative ends the parsing; `error` then says why. */
typedef int (*bud_config_entry_fn)(
	void *owner, const char *key, const char *value, unsigned line, struct bud_error *error);

/* Calls `fn` once per setting, in order. `name` is for the errors. Returns 0, -EINVAL for a line
 * that is none, or what `fn` returned. */
BUD_MUST_CHECK int bud_config_file_parse(struct bud_span text, const char *name,
	bud_config_entry_fn fn, void *owner, struct bud_error *error);
/* Appends the file's bytes: up to BUD_CONFIG_FILE_MAX. */
BUD_MUST_CHECK int bud_config_file_read(
	const char *path, struct bud_buffer *out, struct bud_error *error);
