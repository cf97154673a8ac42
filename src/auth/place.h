/* A place in a JSON text: which member of which element, for errors that name it and its line. */
#pragma once
#include <stddef.h>
#include "core/alloc.h"
#include "core/text.h"

/* On the stack of who reads; the top itself is NULL. */
struct bud_place {
	const struct bud_place *up;
	const char *name; /* of the member; NULL: an element of an array */
	size_t index;
};

/* Appends "rules[2].who[0]"; nothing for the top. */
void bud_place_write(const struct bud_place *place, struct bud_buffer *out);
/* The line, from 1, where it stands in `json`, which is valid: a member's name, an element's first
 * byte. Of the last part that is there. */
unsigned bud_place_line(const struct bud_place *place, struct bud_span json);
