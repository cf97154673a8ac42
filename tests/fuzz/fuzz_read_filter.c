/* A pattern as SQL's LIKE has it, and a text behind the first NUL: what the matcher says is what a
 * table of all prefixes says; and no text that was not written by us is a cursor. */
#include <stdint.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "core/text.h"
#include "read/cursor.h"
#include "read/filter.h"
#include "store/store.h"

#define BYTES_MAX 300

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static size_t step(struct bud_span text, size_t at)
{
	size_t len = bud_utf8_sequence_len(text.at + at, text.len - at);

	return len > 0 ? len : 1;
}

/* reach[i]: the pattern so far can stand for the first i bytes of the text. */
static bool match_slowly(struct bud_span pattern, struct bud_span text)
{
	bool reach[BYTES_MAX + 1] = {true};

	for (size_t at = 0; at < pattern.len; at++) {
		bool next[BYTES_MAX + 1] = {false};
		char c = pattern.at[at];
		bool is_plain = c == '\\' && at + 1 < pattern.len;
		if (is_plain)
			c = pattern.at[++at];
		for (size_t i = 0; i <= text.len; i++) {
			if (!reach[i])
				continue;
			if (c == '%' && !is_plain)
				for (size_t k = i; k <= text.len;
					k += k < text.len ? step(text, k) : 1)
					next[k] = true;
			else if (i < text.len && c == '_' && !is_plain)
				next[i + step(text, i)] = true;
			else if (i < text.len && c == text.at[i])
				next[i + 1] = true;
		}
		memcpy(reach, next, sizeof(reach));
	}
	return reach[text.len];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bud_span rest = {(const char *)data, size < BYTES_MAX ? size : BYTES_MAX};
	struct bud_shard shard = {.partitions = 16};
	struct bud_index_key key = {.kind = BUD_INDEX_SUBJECT};
	struct bud_read_pattern like = {BUD_READ_LIKE, bud_span_take_until(&rest, '\0')};
	uint64_t position;

	/* Patterns and texts are UTF-8: the query was checked, and so was the event. */
	if (bud_utf8_is_valid(like.text.at, like.text.len) && bud_utf8_is_valid(rest.at, rest.len))
		must(bud_read_pattern_match(&like, rest) == match_slowly(like.text, rest));
	must(bud_cursor_parse(
		     &shard, &key, (struct bud_span){(const char *)data, size}, &position) < 0);
	return 0;
}
