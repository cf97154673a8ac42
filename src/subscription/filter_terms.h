/* The terms of a filter: the tree that its JSON, types and source say, before it is a program. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/alloc.h"
#include "core/error.h"
#include "core/limits.h"
#include "core/text.h"
#include "subscription/filter.h"

struct cesql_expression; /* cesql.h */
struct json_t;           /* jansson */

/* In the order in which the members of an all or any are asked: what costs least first. */
enum bud_term_kind {
	BUD_TERM_EXACT,
	BUD_TERM_UNIT,
	BUD_TERM_PREFIX,
	BUD_TERM_SUFFIX,
	BUD_TERM_BASE,
	BUD_TERM_SQL,
	BUD_TERM_NOT, /* from here on with members */
	BUD_TERM_ALL,
	BUD_TERM_ANY,
};

#define BUD_TERM_NONE UINT16_MAX
/* Terms that only a cover knows: what SQL expressions need of an event. */
#define BUD_TERMS_HINTS_MAX 128u
/* Every node, an all for each object of several pairs, the root, a source, an any of types. */
#define BUD_TERMS_MAX                                                                              \
	(BUD_FILTER_NODES_MAX + BUD_FILTER_NODES_MAX / 2 + 3 + BUD_TYPES_MAX + BUD_TERMS_HINTS_MAX)

/* Members stand behind the term they belong to, so a walk from the last to the first sees members
 * before it sees what they are members of. */
struct bud_term {
	uint8_t kind;
	uint8_t depth;
	bool is_types;
	bool is_wide;   /* has no cover only because that would have too many alternatives */
	uint16_t first; /* member, of SQL a hint; BUD_TERM_NONE: none */
	uint16_t next;  /* of the same all or any */
	uint16_t parent;
	uint16_t place;      /* in the JSON array of its parent */
	uint16_t test;       /* in the program; BUD_TERM_NONE: not there */
	uint16_t covers;     /* alternatives of its cover, and where they begin; 0: none */
	uint16_t expression; /* of SQL: which */
	uint32_t cover_at;
	uint64_t digest;
	struct bud_span name;      /* of the attribute; lent by the JSON, as the value is */
	struct bud_span value;     /* of SQL: the canonical bytes, lent by the expression */
	const struct json_t *json; /* to be read; NULL: it was */
};

struct bud_terms {
	struct bud_error *error;
	unsigned nodes;
	size_t n;
	size_t unread; /* terms that have JSON still: each is a node at least */
	size_t hints;
	size_t n_expressions;
	struct cesql_expression *expressions[BUD_FILTER_NODES_MAX]; /* NULL: given away */
	struct bud_term at[BUD_TERMS_MAX];
};

/* The first term is an all of everything. -EINVAL: as bud_filter_compile(). */
BUD_MUST_CHECK int bud_terms_parse(
	struct bud_terms *terms, const struct bud_filter_source *source, struct bud_error *error);
/* Appends `n` members, for which there is room; returns the first. */
uint16_t bud_terms_append(struct bud_terms *terms, uint16_t parent, size_t n);
/* Frees the expressions that were not given away; also after a failure. */
void bud_terms_finish(struct bud_terms *terms);

static inline bool bud_term_has_members(const struct bud_term *term)
{
	return term->kind >= BUD_TERM_NOT;
}
