/* A page: which part of a list a request asks for, and the link to the next one. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/alloc.h"
#include "core/text.h"

struct bud_error;   /* core/error.h */
struct bud_request; /* http/request.h */

/* Where a page may begin: `after` an opaque cursor in lists that keep their order, or at `offset`
 * in those that change all the time. */
struct bud_page_rule {
	const char *cursor;  /* "after" or "offset" */
	size_t size_default; /* of lines it is size_max */
	size_t size_max;
	bool has_times; /* also `from` and `to` */
	bool has_lines; /* also `format`: "json" or "ndjson" */
	bool is_by_id;  /* the cursor is an id in hex, not a number */
};

/* With the NUL. */
#define BUD_PAGE_ID_BYTES 65

struct bud_page {
	size_t size;                   /* 1 to size_max */
	uint64_t start;                /* what the cursor says; 0 without one */
	char after[BUD_PAGE_ID_BYTES]; /* what it says by id; "" without one */
	int64_t from_ms;               /* inclusive; 0 without one */
	int64_t to_ms;                 /* exclusive; 0: no end */
	bool is_lines;                 /* one JSON value a line instead of one document */
};

/* Reads `size`, the cursor and what else the rule has from the query; Accept may ask for lines,
 * too. -EINVAL: `error` names the parameter at fault, also an unknown or repeated one. */
BUD_MUST_CHECK int bud_page_parse(const struct bud_request *request,
	const struct bud_page_rule *rule, struct bud_page *out_page, struct bud_error *error);
/* Reads the time of a query parameter; -EINVAL when it is none. */
BUD_MUST_CHECK int bud_page_time(
	const char *name, struct bud_span value, int64_t *out_wall_ms, struct bud_error *error);
/* application/json, or application/x-ndjson. */
const char *bud_page_type(const struct bud_page *page);
/* Adds `Link: <...>; rel="next"` to the reply: the same list from `start` on. */
void bud_page_reply_next(struct bud_request *request, const struct bud_page_rule *rule,
	const struct bud_page *page, uint64_t start);
/* The value of that header, appended. */
void bud_page_write_next(struct bud_buffer *out, struct bud_span path,
	const struct bud_page_rule *rule, const struct bud_page *next);
