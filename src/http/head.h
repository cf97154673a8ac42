/* The head of a request: finds its end in the raw bytes and refuses what smugglers send. Stricter
 * than the parser behind it (http/parser.h), which lets a good deal through (RFC 9112, 9110). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/limits.h"
#include "core/text.h"

/* Why a request gets no handler. The texts are constants; `member` may be NULL. */
struct bud_refusal {
	int status;
	const char *detail;
	const char *member;
};

/* How far the search has come. Starts as {0}. */
struct bud_head_scan {
	size_t line; /* where the current line starts */
	size_t seen; /* no line feed between `line` and here */
	size_t n_lines;
};

enum bud_head_result {
	BUD_HEAD_MORE, /* call again with the same bytes and more behind them */
	BUD_HEAD_WHOLE,
	BUD_HEAD_REFUSED,
};

struct bud_head {
	struct bud_span method;
	struct bud_span target; /* as it came */
	struct bud_span path;
	struct bud_span query; /* without "?" */
	struct bud_span content_type;
	int minor; /* HTTP/1.x */
	bool keep_alive;
	bool chunked;
	bool expects_continue;
	uint64_t content_length; /* 0 when absent */
	size_t n_fields;
	struct bud_header fields[BUD_HEAD_FIELDS_MAX];
};

/* Looks for the end of the head. Whole: *out_len is its length with the empty line. The verdict
 * does not depend on how the bytes were split. */
enum bud_head_result bud_head_scan(struct bud_head_scan *scan, struct bud_span bytes,
	size_t *out_len, struct bud_refusal *out_refusal);

/* Reads the first line of a whole head into method, target, path, query and minor. False: refused.
 */
bool bud_head_read_line(
	struct bud_head *head, struct bud_span bytes, struct bud_refusal *out_refusal);

/* Judges the fields, sets expects_continue and content_type, and compares `chunked` and
 * `content_length` as the parser understood them with its own reading. `is_parsed` is false when
 * the parser gave up: then only the fields before its fault are judged. False: refused. */
bool bud_head_check(struct bud_head *head, bool is_parsed, struct bud_refusal *out_refusal);
