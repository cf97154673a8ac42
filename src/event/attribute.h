/* An attribute of an event: its name, its value, and what CloudEvents 1.0 asks of both. */
#pragma once
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"

/* How it stood in the JSON; a header of binary mode is a text. */
enum bud_attribute_type {
	BUD_ATTRIBUTE_TEXT,
	BUD_ATTRIBUTE_INTEGER, /* from -2147483648 to 2147483647 */
	BUD_ATTRIBUTE_BOOLEAN,
};

/* `value` is the canonical string: a Boolean or Integer as its text. */
struct bud_attribute {
	struct bud_span name;
	struct bud_span value;
	enum bud_attribute_type type;
};

/* 0 when `name` is a legal name: [a-z0-9]+ but not "data". */
BUD_MUST_CHECK int bud_attribute_check_name(struct bud_span name, struct bud_error *error);
/* 0 when `value`, valid UTF-8, may stand under this name: it has no character that CloudEvents
 * forbids, and it is what core attributes and known extensions must be (attribute.c, rules). */
BUD_MUST_CHECK int bud_attribute_check(
	const struct bud_attribute *attribute, struct bud_error *error);
/* Fills `error` with the name and `text`, which goes on after it; returns -EINVAL. */
int bud_attribute_fault(struct bud_error *error, struct bud_span name, const char *text);
