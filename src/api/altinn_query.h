/* A query of Altinn's events: what it asks for, and Altinn's rules for it, in its order and in its
 * words. Within api/ only. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/alloc.h"
#include "core/limits.h"
#include "read/filter.h"

struct bud_error;   /* core/error.h */
struct bud_request; /* http/request.h */

enum bud_altinn_query_kind {
	BUD_ALTINN_QUERY_EVENTS, /* GET /events */
	BUD_ALTINN_QUERY_ORG,    /* GET /app/{org}/{app} */
	BUD_ALTINN_QUERY_PARTY,  /* GET /app/party */
};

#define BUD_ALTINN_TEXTS_MAX (2 * BUD_PULL_PATTERNS_MAX + 12)

/* Owns its texts; at == NULL: not given. */
struct bud_altinn_query {
	enum bud_altinn_query_kind kind;
	struct bud_span after;
	struct bud_span from;
	struct bud_span to;
	struct bud_span size_text;
	struct bud_span party;
	struct bud_span unit;
	struct bud_span person;
	struct bud_span resource; /* of ORG: the app's */
	struct bud_span subject;
	struct bud_span alternative_subject;
	int64_t from_ms; /* INT64_MIN: from the first */
	int64_t to_ms;   /* exclusive */
	size_t size;
	struct bud_read_pattern types[BUD_PULL_PATTERNS_MAX];
	size_t types_n;
	struct bud_read_pattern sources[BUD_PULL_PATTERNS_MAX];
	size_t sources_n;
	char *texts[BUD_ALTINN_TEXTS_MAX];
	size_t texts_n;
};

/* Reads the request: its query, or its body if it has one (a JSON object with the same names), its
 * path and its headers. Unknown names are passed over. -EINVAL: `error` is Altinn's message. To be
 * finished in each case. */
BUD_MUST_CHECK int bud_altinn_query_parse(struct bud_altinn_query *query,
	enum bud_altinn_query_kind kind, const struct bud_request *request,
	struct bud_error *error);
void bud_altinn_query_finish(struct bud_altinn_query *query);
/* The party is found: it takes the place of unit and person. */
void bud_altinn_query_set_party(struct bud_altinn_query *query, const char *id);
/* Which index key answers it, out of those that are there (1u << enum bud_index_kind); the rest is
 * `out_filter`, which borrows the query. -EOPNOTSUPP: none of them does. */
BUD_MUST_CHECK int bud_altinn_query_choose(const struct bud_altinn_query *query, unsigned kinds,
	enum bud_index_kind *out_kind, struct bud_read_filter *out_filter);
/* Appends the address of the next page, behind `base`: the same query with the cursor and, in place
 * of what came in headers, the party or the first event's subject. */
void bud_altinn_query_write_next(const struct bud_altinn_query *query, const char *cursor,
	const struct bud_request *request, struct bud_buffer *out);
