/* JSON text (RFC 8259) read strictly and in place: nothing is built, nothing is allocated. */
#pragma once
#include <stdbool.h>
#include "core/alloc.h"
#include "core/text.h"

/* A reader's place in the text; `wrong` is NULL at the start. */
struct bud_json {
	const char *at;
	const char *end;
	const char *wrong; /* what is wrong at `at`, once a function has returned false */
};

struct bud_json_string {
	struct bud_span raw; /* between the quotes, as it was written */
	bool has_escapes;
};

/* `at` of the reader stands behind what was read, or where it is wrong. */
void bud_json_pass_blanks(struct bud_json *json);
/* Checks one value and everything inside: grammar, UTF-8, surrogate pairs, at most `depth_max`
 * (<= 64) arrays and objects within each other. Without recursion. */
BUD_MUST_CHECK bool bud_json_pass_value(struct bud_json *json, unsigned depth_max);
BUD_MUST_CHECK bool bud_json_pass_number(struct bud_json *json);
/* `at` stands on the opening quote. */
BUD_MUST_CHECK bool bud_json_read_string(struct bud_json *json, struct bud_json_string *out_string);
/* True when `text` is one value with nothing but blanks around it; else `out_wrong` tells why. */
BUD_MUST_CHECK bool bud_json_is_valid(
	struct bud_span text, unsigned depth_max, const char **out_wrong);
/* Appends what `raw`, which bud_json_read_string() gave, stands for: never longer than `raw`. */
void bud_json_unescape(struct bud_span raw, struct bud_buffer *out);
