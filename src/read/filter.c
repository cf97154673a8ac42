/* Filters of pulls. */
#include "read/filter.h"

#include "event/event.h"
#include "event/timestamp.h"

/* LIKE: at a mismatch what the last % stands for grows by one character. Time is at most the
 * product of both lengths. */
struct like {
	struct bud_span pattern;
	struct bud_span text;
	bool ignores_case;
};

static char folded(char c, bool ignores_case)
{
	return ignores_case && c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static size_t character_len(struct bud_span text, size_t at)
{
	size_t len = bud_utf8_sequence_len(text.at + at, text.len - at);

	return len > 0 ? len : 1;
}

/* Passes one element of the pattern and what it stands for; false: they differ. */
static bool pass(const struct like *like, size_t *pattern_at, size_t *text_at)
{
	size_t at = *pattern_at;
	char c = like->pattern.at[at];

	if (c == '_') {
		*pattern_at = at + 1;
		*text_at += character_len(like->text, *text_at);
		return true;
	}
	if (c == '\\' && at + 1 < like->pattern.len)
		c = like->pattern.at[++at];
	if (folded(c, like->ignores_case) != folded(like->text.at[*text_at], like->ignores_case))
		return false;
	*pattern_at = at + 1;
	(*text_at)++;
	return true;
}

static bool match_like(const struct like *like)
{
	size_t pattern_at = 0;
	size_t text_at = 0;
	size_t after_any = 0; /* behind the last %; 0: there was none */
	size_t any_end = 0;   /* what it stands for ends here */

	while (text_at < like->text.len) {
		if (pattern_at < like->pattern.len && like->pattern.at[pattern_at] == '%') {
			after_any = ++pattern_at;
			any_end = text_at;
		} else if (pattern_at == like->pattern.len || !pass(like, &pattern_at, &text_at)) {
			if (after_any == 0)
				return false;
			any_end += character_len(like->text, any_end);
			pattern_at = after_any;
			text_at = any_end;
		}
	}
	while (pattern_at < like->pattern.len && like->pattern.at[pattern_at] == '%')
		pattern_at++;
	return pattern_at == like->pattern.len;
}

bool bud_read_pattern_match(const struct bud_read_pattern *pattern, struct bud_span text)
{
	struct bud_span wanted = pattern->text;

	switch (pattern->mode) {
	case BUD_READ_PREFIX:
		if (wanted.len > 0 && wanted.at[wanted.len - 1] == '*')
			return bud_span_starts(text, (struct bud_span){wanted.at, wanted.len - 1});
		return bud_span_equals(wanted, text);
	case BUD_READ_LIKE:
		return match_like(&(struct like){wanted, text, false});
	case BUD_READ_LIKE_NOCASE:
		return match_like(&(struct like){wanted, text, true});
	case BUD_READ_EXACT:
		break;
	}
	return bud_span_equals(wanted, text);
}

static bool match_any(const struct bud_read_pattern *patterns, size_t n, struct bud_span text)
{
	for (size_t i = 0; i < n; i++)
		if (bud_read_pattern_match(&patterns[i], text))
			return true;
	return n == 0;
}

static bool has_attribute(
	const struct bud_event *event, enum bud_index_kind kind, struct bud_span wanted)
{
	const struct bud_attribute *found =
		bud_event_find(event, bud_span(bud_index_kind_word(kind)));

	return found && bud_span_equals(found->value, wanted);
}

static bool match_time(
	const struct bud_read_filter *filter, const struct bud_event *event, int64_t stored_ms)
{
	const struct bud_attribute *time = bud_event_find(event, bud_span("time"));
	int64_t time_ms = stored_ms;

	if (filter->from_ms == INT64_MIN && filter->to_ms == INT64_MAX)
		return true;
	if (time)
		(void)!bud_time_parse(time->value, &time_ms); /* it was checked when it came */
	return time_ms >= filter->from_ms && time_ms < filter->to_ms;
}

bool bud_read_filter_match(
	const struct bud_read_filter *filter, const struct bud_event *event, int64_t stored_ms)
{
	for (enum bud_index_kind kind = 0; kind < BUD_INDEX_KINDS; kind++)
		if (filter->attributes[kind].at &&
			!has_attribute(event, kind, filter->attributes[kind]))
			return false;
	return match_any(filter->types, filter->types_n, event->type) &&
	       match_any(filter->sources, filter->sources_n, event->source) &&
	       match_time(filter, event, stored_ms);
}
