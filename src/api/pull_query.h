/* What a GET /events asks for, read from its query. Within api/ only. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "core/alloc.h"
#include "core/limits.h"
#include "read/filter.h"

struct bud_error;   /* core/error.h */
struct bud_request; /* http/request.h */

enum bud_pull_format {
	BUD_PULL_JSON,  /* an object with items, after and more */
	BUD_PULL_LINES, /* an event a line */
	BUD_PULL_BATCH, /* the array of the CloudEvents batch format */
};

/* Owns its texts. */
struct bud_pull_ask {
	enum bud_index_kind kind; /* the attribute whose index is read */
	struct bud_span value;
	struct bud_span after; /* at == NULL: from the first */
	size_t size;
	int64_t wait_ms;
	enum bud_pull_format format;
	struct bud_read_filter filter; /* also of the other attributes */
	struct bud_read_pattern types[BUD_PULL_PATTERNS_MAX];
	struct bud_read_pattern sources[BUD_PULL_PATTERNS_MAX];
	size_t texts_n;
	char *texts[2 * BUD_PULL_PATTERNS_MAX + BUD_INDEX_KINDS + 1];
};

/* `kinds` is what is indexed: 1u << enum bud_index_kind. -EINVAL: `error` names the parameter at
 * fault; -EOPNOTSUPP: none of the attributes asked for is indexed. To be finished in each case. */
BUD_MUST_CHECK int bud_pull_ask_parse(struct bud_pull_ask *ask, const struct bud_request *request,
	unsigned kinds, struct bud_error *error);
/* The same of one resourceinstance, which the path names; as a batch, if nothing else is asked for.
 */
BUD_MUST_CHECK int bud_pull_ask_parse_instance(struct bud_pull_ask *ask, struct bud_span instance,
	const struct bud_request *request, unsigned kinds, struct bud_error *error);
void bud_pull_ask_finish(struct bud_pull_ask *ask);
/* Appends the path of the next page: the same query with another cursor. */
void bud_pull_write_next_path(
	struct bud_buffer *out, const struct bud_request *request, const char *cursor);
/* The value of the Link header to it. */
void bud_pull_write_next(
	struct bud_buffer *out, const struct bud_request *request, const char *cursor);
