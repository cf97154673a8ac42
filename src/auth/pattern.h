/* Patterns: texts in which * stands for any run of characters, also for none. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "core/text.h"

/* Starts as {0}; the texts are owned. */
struct bud_patterns {
	char **at;
	size_t n;
};

bool bud_pattern_match(const char *pattern, struct bud_span text);
/* It has no *: it matches itself alone. */
bool bud_pattern_is_plain(const char *pattern);

/* Copies the text. */
void bud_patterns_add(struct bud_patterns *patterns, const char *text);
void bud_patterns_finish(struct bud_patterns *patterns);
/* One of them matches; none at all match everything. */
bool bud_patterns_match(const struct bud_patterns *patterns, struct bud_span text);
