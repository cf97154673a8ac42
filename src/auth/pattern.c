/* Patterns. Matching goes back to the last * only, so it is linear in pattern times text. */
#include "auth/pattern.h"

#include <stdlib.h>

#include "core/alloc.h"

bool bud_pattern_match(const char *pattern, struct bud_span text)
{
	const char *star = NULL; /* behind the last one */
	size_t from = 0;         /* what it may swallow up to, next */
	size_t i = 0;

	while (i < text.len) {
		if (*pattern == '*') {
			star = ++pattern;
			from = i;
		} else if (*pattern != '\0' && *pattern == text.at[i]) {
			pattern++;
			i++;
		} else if (star) {
			pattern = star;
			i = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

bool bud_pattern_is_plain(const char *pattern)
{
	return strchr(pattern, '*') == NULL;
}

void bud_patterns_add(struct bud_patterns *patterns, const char *text)
{
	/* Powers of two. */
	if ((patterns->n & (patterns->n - 1)) == 0)
		patterns->at = bud_realloc(
			patterns->at, (patterns->n ? 2 * patterns->n : 1) * sizeof(*patterns->at));
	patterns->at[patterns->n++] = bud_strdup(text);
}

void bud_patterns_finish(struct bud_patterns *patterns)
{
	for (size_t i = 0; i < patterns->n; i++)
		free(patterns->at[i]);
	free(patterns->at);
	*patterns = (struct bud_patterns){0};
}

bool bud_patterns_match(const struct bud_patterns *patterns, struct bud_span text)
{
	for (size_t i = 0; i < patterns->n; i++)
		if (bud_pattern_match(patterns->at[i], text))
			return true;
	return patterns->n == 0;
}
