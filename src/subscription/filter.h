/* A filter: which events a subscription wants by their attributes, as its `filters` (CloudEvents
 * Subscriptions API: exact, prefix, suffix, all, any, not, sql), its `source` and its `types` say,
 * compiled into a short program of tests with two ways out each. An expression of SQL is one test,
 * which fails if there is an error (subprojects/cesql).
 *
 * One dialect more is Altinn's own filters, as its Events API makes them: {"altinn":{"resource":…,
 * "type":…, "subject":…, "unit":…, "source":…}}. The first three are exact; `unit` is a subject or
 * anything that the register says is a part of it; `source` is a base (event/uri.h).
 *
 * Filters that say the same with their members in another order, nested or repeated, are equal. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"

struct bud_event;  /* event/event.h */
struct bud_filter; /* opaque; immutable, so any number of threads may match with it */
struct json_t;     /* jansson */

/* What must hold, all of it. */
struct bud_filter_source {
	const struct json_t *filters; /* an array, each of which must hold; or NULL */
	const char *source;           /* exactly; NULL: any */
	char *const *types;           /* one of them exactly; none: any */
	size_t n_types;               /* at most BUD_TYPES_MAX */
};

/* Compiles the value of the member `filters`: an array of which every filter must hold. An empty
 * array gives NULL, which matches everything. -EINVAL: `error` names the member at fault, such as
 * "filters[0].all[1].exact.type". Bounds: BUD_FILTER_* in core/limits.h; a node is
 * an all, any or not, an expression, or one pair of an exact, prefix or suffix. */
BUD_MUST_CHECK int bud_filter_compile(
	const struct json_t *filters, struct bud_filter **out_filter, struct bud_error *error);
/* The same with source and types. */
BUD_MUST_CHECK int bud_filter_compile_all(const struct bud_filter_source *source,
	struct bud_filter **out_filter, struct bud_error *error);
/* Beside its owner, in any thread: who is last to destroy it frees it. */
void bud_filter_hold(const struct bud_filter *filter);
void bud_filter_destroy(struct bud_filter *filter);

/* Whether they ask the same of an event; a hash is equal for those that do. */
bool bud_filter_equals(const struct bud_filter *filter, const struct bud_filter *other);
struct bud_span bud_filter_bytes(const struct bud_filter *filter);

/* Whether it asks for a unit, and whether it names a type of our own events (event/notice.h). */
bool bud_filter_has_unit(const struct bud_filter *filter);
bool bud_filter_names_notices(const struct bud_filter *filter);
/* Whether who has it gets the event: it matches, and only who names our own gets these. */
bool bud_filter_wants(const struct bud_filter *filter, const struct bud_event *event);
/* Pure in the event's attributes and its main subject; a missing attribute makes exact, prefix and
 * suffix false. */
bool bud_filter_match(const struct bud_filter *filter, const struct bud_event *event);

/* The value that `attribute` must have exactly, or no event matches; {0} when there is no such one
 * value. For the subject it may also be the event's main subject that has it. Lent by the filter.
 */
struct bud_span bud_filter_needs(const struct bud_filter *filter, const char *attribute);

/* A cover: alternatives of which one holds for every event that matches; what an index may rely on.
 */
enum bud_literal_kind {
	BUD_LITERAL_EXACT, /* for the subject, its main subject may have the value */
	BUD_LITERAL_PREFIX,
	BUD_LITERAL_BASE, /* of the source (event/uri.h) */
};

struct bud_literal {
	enum bud_literal_kind kind;
	struct bud_span name;
	struct bud_span value;
};

#define BUD_COVER_LITERALS_MAX 10u

/* 0: it has none, and is asked about every event. */
size_t bud_filter_cover_n(const struct bud_filter *filter);
/* The next alternative: all of so many literals hold, lent by the filter; 0 behind the last one.
 * `position` starts as 0. */
size_t bud_filter_cover_next(const struct bud_filter *filter, size_t *position,
	struct bud_literal literals[BUD_COVER_LITERALS_MAX]);
/* Whether it has no cover only because that would be more than BUD_FILTER_POSTINGS_MAX
 * alternatives. */
bool bud_filter_is_wide(const struct bud_filter *filter);
/* Whether it matches every event for which an alternative holds. */
bool bud_filter_is_covered(const struct bud_filter *filter);

/* How many subscriptions of one matcher have it: for that matcher, under its table's locks. */
uint32_t *bud_filter_uses(struct bud_filter *filter);
