/* A push config as JSON: the members `config` and `sinkcredential` of a record. Two members of
 * `config` are the record's own: `timeout_ms` and `signing.secret`. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"

struct bud_push_config; /* subscription/push_config.h */
struct json_t;          /* jansson */

struct bud_push_config_source {
	const struct json_t *config; /* NULL or JSON null: nothing is wished */
	/* NULL: that of `old`; JSON null: none. */
	const struct json_t *credential;
	/* For a change: whose secrets stay where nothing is said. NULL for a new one. */
	const struct bud_push_config *old;
	int64_t renewed_until_ms; /* what the API shows of `old` as the end of its token; or 0 */
	bool is_stored;           /* `signing.previous` may be there */
};

/* Gives the shared default when nothing differs from it. -EINVAL: `error` names the member and its
 * range, or the two that do not go together. */
BUD_MUST_CHECK int bud_push_config_parse(const struct bud_push_config_source *source,
	const struct bud_push_config **out_config, struct bud_error *error);

enum bud_push_config_form {
	BUD_PUSH_CONFIG_SHOWN,  /* for the API: with the defaults, without secrets */
	BUD_PUSH_CONFIG_GIVEN,  /* without both */
	BUD_PUSH_CONFIG_STORED, /* with secrets */
};

/* The members that are the record's own. */
struct bud_push_config_rest {
	uint32_t timeout_ms; /* 0: not written */
	const char *secret;  /* NULL: not written */
};

/* Appends the value of `config`. */
void bud_push_config_write(const struct bud_push_config *config, enum bud_push_config_form form,
	const struct bud_push_config_rest *rest, struct bud_buffer *out);
