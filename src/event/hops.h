/* Hops: how many times an event was delivered and published again. The header `webhook-hops` of an
 * attempt says it, and the attribute `webhookhops` keeps it while the event is ours, so that one
 * that goes round in circles ends. */
#pragma once
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"

struct bud_envelope; /* event/envelope.h */

#define BUD_HOPS_HEADER    "webhook-hops"
#define BUD_HOPS_ATTRIBUTE "webhookhops"
#define BUD_HOPS_MAX       3u

/* Reads the header's value. -EINVAL: no number, -ELOOP: more than BUD_HOPS_MAX. */
BUD_MUST_CHECK int bud_hops_parse(
	struct bud_span value, unsigned *out_hops, struct bud_error *error);
/* Of the attribute's value; 0 when it is no small number: nobody's word but ours counts. */
unsigned bud_hops_of(struct bud_span value);
/* Appends the event with its attribute raised to `hops`, all else byte for byte; at most
 * BUD_HOPS_ROOM longer. -EINVAL: there is no room for an attribute more, or one of that name has
 * escapes in it. */
#define BUD_HOPS_ROOM (sizeof(BUD_HOPS_ATTRIBUTE) + 5)
BUD_MUST_CHECK int bud_hops_write(const struct bud_envelope *envelope, unsigned hops,
	struct bud_buffer *out, struct bud_error *error);
/* The header line of an attempt with an event that has made `hops`. Static. */
const char *bud_hops_line(unsigned hops);
