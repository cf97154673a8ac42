/* A route: a method and a path pattern, and who answers it. Tables of routes are joined by whoever
 * opens the listener. */
#pragma once
#include <stddef.h>
#include "core/text.h"

struct bud_request; /* http/request.h */

#define BUD_ROUTE_PARAMETERS_MAX 4

/* Answers with bud_reply() (http/reply.h), at once or later on the same loop, exactly once. */
typedef void (*bud_route_fn)(void *context, struct bud_request *request);

/* `path` is literal segments and whole segments in braces: "/subscriptions/{id}/attempts". The text
 * in the braces is for readers; values come in the order of the path. "*" alone is any path. A GET
 * route answers HEAD, too, and OPTIONS is answered with Allow unless a route takes it. A route that
 * names no need takes requests only of callers who are known. */
struct bud_route {
	const char *method;
	const char *path;
	bud_route_fn handle;
	size_t body_bytes_max; /* 0: the request has no body */
	unsigned need; /* what the caller must be allowed to, enum bud_need in auth/need.h */
};

/* Earlier tables and routes win; put the hot ones first. */
struct bud_route_table {
	const struct bud_route *routes;
	size_t n;
	void *context; /* handed to each `handle` of this table */
};

struct bud_route_match {
	const struct bud_route *route;
	void *context;
	/* The segments as they came, still percent-encoded. */
	struct bud_span parameters[BUD_ROUTE_PARAMETERS_MAX];
	size_t n_parameters;
};

enum bud_route_result {
	BUD_ROUTE_FOUND,
	BUD_ROUTE_NO_PATH,   /* 404 */
	BUD_ROUTE_NO_METHOD, /* 405, or the automatic answer to OPTIONS */
};

/* Finds who answers `method` on `path` (no query, as it came). */
enum bud_route_result bud_route_find(const struct bud_route_table *tables, size_t n_tables,
	struct bud_span method, struct bud_span path, struct bud_route_match *out_match);
/* Appends the value of Allow for `path`: "GET, HEAD, POST, OPTIONS". */
void bud_route_write_allow(const struct bud_route_table *tables, size_t n_tables,
	struct bud_span path, struct bud_buffer *out);
