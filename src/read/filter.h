/* A filter of a pull: which of the events of one index key are wanted. Pure. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "core/text.h"
#include "store/index_key.h"

struct bud_event; /* event/event.h */

enum bud_read_mode {
	BUD_READ_EXACT,
	BUD_READ_PREFIX,      /* exact, or up to a * at its end */
	BUD_READ_LIKE,        /* as SQL has it: % any run of characters, _ one, \ before either */
	BUD_READ_LIKE_NOCASE, /* the same; ASCII letters in either case */
};

struct bud_read_pattern {
	enum bud_read_mode mode;
	struct bud_span text;
};

/* All borrowed. {.from_ms = INT64_MIN, .to_ms = INT64_MAX} wants everything. */
struct bud_read_filter {
	/* What attributes must be, exactly; at == NULL: anything. */
	struct bud_span attributes[BUD_INDEX_KINDS];
	const struct bud_read_pattern *types; /* one of them; none: any */
	size_t types_n;
	const struct bud_read_pattern *sources;
	size_t sources_n;
	/* Of the event's `time`, or of when it was stored where it has none. */
	int64_t from_ms; /* inclusive */
	int64_t to_ms;   /* exclusive */
};

bool bud_read_pattern_match(const struct bud_read_pattern *pattern, struct bud_span text);
bool bud_read_filter_match(
	const struct bud_read_filter *filter, const struct bud_event *event, int64_t stored_ms);
