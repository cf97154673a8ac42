/* A filter: the `filters` of a subscription (CloudEvents Subscriptions API, exact, prefix, suffix,
 * all, any, not), compiled into a short program of tests with two ways out each.
 *
 * One dialect more is Altinn's own filters, as its Events API makes them: {"altinn":{"resource":…,
 * "type":…, "subject":…, "unit":…, "source":…}}. The first three are exact; `unit` is a subject or
 * anything that the register says is a part of it; `source` is a base (event/uri.h). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"

struct bud_event;  /* event/event.h */
struct bud_filter; /* opaque; immutable, so any number of threads may match with it */
struct json_t;     /* jansson */

/* Compiles the value of the member `filters`: an array of which every filter must hold. An empty
 * array gives NULL, which matches everything. -EINVAL: `error` names the member at fault, such as
 * "filters[0].all[1].exact.type". Bounds: BUD_FILTER_* in core/limits.h; a node is
 * an all, any or not, or one pair of an exact, prefix or suffix. */
BUD_MUST_CHECK int bud_filter_compile(
	const struct json_t *filters, struct bud_filter **out_filter, struct bud_error *error);
void bud_filter_destroy(struct bud_filter *filter);

/* Whether it asks for a unit. */
bool bud_filter_has_unit(const struct bud_filter *filter);
/* Pure in the event's attributes and its main subject; a missing attribute makes exact, prefix and
 * suffix false. */
bool bud_filter_match(const struct bud_filter *filter, const struct bud_event *event);

/* The value that `attribute` must have exactly, or no event matches; {0} when there is no such one
 * value. For the subject it may also be the event's main subject that has it. Lent by the filter.
 * This is what an index may rely on. */
struct bud_span bud_filter_needs(const struct bud_filter *filter, const char *attribute);
