/* An attribute of an event: its name, its value, and what CloudEvents 1.0 asks of both. */
#pragma once
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"

/* `value` is the canonical string: a Boolean or Integer as its text. */
struct bud_attribute {
	struct bud_span name;
	struct bud_span value;
};

/* 0 when `name` is a legal name: [a-z0-9]+ but not "data". */
BUD_MUST_CHECK int bud_attribute_check_name(struct bud_span name, struct bud_error *error);
/* 0 when `value`, valid UTF-8, may stand under this name: no character that CloudEvents forbids,
 * and the type of the attributes the specification and its documented extensions define. */
BUD_MUST_CHECK int bud_attribute_check(
	const struct bud_attribute *attribute, struct bud_error *error);
